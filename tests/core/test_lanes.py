"""One at a time in a lane, each verified before the next; who waits says so, and is not forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core import lanes, policy
from orchestrator.core.foresight import Intention, foresee
from orchestrator.core.messages import Companion, Disable, Message, Restart, Result, Start, Stop
from orchestrator.core.model import ActionKind, Attempt, ContainerState, Run, ServiceSpec, ServiceState, Status
from tests.core.stage import GRACE, Stage, a_spec, healthy, restarting, unhealthy

TURN = "waiting for its turn in lane gpu: llm is being restarted"


def in_lane(**changes: Any) -> ServiceSpec:
    return a_spec(lane="gpu", **changes)


def taken(stage: Stage) -> Stage:
    stage.lane_taken_by = "llm"
    return stage


def freed(stage: Stage) -> Stage:
    stage.lane_taken_by = ""
    stage.turn()
    return stage


# --- what would be done by itself ------------------------------------------------------------------------------


def test_a_death_waits_for_its_turn_and_is_healed_when_it_comes() -> None:
    stage = taken(healthy(in_lane()))
    stage.exits()
    assert stage.does == []
    assert stage.state.reason == f"{TURN}: exited with code 1"
    assert stage.state.strikes == 1, "it is its own failure all the same"
    assert stage.told == [Message.STOPPED]
    freed(stage)
    assert stage.does == [ActionKind.START]
    assert stage.told == [Message.RESTARTING]


def test_a_confirmed_failure_waits_for_its_turn_and_needs_no_second_confirmation() -> None:
    stage = taken(unhealthy(in_lane()))
    stage.after(1).fails()
    stage.wake()
    assert stage.does == []
    assert stage.state.reason.startswith(f"{TURN}: HTTP 500")
    freed(stage.after(60))
    assert stage.does == [ActionKind.RESTART]


def test_what_passes_meanwhile_is_not_restarted() -> None:
    stage = taken(unhealthy(in_lane()))
    stage.after(1).fails()
    stage.wake()
    stage.after(5).passes()
    freed(stage)
    assert (stage.does, stage.status) == ([], Status.RUNNING)


def test_a_companion_is_followed_when_its_turn_comes() -> None:
    stage = healthy(in_lane(restart_with=("vpn",)))
    stage.companions = (Companion("vpn", Run("vpn", stage.now.wall - 100)),)
    stage.turn()
    taken(stage).companions = (Companion("vpn", Run("vpn", stage.now.wall)),)
    stage.turn()
    assert stage.does == []
    freed(stage)
    assert stage.does == [ActionKind.RESTART]


def test_the_one_trial_of_a_disabled_service_waits_too() -> None:
    stage = healthy(in_lane(max_failures=1, retry_disabled_after=60.0))
    stage.exits()
    assert stage.status is Status.DISABLED
    taken(stage).after(100).turn()
    assert stage.status is Status.DISABLED
    freed(stage)
    assert Message.ENABLED in stage.told


def test_a_stop_needs_no_turn() -> None:
    stage = taken(healthy(in_lane()))
    stage.turn(command=Stop("ann"))
    assert stage.does == [ActionKind.STOP]
    assert not lanes.keeps(stage.state)


# --- what people ask for -----------------------------------------------------------------------------------------


def asked_to_restart() -> Stage:
    stage = taken(healthy(in_lane()))
    decision = stage.turn(command=Restart("ann"))
    assert decision.reply is not None
    assert decision.reply.accepted
    assert decision.reply.message == f"web is restarted when its turn comes: {TURN}"
    assert stage.told == [Message.MANUAL_RESTART]
    assert stage.does == []
    return stage


def test_a_person_is_accepted_and_waits() -> None:
    stage = asked_to_restart()
    assert stage.state.reason == f"{TURN}: asked for by ann"
    stage.after(5).passes()
    assert stage.told == []
    freed(stage)
    assert stage.does == [ActionKind.RESTART]
    stage.restarts()
    stage.after(5).passes()
    assert stage.told == [Message.RESTART_COMPLETED]


def test_a_person_does_not_wait_for_memory() -> None:
    stage = asked_to_restart()
    stage.held = "4.0 GB of GPU memory are needed"
    freed(stage)
    assert stage.does == [ActionKind.RESTART]


def test_what_waits_is_foreseen_as_waiting() -> None:
    stage = asked_to_restart()
    foreseen = foresee(stage.spec, stage.state, stage.facts, stage.now)
    assert (foreseen.intention, foreseen.blocked_by) == (Intention.WAIT, ("lane_taken_by:llm",))
    assert foreseen.cause == f"{TURN}: asked for by ann"


def test_a_start_that_is_asked_for_waits() -> None:
    stage = healthy(in_lane())
    stage.turn(command=Stop("ann"))
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    taken(stage).turn(command=Start("ann"))
    assert (stage.does, stage.told) == ([], [Message.MANUAL_START])
    freed(stage)
    assert stage.does == [ActionKind.START]


def test_the_next_request_takes_the_place_of_the_one_that_waits() -> None:
    stage = asked_to_restart()
    stage.turn(command=Stop("bob"))
    assert stage.does == [ActionKind.STOP]
    assert stage.told == [Message.RESTART_FAILED, Message.MANUAL_STOP]


def test_what_died_while_it_waited_is_started() -> None:
    stage = asked_to_restart()
    stage.exits()
    assert (stage.status, stage.does) == (Status.STOPPED, [])
    freed(stage)
    assert stage.does == [ActionKind.START]


def test_what_somebody_else_restarted_meanwhile_counts_as_done() -> None:
    stage = asked_to_restart()
    stage.after(1).starts()
    assert not lanes.keeps(stage.state)
    stage.after(1).passes()
    assert stage.told == [Message.RESTART_COMPLETED]
    freed(stage)
    assert stage.does == []


def test_what_was_recreated_meanwhile_is_judged_anew() -> None:
    stage = asked_to_restart()
    stage.after(1).starts(container_id="c2")
    assert Message.RESTART_FAILED in stage.told
    freed(stage)
    assert stage.does == []


def test_what_was_disabled_meanwhile_is_left_alone() -> None:
    stage = asked_to_restart()
    stage.turn(command=Disable("bob"))
    assert stage.told == [Message.DISABLED, Message.RESTART_FAILED]
    freed(stage)
    assert stage.does == []


# --- what was begun already --------------------------------------------------------------------------------------


def half_done() -> Stage:
    """Killed by our own end between the stop and the start of a restart."""
    stage = restarting(in_lane())
    attempt = stage.state.attempt
    assert attempt is not None
    stage.state = replace(stage.state, attempt=replace(attempt, in_flight=False, patience_ends=None))
    return stage


def test_an_interrupted_restart_goes_on_at_its_turn() -> None:
    stage = taken(half_done())
    stage.exits(137)
    assert (stage.does, stage.told) == ([], [])
    assert stage.state.reason.startswith(f"{TURN}: to finish an interrupted restart")
    stage.held = "no memory"
    freed(stage)
    assert stage.does == []
    assert stage.state.reason.startswith("held: no memory: to finish an interrupted restart")
    stage.held = ""
    stage.turn()
    assert stage.does == [ActionKind.START]
    stage.restarts()
    stage.after(1).passes()
    assert stage.announced.count(Message.RESTARTING) == 1
    assert stage.announced.count(Message.RESTART_COMPLETED) == 1


# --- who keeps the lane ------------------------------------------------------------------------------------------


def test_the_lane_is_kept_until_the_pass() -> None:
    stage = restarting(in_lane())
    assert lanes.keeps(stage.state)
    stage.restarts()
    assert lanes.keeps(stage.state)
    stage.after(1).passes()
    assert not lanes.keeps(stage.state)


def test_the_lane_is_free_after_a_death_and_after_a_failed_verdict() -> None:
    dead = restarting(in_lane())
    dead.restarts()
    dead.after(1).exits()
    dead.turn()
    failed = restarting(in_lane())
    failed.restarts()
    failed.after(GRACE).fails()
    assert not lanes.keeps(failed.state)
    assert failed.told[0] is Message.RESTART_FAILED


def test_who_cannot_be_judged_keeps_the_lane_for_its_grace_and_a_margin() -> None:
    stage = restarting(in_lane())
    stage.restarts()
    stage.cannot_tell()
    assert stage.decision.wake_at == stage.now.moment + GRACE + policy.LANE_MARGIN
    stage.wake()
    assert not lanes.keeps(stage.state)
    assert stage.state.attempt is not None, "it is verified still, if it ever passes"
    stage.passes()
    assert stage.told[0] is Message.RESTART_COMPLETED


def test_without_a_lane_nothing_is_kept_from_anybody() -> None:
    stage = restarting()
    stage.restarts()
    assert not lanes.keeps(stage.state)


@pytest.mark.parametrize(
    ("attempt", "keeps"),
    [
        (None, False),
        (Attempt("1", ActionKind.RESTART, False, "", None), True),
        (Attempt("1", ActionKind.START, False, "", None, in_flight=False, lane_until=5.0), True),
        (Attempt("1", ActionKind.START, False, "", None, in_flight=False), False),
        (Attempt("1", ActionKind.RESTART, False, "", None, in_flight=False, queued=True), False),
        (Attempt("1", ActionKind.RESTART, False, "", None, pauses=True), True),
        (Attempt("1", ActionKind.RESTART, False, "", None, in_flight=False, pauses=True), False),
        (Attempt("1", ActionKind.PLAYBOOK, False, "", None), False),
        (Attempt("1", ActionKind.STOP, True, "", None), False),
    ],
)
def test_who_keeps_a_lane(attempt: Attempt | None, keeps: bool) -> None:
    state = ServiceState(attempt=attempt)
    assert lanes.keeps(state) is keeps
    assert lanes.taken_by("web", {"llm": state, "web": ServiceState()}) == ("llm" if keeps else "")
    assert lanes.taken_by("llm", {"llm": state}) == "", "nobody waits for itself"


# --- room --------------------------------------------------------------------------------------------------------


def test_a_restart_that_makes_room_begins_with_its_stop_and_goes_on_at_its_turn() -> None:
    stage = unhealthy(in_lane())
    stage.after(1).fails()
    taken(stage).make_room = "GPU memory is short"
    stage.wake()
    assert [(action.kind, action.cause.endswith("; GPU memory is short")) for action in stage.decision.actions] == [
        (ActionKind.STOP, True)
    ]
    assert stage.told == [Message.RESTARTING]
    stage.make_room = ""
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    stage.wake()
    assert (stage.does, lanes.keeps(stage.state)) == ([], False)
    freed(stage)
    assert stage.does == [ActionKind.START]
    stage.restarts()
    stage.after(1).passes()
    assert stage.announced.count(Message.RESTARTING) == 1
    assert stage.announced.count(Message.RESTART_COMPLETED) == 1
    assert Message.RESTART_FAILED not in stage.announced


def test_what_is_tried_all_the_same_says_so() -> None:
    stage = healthy(in_lane())
    stage.remark = "tried all the same after 300 s"
    stage.exits()
    assert stage.decision.actions[0].cause == "exited with code 1; tried all the same after 300 s"
