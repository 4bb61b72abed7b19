"""The words of the engine's list about a run's age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.engine.uptime import health_word, uptime_at_most

HOUR = 3600.0


def written(age: float, rounding: float) -> str:
    """An age as the engines write it: whole units, hours rounded to the nearest (0.5) or cut (0)."""
    seconds, minutes, hours = int(age), int(age / 60), int(age / HOUR + rounding)
    if seconds < 1:
        return "Less than a second"
    if seconds == 1:
        return "1 second"
    if seconds < 60:
        return f"{seconds} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    return next(
        text
        for limit, text in (
            (48, f"{hours} hours"),
            (24 * 14, f"{hours // 24} days"),
            (24 * 60, f"{hours // 24 // 7} weeks"),
            (24 * 365 * 2, f"{hours // 24 // 30} months"),
            (float("inf"), f"{int(age / HOUR) // 24 // 365} years"),
        )
        if hours < limit
    )


@given(
    st.one_of(st.floats(0, 200), st.floats(0, 3 * 24 * HOUR), st.floats(0, 4 * 365 * 24 * HOUR)),
    st.sampled_from([0.0, 0.5]),
)
def test_no_run_is_older_than_its_bound(age: float, rounding: float) -> None:
    bound = uptime_at_most(f"Up {written(age, rounding)}")
    assert bound is not None
    assert age < bound


@pytest.mark.parametrize(
    ("words", "bound"),
    [
        ("Up Less than a second", 1),
        ("Up 1 second", 2),
        ("Up 5 minutes", 360),
        ("Up About a minute", 120),
        ("Up About an hour (healthy)", 7200),
        ("Up 2 hours (Paused)", 3 * HOUR),
        ("up 3 days", 4 * 24 * HOUR),
    ],
)
def test_the_bound_is_one_unit_more_than_is_written(words: str, bound: float) -> None:
    assert uptime_at_most(words) == bound


@pytest.mark.parametrize("words", ["Exited (0) 5 minutes ago", "Created", "Restarting (1) 3 seconds ago", "", "Up"])
def test_what_does_not_run_has_no_age(words: str) -> None:
    assert uptime_at_most(words) is None


@pytest.mark.parametrize(
    ("words", "health"),
    [
        ("Up 5 minutes (healthy)", "healthy"),
        ("Up 5 minutes (unhealthy)", "unhealthy"),
        ("Up 5 minutes (health: starting)", "starting"),
        ("Up 5 minutes (starting)", "starting"),
        ("Up 5 minutes (Paused)", ""),
        ("Up 5 minutes", ""),
    ],
)
def test_the_health_word_is_read_where_there_is_one(words: str, health: str) -> None:
    assert health_word(words) == health
