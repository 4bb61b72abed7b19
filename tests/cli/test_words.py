"""Ages, countdowns and statuses in few characters."""

from __future__ import annotations

import pytest

from orchestrator.cli.words import CATEGORIES, countdown, look, span
from orchestrator.core.model import Category, Status

NOW = "2024-01-15T10:00:00.000Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172799, "47h"),
        (172800, "2d"),
    ],
)
def test_a_span_is_told_in_its_largest_sensible_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, ""),
        ("2024-01-15T10:00:38.200Z", "38s"),
        ("2024-01-15T10:00:00.500Z", "now"),
        ("2024-01-15T09:59:00.000Z", "now"),
        ("2024-01-15T10:05:00.000Z", "5m"),
    ],
)
def test_a_countdown_is_measured_by_the_server_s_clock(at: str | None, text: str) -> None:
    assert countdown(at, NOW) == text


def test_every_status_has_a_look_of_its_own() -> None:
    looks = [look(status) for status in Status]
    assert len({one.symbol for one in looks}) == len({one.plain for one in looks}) == len(Status)


def test_what_rests_does_not_shout() -> None:
    assert look("stopped", at_rest=True).style == "dim"


def test_a_status_of_a_newer_server_is_shown_all_the_same() -> None:
    assert look("hibernating").symbol == "?"


def test_every_category_has_its_place() -> None:
    assert set(CATEGORIES) == set(Category)
