"""What a person may ask for: what takes effect, what is refused and why, and that none of it is ever a failure."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.core.messages import (
    UNSEEN,
    Command,
    Disable,
    Enable,
    Message,
    Reply,
    Restart,
    Result,
    Start,
    Stop,
)
from orchestrator.core.model import ActionKind, ContainerState, Status
from tests.core.stage import (
    Stage,
    a_spec,
    disabled,
    healthy,
    restarting,
    starting,
    stopped,
    undiscovered,
    unhealthy,
)

Scene = Callable[[], Stage]
COMMANDS = [Restart("ann"), Start("ann"), Stop("ann")]
ACTING = pytest.mark.parametrize("command", COMMANDS, ids=["restart", "start", "stop"])


def ask(stage: Stage, command: Command) -> Reply:
    reply = stage.turn(command=command).reply
    assert reply is not None
    assert stage.spec.name in reply.message
    return reply


def deliberately_stopped() -> Stage:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=143))
    assert stage.status is Status.STOPPED
    return stage


# --- refused ------------------------------------------------------------------------------------------------


@ACTING
def test_nothing_is_done_to_a_service_that_is_only_observed(command: Command) -> None:
    stage = healthy(a_spec(observe_only="it is our own container"))
    assert ask(stage, command).conflict == "observe_only"
    assert stage.does == []


@ACTING
def test_nothing_is_done_to_what_cannot_be_seen(command: Command) -> None:
    stage = healthy()
    stage.container = UNSEEN
    assert ask(stage, command).conflict == "engine_away"
    assert stage.does == []


@ACTING
def test_nothing_is_done_without_a_container(command: Command) -> None:
    stage = undiscovered()
    stage.container = None
    assert ask(stage, command).conflict == "no_container"


@ACTING
@pytest.mark.parametrize("state", [ContainerState.REMOVING, ContainerState.DEAD])
def test_nothing_is_done_to_a_container_that_is_going_away(command: Command, state: ContainerState) -> None:
    stage = healthy()
    stage.container = stage.seen(state=state)
    assert ask(stage, command).conflict == "no_container"


@ACTING
def test_a_paused_container_is_not_touched_on_request_either(command: Command) -> None:
    stage = healthy()
    stage.container = stage.seen(state=ContainerState.PAUSED)
    assert ask(stage, command).conflict == "paused"
    assert stage.does == []


@ACTING
def test_nothing_is_begun_while_an_action_is_in_flight(command: Command) -> None:
    stage = restarting()
    assert ask(stage, command).conflict == "in_flight"
    assert stage.does == []


@pytest.mark.parametrize("command", [Restart("ann"), Start("ann")])
def test_a_disabled_service_is_not_started_on_request(command: Command) -> None:
    stage = disabled()
    assert ask(stage, command).conflict == "disabled"
    assert stage.does == []


def test_a_disabled_service_can_be_stopped() -> None:
    stage = disabled()
    assert ask(stage, Stop("ann")).accepted
    assert stage.does == [ActionKind.STOP]
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    assert (stage.status, stage.told) == (Status.DISABLED, [])


# --- restart ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", [starting, healthy, unhealthy])
def test_a_restart_is_announced_carried_out_and_verified(scene: Scene) -> None:
    stage = scene()
    strikes, failures = stage.state.strikes, stage.state.failure_count
    assert ask(stage, Restart("ann")).accepted
    assert (stage.told, stage.does) == ([Message.MANUAL_RESTART], [ActionKind.RESTART])
    assert stage.decision.actions[0].manual
    stage.after(3).restarts()
    assert (stage.state.strikes, stage.state.failure_count) == (strikes, failures)
    assert stage.state.restart_count == 1
    assert stage.state.last_restart_at == stage.now.wall
    stage.after(1).passes()
    assert stage.told[0] is Message.RESTART_COMPLETED
    assert stage.status is Status.RUNNING


def test_a_restart_of_what_is_down_is_a_start() -> None:
    stage = stopped()
    assert ask(stage, Restart("ann")).accepted
    assert (stage.told, stage.does) == ([Message.MANUAL_RESTART], [ActionKind.START])


def test_a_restart_forgets_failures_only_when_asked_to() -> None:
    stage = stopped()
    ask(stage, Restart("ann"))
    assert stage.state.strikes == 2
    stage = stopped()
    ask(stage, Restart("ann", reset_failures=True))
    assert (stage.state.strikes, stage.state.failure_count) == (0, 0)


def test_a_restart_that_fails_is_no_failure_of_the_service_and_is_tried_again() -> None:
    stage = healthy()
    ask(stage, Restart("ann"))
    stage.after(5).ends(Result.FAILED, stage.seen(state=ContainerState.EXITED, exit_code=143), "no such device")
    assert stage.told == [Message.RESTART_FAILED]
    assert (stage.state.strikes, stage.state.failure_count, stage.status) == (0, 0, Status.STOPPED)
    assert stage.state.reason == "restart failed: no such device"
    assert stage.waits == 2
    stage.wake()
    assert stage.does == [ActionKind.START]


def test_a_restart_that_left_the_service_running_changes_nothing() -> None:
    stage = healthy()
    ask(stage, Restart("ann"))
    stage.after(5).ends(Result.FAILED, stage.seen(), "the lane is jammed")
    assert (stage.told, stage.status, stage.state.strikes) == ([Message.RESTART_FAILED], Status.RUNNING, 0)


def test_a_restart_that_did_not_happen_is_no_failure_of_the_service() -> None:
    stage = stopped()
    ask(stage, Start("ann"))
    stage.after(5).ends(Result.UNKNOWN, stage.seen())
    assert (stage.told, stage.state.strikes, stage.status) == ([Message.RESTART_FAILED], 2, Status.STOPPED)
    assert stage.waits == 4


def test_a_second_restart_ends_the_first_with_its_event() -> None:
    stage = healthy()
    ask(stage, Restart("ann"))
    stage.after(1).restarts()
    ask(stage, Restart("bob"))
    assert stage.told == [Message.RESTART_FAILED, Message.MANUAL_RESTART]


# --- stop and start -----------------------------------------------------------------------------------------


def test_a_deliberate_stop_is_kept() -> None:
    stage = deliberately_stopped()
    assert stage.state.stopped_by == "stopped by ann"
    assert Message.MANUAL_STOP in stage.announced
    for _ in range(5):
        stage.after(86_400).turn()
        assert (stage.does, stage.told, stage.waits) == ([], [], None)
    assert stage.state.reason == "stopped by ann"


def test_what_was_stopped_deliberately_runs_again_when_it_is_started() -> None:
    stage = deliberately_stopped()
    assert ask(stage, Start("ann")).accepted
    assert (stage.does, stage.told) == ([ActionKind.START], [Message.MANUAL_START])
    stage.restarts()
    stage.after(1).passes()
    assert stage.status is Status.RUNNING
    assert stage.state.stopped_by is None


@pytest.mark.parametrize("changes", [{}, {"container_id": "c2"}])
def test_somebody_elses_start_takes_the_stop_back(changes: dict[str, str]) -> None:
    stage = deliberately_stopped()
    stage.after(60).starts(**changes)
    assert stage.state.stopped_by is None
    assert stage.status is Status.STARTING


def test_a_stopped_container_that_is_replaced_but_not_started_stays_stopped() -> None:
    stage = deliberately_stopped()
    stage.looks(stage.seen(container_id="c2", state=ContainerState.CREATED, started_at=None, exit_code=0))
    stage.after(3600).turn()
    assert (stage.does, stage.state.stopped_by) == ([], "stopped by ann")


def test_stopping_what_is_down_keeps_it_down() -> None:
    stage = stopped()
    assert ask(stage, Stop("ann")).accepted
    assert stage.does == []
    stage.after(3600).turn()
    assert (stage.does, stage.state.stopped_by) == ([], "stopped by ann")


def test_starting_what_runs_does_nothing_and_ends_no_restart() -> None:
    stage = healthy()
    ask(stage, Restart("ann"))
    stage.restarts()
    assert "runs already" in ask(stage, Start("bob")).message
    assert (stage.does, stage.told) == ([], [])
    stage.after(1).passes()
    assert stage.told == [Message.RESTART_COMPLETED]


def test_starting_what_is_on_its_way_down_says_so() -> None:
    stage = healthy()
    stage.container = stage.seen(state=ContainerState.STOPPING)
    assert "on its way down" in ask(stage, Start("ann")).message
    assert stage.does == []


def test_a_stop_that_the_engine_refused_is_told_and_given_up() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.after(1).ends(Result.FAILED, stage.seen(), "cannot kill")
    assert (stage.told, stage.does, stage.status) == ([Message.STOP_FAILED], [], Status.RUNNING)
    assert stage.state.stopped_by is None


def test_a_stop_that_was_done_while_the_container_still_runs_is_told_as_failed() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.after(1).ends(Result.DONE, stage.seen())
    assert (stage.told, stage.state.stopped_by, stage.waits) == ([Message.STOP_FAILED], None, None)


def test_a_stop_is_believed_to_the_look_and_not_to_the_error() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.after(1).ends(Result.FAILED, stage.seen(state=ContainerState.EXITED, exit_code=137), "timeout")
    assert stage.status is Status.STOPPED
    assert stage.state.stopped_by == "stopped by ann"
    stage.after(3600).turn()
    assert stage.does == []


def test_a_stop_of_unknown_end_is_asked_for_again_with_a_pause() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    for _ in range(5):
        stage.after(20).ends(Result.UNKNOWN, stage.seen())
        assert stage.does == []
        assert stage.waits == 5
        stage.wake()
        assert (stage.does, stage.told) == ([ActionKind.STOP], [])
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=143))
    assert (stage.status, stage.state.stopped_by) == (Status.STOPPED, "stopped by ann")


def test_a_stop_under_way_outlives_a_restart_by_the_engine() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.after(20).ends(Result.UNKNOWN, stage.new_run(restart_count=1))
    assert stage.state.stopped_by == "stopped by ann"
    stage.wake()
    assert stage.does == [ActionKind.STOP]


def test_a_start_takes_back_a_stop_of_unknown_end() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.after(20).ends(Result.UNKNOWN, stage.seen())
    assert ask(stage, Start("bob")).accepted
    assert stage.told == [Message.STOP_FAILED]
    stage.after(30).passes()
    assert (stage.status, stage.does) == (Status.RUNNING, [])


def test_a_container_that_removes_itself_when_stopped_was_stopped() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.after(1).ends(Result.DONE, None)
    assert stage.told == [Message.NOT_FOUND]
    assert stage.status is Status.NOT_FOUND


# --- disable and enable -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", [starting, healthy, unhealthy, stopped])
def test_disable_ends_all_automatic_action(scene: Scene) -> None:
    stage = scene()
    assert ask(stage, Disable("ann")).accepted
    assert (stage.status, stage.told, stage.waits) == (Status.DISABLED, [Message.DISABLED], None)
    for _ in range(5):
        stage.after(3600).exits()
        assert (stage.does, stage.status) == ([], Status.DISABLED)


def test_disabling_and_enabling_twice_are_told_once() -> None:
    stage = disabled()
    assert ask(stage, Disable("ann")).accepted
    assert stage.told == []
    ask(stage, Enable("ann"))
    assert ask(stage, Enable("ann")).accepted
    assert stage.told == []


def test_enable_clears_the_counters_and_passes_through_stopped() -> None:
    stage = stopped()
    ask(stage, Disable("ann"))
    assert ask(stage, Enable("ann")).accepted
    assert (stage.state.strikes, stage.state.failure_count, stage.state.enabled) == (0, 0, True)
    assert stage.told[0] is Message.ENABLED
    assert not stage.state.counted
    assert stage.decision.events[0].status is Status.STOPPED
    assert stage.does == [ActionKind.START]


def test_an_enabled_container_that_runs_and_passes_is_running_a_moment_later() -> None:
    stage = disabled()
    ask(stage, Enable("ann"))
    assert (stage.status, stage.told, stage.does) == (Status.STARTING, [Message.ENABLED], [])
    assert stage.decision.probe_every == 5.0
    stage.after(1).passes()
    assert (stage.status, stage.told) == (Status.RUNNING, [Message.HEALTHY])


def test_what_was_deliberately_stopped_stays_so_when_it_is_enabled() -> None:
    stage = deliberately_stopped()
    ask(stage, Disable("ann"))
    ask(stage, Enable("ann"))
    assert (stage.status, stage.does, stage.state.reason) == (Status.STOPPED, [], "stopped by ann")


def test_disable_during_an_action_lets_it_end_and_begins_no_other() -> None:
    stage = restarting()
    assert ask(stage, Disable("ann")).accepted
    stage.after(5).ends(Result.UNKNOWN, stage.seen(state=ContainerState.EXITED, exit_code=137))
    assert (stage.does, stage.status, stage.told) == ([], Status.DISABLED, [Message.RESTART_FAILED])
    assert stage.state.strikes == 1


def test_a_restart_that_ends_well_after_disable_is_still_told() -> None:
    stage = restarting()
    ask(stage, Disable("ann"))
    stage.after(5).restarts()
    stage.after(1).passes()
    assert (stage.told, stage.status) == ([Message.RESTART_COMPLETED], Status.DISABLED)


def test_a_failed_restart_of_a_disabled_service_is_counted_no_more() -> None:
    stage = restarting()
    ask(stage, Disable("ann"))
    stage.after(5).ends(Result.FAILED, stage.seen(state=ContainerState.EXITED, exit_code=1))
    assert (stage.told, stage.state.strikes, stage.waits) == ([Message.RESTART_FAILED], 1, None)


def test_enable_during_an_action_waits_for_it() -> None:
    stage = restarting()
    ask(stage, Disable("ann"))
    ask(stage, Enable("ann"))
    assert (stage.status, stage.does) == (Status.STOPPED, [])
    stage.after(5).restarts()
    assert stage.status is Status.STARTING
