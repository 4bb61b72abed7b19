"""When a service was up: what is counted, what is not known, and what is kept of the distant past."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.history import (
    HOUR,
    LONGEST,
    MIXED,
    MOST_SEGMENTS,
    UNKNOWN,
    History,
    Stretch,
    figures,
    joined,
    observe,
    stretches,
)

NOON = 1_700_000_000.0 // HOUR * HOUR
DAY = 24 * HOUR


def told(*steps: tuple[str, bool | None, float]) -> History:
    history = History()
    for status, available, at in steps:
        history = observe(history, status, available, NOON + at)
    return history


def test_what_was_up_is_counted_against_what_was_down() -> None:
    history = told(("running", True, 0), ("stopped", False, 900), ("running", True, 1000))
    seen = figures(history, 2000, NOON + 2000)
    assert (seen.up, seen.down, seen.unknown) == (1900, 100, 0)
    assert seen.availability == 0.95
    assert (seen.recoveries, seen.mean_seconds_to_recover) == (1, 100)


def test_only_the_window_counts() -> None:
    history = told(("running", True, 0), ("stopped", False, 900), ("running", True, 1000))
    assert figures(history, 500, NOON + 2000).availability == 1.0
    seen = figures(history, 1050, NOON + 2000)
    assert (seen.down, seen.recoveries) == (50, 1)
    assert figures(history, 999, NOON + 2000).recoveries == 0


def test_the_gap_of_our_own_downtime_is_neither_up_nor_down() -> None:
    history = told(("running", True, 0), (UNKNOWN, None, 500), ("stopped", False, 900), ("running", True, 1000))
    seen = figures(history, 1000, NOON + 1000)
    assert (seen.up, seen.down, seen.unknown) == (500, 100, 400)


def test_what_somebody_wants_down_counts_as_neither_and_is_known() -> None:
    history = told(("running", True, 0), ("stopped", None, 500))
    seen = figures(history, 1000, NOON + 1000)
    assert (seen.availability, seen.unknown) == (1.0, 0.0)


def test_before_anything_was_seen_nothing_is_known() -> None:
    seen = figures(History(), DAY, NOON)
    assert (seen.availability, seen.unknown, seen.mean_seconds_to_recover) == (None, DAY, None)
    assert figures(told(("running", True, 0)), DAY, NOON + HOUR).unknown == DAY - HOUR


def test_an_outage_in_the_middle_of_which_nobody_looked_has_no_length() -> None:
    history = told(("stopped", False, 0), (UNKNOWN, None, 100), ("running", True, 500))
    assert figures(history, DAY, NOON + 600).recoveries == 0


def test_a_start_up_is_no_outage() -> None:
    history = told(("starting", False, 0), ("running", True, 100))
    assert figures(history, DAY, NOON + 200).recoveries == 0


def test_an_outage_lasts_through_every_status_that_is_not_up() -> None:
    history = told(("running", True, 0), ("unhealthy", False, 10), ("stopped", False, 20), ("starting", False, 30))
    history = observe(history, "running", True, NOON + 40)
    assert figures(history, DAY, NOON + 50).mean_seconds_to_recover == 30


def test_the_same_again_is_no_news() -> None:
    history = told(("running", True, 0))
    assert observe(history, "running", True, NOON + 5) is history


def test_of_two_statuses_at_one_moment_the_later_counts() -> None:
    history = told(("running", True, 0), ("stopped", False, 10), ("starting", False, 10))
    assert [each.status for each in history.segments] == ["running", "starting"]


def test_a_clock_that_is_stepped_back_makes_nothing_negative() -> None:
    history = told(("running", True, 1000), ("stopped", False, 400), ("running", True, 1200))
    assert [each.since - NOON for each in history.segments] == [1000, 1200]
    assert figures(history, 100, NOON + 900).down == 0


def test_incidents_are_counted_once_each_and_for_as_long_as_anybody_asks() -> None:
    history = joined(joined(joined(History(), NOON), NOON), NOON + 60)
    assert figures(history, HOUR, NOON + 61).incidents == 2
    assert figures(history, 30, NOON + 61).incidents == 1
    assert joined(history, NOON + LONGEST + 30).incidents == (NOON + 60, NOON + LONGEST + 30)


def test_what_is_older_than_the_longest_window_is_let_go() -> None:
    history = told(("running", True, 0), ("stopped", False, 10), ("running", True, 20))
    history = observe(history, "stopped", False, NOON + LONGEST + 15)
    assert [each.since - NOON for each in history.segments] == [10, 20, LONGEST + 15]


def a_loop(cycles: int, period: float = 600.0) -> History:
    """Up for half of each period."""
    history = History()
    for number in range(cycles):
        at = NOON + number * period
        history = observe(history, "running", True, at)
        history = observe(history, "stopped", False, at + period / 2)
        history = observe(history, "starting", False, at + period / 2 + 1)
    return history


def test_of_a_crash_loop_the_newest_stretches_are_exact_and_the_older_sums_by_the_hour() -> None:
    cycles = 30 * 24 * 6
    history = a_loop(cycles)
    assert len(history.segments) == MOST_SEGMENTS
    assert len(history.hours) <= LONGEST / HOUR + 1
    now = NOON + cycles * 600.0
    for window in (HOUR, DAY, 7 * DAY, LONGEST - HOUR):
        seen = figures(history, window, now)
        assert seen.availability is not None
        assert abs(seen.availability - 0.5) < 0.01
        assert seen.unknown < 2 * HOUR
        assert abs(seen.recoveries - window / 600) <= 6
        assert seen.mean_seconds_to_recover == 300


def test_an_outage_and_a_wish_that_reach_back_into_the_sums_are_kept_whole() -> None:
    history = told(("stopped", None, 0), ("stopped", False, 100), (UNKNOWN, None, 150), ("running", True, 180))
    history = observe(history, "unhealthy", False, NOON + 200)
    for number in range(MOST_SEGMENTS - 1):
        history = observe(history, ("stopped", "starting")[number % 2], False, NOON + 300 + number)
    history = observe(history, "running", True, NOON + 5000)
    assert history.outage_since == NOON + 200
    seen = figures(history, 6000, NOON + 6000)
    assert (seen.up, seen.down, seen.unknown) == (1020, 4850, 30)
    assert (seen.recoveries, seen.seconds_to_recover) == (1, 4800)


def test_the_past_is_told_without_a_gap() -> None:
    history = told(("running", True, 100), ("stopped", False, 200))
    assert stretches(history, 300, NOON + 300) == [
        Stretch(UNKNOWN, None, NOON, NOON + 100),
        Stretch("running", True, NOON + 100, NOON + 200),
        Stretch("stopped", False, NOON + 200, NOON + 300),
    ]
    assert stretches(history, 50, NOON + 300) == [Stretch("stopped", False, NOON + 250, NOON + 300)]
    assert stretches(History(), 50, NOON) == [Stretch(UNKNOWN, None, NOON - 50, NOON)]


def test_hours_of_which_only_sums_are_kept_are_told_as_such() -> None:
    history = a_loop(400)
    now = NOON + 400 * 600
    whole = stretches(history, 4 * DAY, now)
    assert [each.status for each in whole[:3]] == [UNKNOWN, MIXED, MIXED]
    assert all(one.end == other.begin for one, other in pairwise(whole))
    assert (whole[0].begin, whole[-1].end) == (now - 4 * DAY, now)
    assert stretches(history, 60, NOON + 60)[-1].end == NOON + 60


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [("running", True), ("stopped", False), ("unhealthy", False), (UNKNOWN, None), ("stopped", None)]
        ),
        st.floats(0, 50_000),
    ),
    max_size=60,
)


@given(STEPS, st.floats(1, LONGEST))
def test_every_second_of_a_window_is_one_thing(
    steps: list[tuple[tuple[str, bool | None], float]], window: float
) -> None:
    history, at = History(), NOON
    for (status, available), wait in steps:
        at += wait
        history = observe(history, status, available, at)
    seen = figures(history, window, at)
    assert min(seen.up, seen.down, seen.unknown) >= 0
    assert seen.up + seen.down + seen.unknown <= window + 1e-3
    told_of = stretches(history, window, at)
    assert abs(sum(each.end - each.begin for each in told_of) - window) < 1e-3
    up = sum(each.end - each.begin for each in told_of if each.available is True)
    assert abs(up - seen.up) < 1e-3
