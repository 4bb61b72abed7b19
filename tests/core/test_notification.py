"""A message is a value: every attempt to deliver it delivers the same."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from orchestrator.core.notification import Notification, Tone


def test_what_is_delivered_does_not_change_between_two_attempts() -> None:
    message = Notification("k1", Tone.BAD, "db is down", "plain", "**marked**", {"incidents": []})
    with pytest.raises(FrozenInstanceError):
        message.key = "k2"  # type: ignore[misc]
    assert message == Notification("k1", Tone.BAD, "db is down", "plain", "**marked**", {"incidents": []})


def test_tones_are_served_as_words() -> None:
    assert [str(tone) for tone in Tone] == ["info", "good", "warning", "bad"]
