"""A person's hold: observed, nothing done, nothing counted, and over by itself."""

from __future__ import annotations

import pytest

from orchestrator.core.foresight import Intention, foresee
from orchestrator.core.holding import span
from orchestrator.core.inherit import inherit
from orchestrator.core.messages import UNSEEN, Hold, Message, Release, Restart, Result, Start
from orchestrator.core.model import ActionKind, ContainerState, Held, ServiceState, Status
from tests.core.stage import Stage, healthy, restarting, stopped, undiscovered, unhealthy

HALF_AN_HOUR = 1800.0
HOLD = Hold("ann", HALF_AN_HOUR, "kernel upgrade")


def held(stage: Stage) -> Stage:
    stage.turn(command=HOLD)
    assert stage.decision.reply is not None
    assert stage.decision.reply.accepted
    return stage


def test_what_dies_in_a_hold_is_started_when_it_ends_and_not_before() -> None:
    stage = held(healthy())
    stage.after(60).exits()
    assert (stage.status, stage.does, stage.state.strikes) == (Status.STOPPED, [], 0)
    assert stage.state.reason == "held by ann (kernel upgrade): exited with code 1"
    stage.wake()
    assert stage.told == [Message.RELEASED, Message.RESTARTING]
    assert stage.decision.events[0].cause == "the time of the hold by ann is over"
    assert stage.does == [ActionKind.START]
    assert stage.state.hold is None


def test_what_falls_ill_in_a_hold_is_not_restarted_however_often_it_fails() -> None:
    stage = held(healthy())
    for _ in range(20):
        stage.after(30).fails()
        assert stage.does == []
    assert (stage.status, stage.state.strikes) == (Status.UNHEALTHY, 0)


def test_a_restart_that_was_due_waits_for_the_end_of_the_hold() -> None:
    stage = unhealthy()
    stage.after(1).fails()
    held(stage)
    stage.after(60).fails()
    assert (stage.does, stage.state.retry_at) == ([], None)


def test_a_hold_is_told_with_who_how_long_and_why() -> None:
    stage = held(healthy())
    assert [(event.message, event.cause) for event in stage.decision.events] == [
        (Message.HELD, "for 30m by ann: kernel upgrade")
    ]
    stage.turn(command=Hold("bob", 60))
    assert stage.decision.events[0].cause == "for 1m by bob"
    assert stage.state.hold == Held(stage.now.moment + 60, "bob", "")
    stage.after(1).exits()
    assert stage.state.reason == "held by bob: exited with code 1"


def test_a_release_ends_it_at_once() -> None:
    stage = held(stopped())
    stage.after(60).turn()
    assert stage.does == []
    stage.turn(command=Release("bob"))
    assert stage.told == [Message.RELEASED, Message.RESTARTING]
    assert stage.decision.events[0].cause == "by bob"


def test_a_release_of_what_nobody_holds_changes_nothing() -> None:
    stage = healthy()
    stage.turn(command=Release("bob"))
    assert (stage.told, stage.state.hold) == ([], None)


@pytest.mark.parametrize("command", [Restart("ann"), Start("ann")])
def test_a_person_acts_in_a_hold_as_ever(command: Restart | Start) -> None:
    stage = held(healthy())
    stage.after(60).exits()
    stage.turn(command=command)
    assert stage.does == [ActionKind.START]
    stage.restarts()
    assert (stage.status, stage.state.hold is not None) == (Status.STARTING, True)


def test_a_hold_ends_also_while_an_action_is_under_way() -> None:
    stage = held(restarting())
    stage.wake()
    assert stage.told == [Message.RELEASED]
    stage.ends(Result.DONE, stage.new_run())
    assert stage.status is Status.STARTING


def test_a_hold_needs_no_container_and_no_engine() -> None:
    stage = held(undiscovered())
    assert stage.container is UNSEEN
    stage.wake()
    assert stage.told == [Message.RELEASED]


def test_what_waits_for_a_dependency_in_a_hold_waits_for_the_hold_first() -> None:
    stage = held(healthy())
    stage.unmet = ("db",)
    stage.after(30).exits()
    assert Message.WAITING not in stage.told
    stage.wake()
    assert stage.told == [Message.RELEASED, Message.WAITING]
    stage.turn(command=HOLD)
    stage.unmet = ()
    stage.after(1).turn()
    assert (stage.told, stage.does) == ([], [])
    stage.turn(command=Release("ann"))
    assert stage.told == [Message.RELEASED, Message.RESUMED, Message.RESTARTING]


def test_what_stops_in_a_hold_by_itself_is_seen_as_it_is() -> None:
    stage = held(healthy())
    stage.turns_into(ContainerState.PAUSED)
    assert stage.state.reason == "paused"


# --- foreseen ------------------------------------------------------------------------------------------------


def test_the_plan_says_what_the_end_of_the_hold_will_bring() -> None:
    stage = held(healthy())
    stage.after(60).exits()
    plan = foresee(stage.spec, stage.state, stage.facts, stage.now)
    assert (plan.intention, plan.blocked_by) == (Intention.START, ("held",))
    assert plan.at == stage.now.moment + HALF_AN_HOUR - 60


def test_what_does_well_is_held_and_nothing_else() -> None:
    stage = held(healthy())
    plan = foresee(stage.spec, stage.state, stage.facts, stage.now)
    assert (plan.intention, plan.blocked_by) == (Intention.HELD, ("held",))


def test_what_fails_in_a_hold_is_foreseen_to_be_restarted_after_it() -> None:
    stage = held(healthy())
    stage.after(30).fails()
    plan = foresee(stage.spec, stage.state, stage.facts, stage.now)
    assert (plan.intention, plan.blocked_by) == (Intention.RESTART, ("held",))
    assert plan.at is not None
    assert plan.at >= stage.now.moment + HALF_AN_HOUR - 30


# --- and the rest --------------------------------------------------------------------------------------------


def test_history_that_is_found_late_brings_its_hold_back() -> None:
    earlier = ServiceState(hold=Held(50.0, "ann", ""))
    assert inherit(ServiceState(), earlier).hold == earlier.hold
    newer = ServiceState(hold=Held(70.0, "bob", ""))
    assert inherit(newer, earlier).hold == newer.hold


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "1s"), (90, "1m30s"), (1800, "30m"), (5400, "1h30m"), (86_400, "1d"), (7 * 86_400, "7d")],
)
def test_a_duration_is_told_as_it_is_written(seconds: float, words: str) -> None:
    assert span(seconds) == words
