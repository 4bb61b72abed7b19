"""What is down or ill while a hard dependency is down: left alone, told once, and given time when that is over."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from orchestrator.core.messages import Disable, Message, Stop
from orchestrator.core.model import ActionKind, Kind, Status
from orchestrator.core.policy import ONE_CAUSE
from tests.core.stage import GRACE, a_spec, healthy, stopped, unhealthy

WAITS = [Message.WAITING, Message.RESUMED]


def test_the_wait_has_one_event_at_its_beginning_and_one_at_its_end() -> None:
    stage = healthy()
    stage.unmet = ("db",)
    for _ in range(5):
        stage.after(30).fails()
    stage.unmet = ()
    for _ in range(5):
        stage.after(1).turn()
    assert [message for message in stage.announced if message in WAITS] == WAITS


def test_what_runs_well_without_its_dependency_waits_for_nothing() -> None:
    stage = healthy()
    stage.unmet = ("db",)
    stage.after(30).passes()
    assert (stage.told, stage.state.waiting, stage.status) == ([], False, Status.RUNNING)


def test_the_root_of_a_chain_is_named() -> None:
    stage = healthy()
    stage.unmet, stage.roots = ("backend",), ("postgres",)
    stage.after(30).fails()
    assert stage.state.reason == "waiting for backend (down for postgres): HTTP 500"


def test_a_dependency_that_is_itself_the_root_is_named_once() -> None:
    stage = healthy()
    stage.unmet, stage.roots = ("db",), ("db",)
    stage.after(30).exits()
    assert stage.state.reason == "waiting for db: exited with code 1"


def test_what_recovers_before_its_dependency_ends_the_wait_without_a_word() -> None:
    stage = unhealthy()
    stage.unmet = ("db",)
    stage.after(1).fails()
    stage.after(1).passes()
    assert (stage.told, stage.state.waiting) == ([Message.RECOVERED], False)
    stage.unmet = ()
    stage.after(1).turn()
    assert stage.told == []


def test_what_passes_within_its_time_to_settle_is_not_restarted() -> None:
    stage = unhealthy()
    stage.unmet = ("db",)
    stage.after(1).fails()
    stage.unmet = ()
    stage.after(60).turn()
    stage.after(GRACE / 2).fails()
    stage.after(GRACE / 4).passes()
    assert stage.status is Status.RUNNING
    assert ActionKind.RESTART not in stage.does
    assert Message.RESTARTING not in stage.announced


def test_a_stopped_service_is_started_when_its_dependency_is_back() -> None:
    stage = stopped()
    stage.unmet = ("db",)
    stage.after(60).turn()
    assert stage.told == [Message.WAITING]
    stage.unmet = ()
    stage.after(1).turn()
    assert (stage.does, stage.told) == ([ActionKind.START], [Message.RESUMED, Message.RESTARTING])


@pytest.mark.parametrize("wish", [Stop("ann"), Disable("ann")])
def test_what_a_person_wants_down_waits_for_no_dependency(wish: Stop | Disable) -> None:
    stage = stopped()
    stage.unmet = ("db",)
    stage.after(1).turn()
    assert stage.state.waiting
    stage.turn(command=wish)
    assert not stage.state.waiting
    stage.unmet = ()
    stage.after(1).turn()
    assert stage.told == []


def test_a_wish_that_comes_with_the_dependency_has_no_other_event() -> None:
    stage = stopped()
    stage.unmet = ("db",)
    stage.after(1).turn()
    stage.unmet = ()
    stage.turn(command=Disable("ann"))
    assert stage.told == [Message.DISABLED]


def test_a_completed_job_waits_for_nothing() -> None:
    stage = healthy(a_spec(kind=Kind.JOB))
    stage.unmet = ("db",)
    stage.exits(0)
    assert Message.WAITING not in stage.announced


# --- is it the dependency? -----------------------------------------------------------------------------------


def test_nothing_is_restarted_before_its_dependencies_have_answered_after_its_own_failure() -> None:
    stage = healthy(a_spec(requires=("db",)))
    stage.dependencies_asked = stage.now.moment
    stage.after(30).fails()
    stage.after(1).fails()
    stage.after(1).fails()
    assert (stage.does, stage.status) == ([], Status.UNHEALTHY)
    stage.dependencies_asked = stage.now.moment
    stage.after(1).fails()
    assert stage.does == [ActionKind.RESTART]


def test_a_dependency_that_answers_that_it_is_down_saves_its_dependent() -> None:
    stage = healthy(a_spec(requires=("db",)))
    stage.dependencies_asked = stage.now.moment
    stage.after(30).fails()
    stage.after(2).fails()
    stage.dependencies_asked, stage.unmet = stage.now.moment, ("db",)
    stage.after(1).fails()
    assert (stage.does, stage.told) == ([], [Message.WAITING])


def test_the_dead_are_started_without_asking_anybody() -> None:
    stage = healthy(a_spec(requires=("db",)))
    stage.dependencies_asked = stage.now.moment - 30
    stage.exits()
    assert stage.does == [ActionKind.START]


# --- held ----------------------------------------------------------------------------------------------------


def test_what_is_held_is_observed_and_neither_healed_nor_counted() -> None:
    stage = healthy()
    stage.held = "maintenance until 22:00"
    stage.after(30).fails()
    stage.after(30).fails()
    assert (stage.status, stage.does, stage.state.strikes) == (Status.UNHEALTHY, [], 0)
    assert stage.state.reason == "held: maintenance until 22:00: HTTP 500"
    stage.exits()
    assert (stage.status, stage.does, stage.state.strikes) == (Status.STOPPED, [], 0)
    stage.held = ""
    stage.turn()
    assert stage.does == [ActionKind.START]


def test_a_hold_comes_before_a_dependency() -> None:
    stage = healthy()
    stage.held, stage.unmet = "maintenance", ("db",)
    stage.after(30).exits()
    assert stage.state.reason == "held: maintenance: exited with code 1"


def test_a_reason_survives_the_turns_in_which_nothing_changes() -> None:
    stage = unhealthy()
    stage.held = "maintenance"
    stage.after(1).turn()
    before = stage.state
    stage.after(3600).turn()
    assert replace(stage.state, reason=before.reason) == before


# --- what the host lacks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unmet", "roots"), [("gpu", "gpu"), ("mount:/mnt/x", "mount:/mnt/x"), ("db", "dns:nas")])
def test_what_the_host_lacks_is_waited_for_without_an_event_of_each_service(unmet: str, roots: str) -> None:
    stage = unhealthy()
    stage.unmet, stage.roots = (unmet,), (roots,)
    stage.after(1).fails()
    assert (stage.state.waiting, stage.told) == (True, [])
    stage.unmet = stage.roots = ()
    stage.after(60).turn()
    assert (stage.state.waiting, stage.told, stage.does) == (False, [], [])
    assert stage.state.reason == f"what it waited for is back: it has {GRACE:g} s to come back too"


def test_who_waits_for_a_service_too_is_told_of_when_it_comes_down_to_that() -> None:
    stage = unhealthy()
    stage.unmet = stage.roots = ("gpu",)
    stage.after(1).fails()
    stage.unmet = stage.roots = ("gpu", "db")
    stage.after(1).turn()
    assert stage.told == [Message.WAITING]
    stage.unmet = stage.roots = ("gpu",)
    stage.after(1).turn()
    stage.unmet = stage.roots = ()
    stage.after(1).turn()
    assert stage.told == [Message.RESUMED]


# --- what failed because of what it requires --------------------------------------------------------------------


def test_a_death_beside_that_of_what_it_requires_is_given_back_also_while_it_is_being_started() -> None:
    stage = healthy()
    stage.after(30).exits()
    assert (stage.state.strikes, stage.state.failure_count) == (1, 1)
    assert stage.state.attempt is not None
    assert stage.state.attempt.in_flight
    stage.unmet, stage.unmet_ended = ("db",), stage.now.wall + ONE_CAUSE
    stage.after(0.2).turn()
    assert (stage.state.strikes, stage.state.failure_count, stage.state.counted) == (0, 0, False)
    stage.after(0.2).turn()
    assert stage.state.strikes == 0, "once"


@pytest.mark.parametrize("later", [ONE_CAUSE + 0.1, math.inf])
def test_a_failure_well_before_the_end_of_what_it_requires_is_its_own(later: float) -> None:
    stage = healthy()
    stage.after(30).exits()
    stage.unmet, stage.unmet_ended = ("db",), stage.now.wall + later
    stage.after(5).turn()
    assert stage.state.strikes == 1


def test_who_was_disabled_for_it_is_enabled_again() -> None:
    stage = healthy(a_spec(max_failures=1))
    stage.after(30).exits()
    assert stage.status is Status.DISABLED
    stage.unmet, stage.unmet_ended = ("db",), stage.now.wall
    stage.after(0.2).turn()
    assert (stage.status, stage.state.disabled_by, stage.state.strikes) == (Status.STOPPED, None, 0)
    assert stage.told[0] is Message.ENABLED
    assert stage.state.reason == "waiting for db: exited with code 1"


def test_who_was_disabled_by_a_person_meanwhile_stays_so() -> None:
    stage = healthy()
    stage.after(30).exits()
    stage.turn(command=Disable("ann"))
    stage.unmet, stage.unmet_ended = ("db",), stage.now.wall
    stage.after(0.2).turn()
    assert (stage.state.disabled_by, stage.state.strikes) == ("human", 0)
