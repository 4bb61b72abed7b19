"""The breaker: what opens it, what does not, and how it closes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator.core import storm
from orchestrator.core.storm import (
    FEWEST,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PROMPT,
    SLOWEST,
    WINDOW,
    Candidate,
    Examination,
    Illness,
    Storm,
)

NOW = 1000.0
CALM = Storm()
WEB = Candidate("web", grace=30.0, dependents=0)
DB = Candidate("db", grace=10.0, dependents=3)


def ill(count: int, since: float = NOW, *, told_in: float = 2.0, frozen: bool = False) -> Mapping[str, Illness]:
    """On a host that is starved, unless told otherwise."""
    examination = Examination(since, told_in, frozen)
    return {f"{'frozen' if frozen else 'service'}-{number}": Illness(since, examination) for number in range(count)}


def opened(at: float = NOW, before: Storm = CALM) -> Storm:
    found = storm.watch(before, ill(FEWEST, at), services=20, usual=0.0, now=at)
    assert found.why
    return found


def refused(words: str, *services: str, before: Storm = CALM, at: float = NOW) -> Storm:
    for service in services:
        before = storm.acted(before, service, refusal=words, took=0.1, usual=0.1, now=at)
    return before


def watched(remembered: Storm, usual: float = 0.0) -> Storm:
    return storm.watch(remembered, {}, services=20, usual=usual, now=NOW)


# --- ill health -------------------------------------------------------------------------------------------------


def test_many_unrelated_failures_within_seconds_open_it_and_say_so() -> None:
    causes = {**ill(FEWEST, NOW), "first": Illness(NOW - 8)}
    found = storm.watch(CALM, causes, services=20, usual=0.0, now=NOW)
    assert found.words == "restarts are paused: 6 unrelated services failed within 8 s"
    assert found.until == NOW + FIRST_PAUSE


@pytest.mark.parametrize(
    ("causes", "services"),
    [
        ({}, 20),
        (ill(FEWEST - 1), 20),
        (ill(30, NOW - WINDOW - 1), 100),
        (ill(9), 100),
        (ill(49), 500),
        (ill(30, frozen=True), 30),
        ({**ill(FEWEST - 1), **ill(30, frozen=True)}, 40),
    ],
    ids=["nothing", "few", "long ago", "few of a hundred", "few of five hundred", "frozen", "few beside frozen ones"],
)
def test_what_is_few_or_slow_to_come_or_explains_itself_does_not_open_it(
    causes: Mapping[str, Illness], services: int
) -> None:
    assert storm.watch(CALM, causes, services=services, usual=0.0, now=NOW) == CALM


@pytest.mark.parametrize(("told_in", "pause"), [(0.02, 0.0), (PROMPT, 0.0), (PROMPT + 0.1, FIRST_PAUSE)])
def test_on_a_host_that_has_nothing_to_recover_from_one_is_tried_at_once(told_in: float, pause: float) -> None:
    found = storm.watch(CALM, ill(FEWEST, told_in=told_in), services=20, usual=0.0, now=NOW)
    assert found.words
    assert found.until == NOW + pause


def test_one_that_the_engine_is_slow_to_tell_of_is_enough_for_a_pause_and_so_is_one_that_it_told_nothing_of() -> None:
    prompt = ill(FEWEST, told_in=0.02)
    for other in (Illness(NOW, Examination(NOW, PROMPT + 1, frozen=False)), Illness(NOW)):
        found = storm.watch(CALM, {**prompt, "other": other}, services=20, usual=0.0, now=NOW)
        assert found.until == NOW + FIRST_PAUSE


def test_a_trial_at_once_that_was_in_vain_is_followed_by_the_first_pause() -> None:
    found = storm.watch(CALM, ill(FEWEST, told_in=0.02), services=20, usual=0.0, now=NOW)
    found = storm.tried(after_pause(found, WEB), well=False, now=NOW + 20)
    assert found.until == NOW + 20 + FIRST_PAUSE


def test_after_a_trial_that_helped_those_found_ill_later_need_none_as_long_as_the_host_is_well() -> None:
    closed = storm.tried(after_pause(opened(), DB), well=True, now=NOW + 60)
    assert storm.watch(closed, ill(20, NOW + 100, told_in=0.02), services=20, usual=0.0, now=NOW + 100) == closed
    assert storm.watch(closed, ill(20, NOW + 100), services=20, usual=0.0, now=NOW + 100).why
    long_after = NOW + 60 + storm.CALM
    assert storm.watch(closed, ill(20, long_after, told_in=0.02), services=20, usual=0.0, now=long_after).why


def test_soon_after_a_storm_in_which_nothing_was_proven_nothing_is_tried_at_once() -> None:
    closed = after_pause(opened(), WEB, still_ill=0)
    found = storm.watch(closed, ill(FEWEST, NOW + 100, told_in=0.02), services=20, usual=0.0, now=NOW + 100)
    assert found.until == NOW + 100 + 2 * FIRST_PAUSE


def test_the_more_services_the_more_have_to_fail() -> None:
    assert [storm.many(count) for count in (1, 50, 51, 500)] == [FEWEST, FEWEST, 6, 50]


# --- what the engine says -----------------------------------------------------------------------------------------


def test_actions_that_fail_one_after_another_with_the_same_words_open_it() -> None:
    full = "Error response: failed to create task: mkdir /run/{}: no space left on device"
    remembered = CALM
    for number in range(FEWEST):
        remembered = refused(full.format(number), f"service-{number}", before=remembered)
    assert watched(remembered).why == "the last 5 starts failed with the same words: no space left on device"


def test_what_names_one_container_is_not_compared() -> None:
    remembered = CALM
    for number in range(FEWEST):
        words = f'cannot lock "web-{number}" in {number:012x}'
        remembered = refused(words, f"service-{number}", before=remembered)
    assert watched(remembered).why == "the last 5 starts failed with the same words: cannot lock ... in ..."


def test_one_service_that_fails_again_and_again_never_opens_it() -> None:
    assert watched(refused("no such file", *["web"] * 50)) == refused("no such file", "web")


def test_one_action_that_works_between_those_that_fail_ends_the_row() -> None:
    remembered = refused("no space", "a", "b", "c", "d")
    remembered = storm.acted(remembered, "e", refusal="", took=0.1, usual=0.1, now=NOW)
    assert not watched(refused("no space", "f", "g", "h", "i", before=remembered)).why


def test_different_words_are_different_causes() -> None:
    remembered = refused("no space", "a", "b", "c", "d")
    assert not watched(refused("port is taken", "e", before=remembered)).why


def test_what_failed_a_minute_ago_is_no_row() -> None:
    remembered = refused("no space", "a", "b", "c", "d", at=NOW - storm.IN_A_ROW - 1)
    assert not watched(refused("no space", "e", before=remembered)).why


# --- how long it takes --------------------------------------------------------------------------------------------


def slow(took: float, usual: float, count: int = FEWEST, every: float = 0.0) -> Storm:
    remembered = CALM
    for number in range(count):
        at = NOW - (count - 1 - number) * every
        remembered = storm.acted(remembered, f"service-{number}", refusal="", took=took, usual=usual, now=at)
    return remembered


def test_an_engine_that_is_slow_beyond_anything_usual_opens_it() -> None:
    words = "the last 5 starts took more than 20 s each, 2.0 s is usual"
    assert watched(slow(took=21.0, usual=2.0), usual=2.0).why == words


def test_an_engine_that_was_slow_from_the_beginning_opens_it_too() -> None:
    assert watched(slow(took=SLOWEST + 1, usual=0.0)).why == "the last 5 starts took more than 10 s each"


@pytest.mark.parametrize(
    ("took", "usual", "count", "every"),
    [(9.0, 0.1, 5, 0.0), (19.0, 2.0, 5, 0.0), (30.0, 1.0, 4, 0.0), (30.0, 1.0, 5, 20.0)],
    ids=["below the floor", "below ten times the usual", "too few", "not one after another"],
)
def test_what_waits_for_others_is_not_slow(took: float, usual: float, count: int, every: float) -> None:
    assert not watched(slow(took, usual, count, every), usual=usual).why


def test_one_service_that_is_slow_to_start_never_opens_it() -> None:
    remembered = CALM
    for _ in range(50):
        remembered = storm.acted(remembered, "web", refusal="", took=60.0, usual=1.0, now=NOW)
    assert not watched(remembered, usual=1.0).why


# --- how it ends ----------------------------------------------------------------------------------------------------


def after_pause(found: Storm, *candidates: Candidate, still_ill: int = FEWEST) -> Storm:
    return storm.go_on(found, ill(still_ill, found.since), services=20, candidates=candidates, now=found.until)


def test_after_the_pause_the_one_with_the_most_dependents_is_tried() -> None:
    found = after_pause(opened(), WEB, DB)
    assert found.trial == "db"
    assert found.words == "restarts are paused: 5 unrelated services failed within 1 s; db is tried first"
    assert found.until == NOW + FIRST_PAUSE + LONGEST_PAUSE + DB.grace


def test_a_trial_that_is_verified_closes_it() -> None:
    found = storm.tried(after_pause(opened(), DB), well=True, now=NOW + 60)
    assert (found.words, found.ended) == ("", "db is well again")


def test_pauses_double_up_to_a_bound_and_each_trial_is_another_ones() -> None:
    found, pauses, trials = opened(), [], []
    for _ in range(6):
        pauses.append(found.pause)
        found = after_pause(found, WEB, DB)
        trials.append(found.trial)
        found = storm.tried(found, well=False, now=found.until)
    assert pauses == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]
    assert trials == ["db", "web", "db", "web", "db", "web"]


def test_a_trial_that_nobody_can_judge_was_in_vain() -> None:
    found = after_pause(after_pause(opened(), DB), DB)
    assert (found.trial, found.pause) == ("", 2 * FIRST_PAUSE)


def test_a_trial_that_people_prevent_is_held_with_another() -> None:
    found = storm.untried(after_pause(opened(), DB), NOW + 40)
    assert (found.until, after_pause(found, WEB).trial) == (NOW + 40, "web")


def test_what_came_back_by_itself_needs_no_trial() -> None:
    found = after_pause(opened(), WEB, still_ill=FEWEST - 1)
    assert (found.why, found.ended) == ("", "most of what failed came back by itself")


def test_what_was_ill_long_before_is_no_part_of_it() -> None:
    found = storm.go_on(opened(), ill(20, NOW - 3600), services=20, candidates=[WEB], now=NOW + FIRST_PAUSE)
    assert not found.why


def test_what_the_engine_said_is_tried_however_few_are_ill() -> None:
    found = watched(refused("no space", "a", "b", "c", "d", "e"))
    assert after_pause(found, WEB, still_ill=0).trial == "web"


def test_with_nothing_left_to_restart_it_closes() -> None:
    found = after_pause(opened())
    assert (found.why, found.ended) == ("", "nothing is down any more")


def test_a_storm_soon_after_another_pauses_longer_and_one_long_after_does_not() -> None:
    closed = storm.tried(after_pause(opened(), DB), well=True, now=NOW + 60)
    assert opened(NOW + 100, closed).pause == 2 * FIRST_PAUSE
    assert opened(NOW + 60 + storm.CALM, closed).pause == FIRST_PAUSE
