"""How many actions at once, and how fast one after another."""

from __future__ import annotations

import math

import pytest

from orchestrator.core.throttle import NARROWEST, SPREAD, Throttle, answered, begun, next_at, throttle

MOST = 8


def begin(value: Throttle, count: int, now: float = 0.0, jitter: float = 0.0) -> Throttle:
    for _ in range(count):
        value = begun(value, now, jitter)
    return value


def after(value: Throttle, count: int, took: float, busy: int) -> Throttle:
    for _ in range(count):
        value = answered(value, took, busy)
    return value


def engine(cores: int, most: int, actions: int) -> Throttle:
    """An engine that works on one start a core at a time, one second each: more at once only wait inside it."""
    value = throttle(most)
    for _ in range(actions):
        busy = int(value.width)
        value = answered(value, max(1.0, busy / cores), busy)
    return value


def test_at_first_half_of_the_most_begin_at_once() -> None:
    assert int(throttle(MOST).width) == MOST / 2


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_small_host_is_given_what_it_is_allowed(most: int) -> None:
    assert int(throttle(most).width) == min(NARROWEST, most)


def test_nobody_begins_before_one_of_as_many_as_may_be_ends() -> None:
    assert next_at(throttle(MOST), busy=4) == math.inf
    assert next_at(throttle(MOST), busy=3) <= 0


def test_the_bucket_gives_the_most_at_once_and_then_evenly() -> None:
    full = begin(throttle(MOST), MOST - 1)
    assert next_at(full, busy=0) <= 0
    empty = begin(full, 1)
    assert next_at(empty, busy=0) == pytest.approx(SPREAD / MOST)
    assert next_at(begin(empty, MOST), busy=0) == pytest.approx(SPREAD + SPREAD / MOST)


def test_a_bucket_that_was_left_alone_is_full_and_not_more() -> None:
    value = begin(throttle(MOST), MOST)
    assert next_at(begin(value, MOST - 1, now=3600.0), busy=0) <= 3600.0
    assert next_at(begin(value, MOST, now=3600.0), busy=0) > 3600.0


def test_jitter_stretches_the_time_between_two() -> None:
    assert next_at(begin(throttle(MOST), MOST, jitter=0.1), busy=0) == pytest.approx(SPREAD * (0.1 + 1 / MOST))


def test_more_are_begun_at_once_while_starts_take_what_the_quickest_took() -> None:
    assert after(throttle(MOST), 30, took=0.2, busy=MOST).width == MOST


def test_fewer_are_begun_at_once_when_starts_mostly_wait_for_each_other() -> None:
    quick = answered(throttle(MOST), 0.2, 1)
    assert after(quick, 30, took=20.0, busy=MOST).width == NARROWEST


def test_what_was_not_given_more_says_nothing_about_more() -> None:
    assert after(throttle(MOST), 30, took=0.2, busy=1).width == throttle(MOST).width


@pytest.mark.parametrize(("cores", "most"), [(2, 8), (16, 64)])
def test_every_core_is_kept_busy_and_few_wait_inside_the_engine(cores: int, most: int) -> None:
    assert 2 * cores <= engine(cores, most, 400).width <= 3 * cores + 1


def test_an_engine_that_has_become_slower_is_known_by_starts_that_waited_for_nobody() -> None:
    quick = answered(throttle(MOST), 0.1, 1)
    assert after(quick, 1000, took=1.0, busy=MOST).quickest == 0.1
    assert after(quick, 1000, took=1.0, busy=1).quickest == pytest.approx(1.0, rel=0.01)


def test_an_answer_in_no_time_waited_for_nobody() -> None:
    assert answered(throttle(MOST), 0.0, 1).quickest == 0.0
