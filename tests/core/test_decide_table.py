"""The state table, cell by cell: one row of ``decide``'s docstring to a section, one column to a case."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.core.messages import UNSEEN, Message
from orchestrator.core.model import ActionKind, ContainerState, Status
from tests.core.stage import (
    GRACE,
    Stage,
    disabled,
    healthy,
    restarting,
    starting,
    stopped,
    undiscovered,
    unhealthy,
)

Scene = Callable[[], Stage]
EVERY_COLUMN = pytest.mark.parametrize("scene", [starting, healthy, unhealthy, stopped, disabled])
UP = pytest.mark.parametrize("scene", [starting, healthy, unhealthy])

# --- no evidence --------------------------------------------------------------------------------------------


@EVERY_COLUMN
@pytest.mark.parametrize("elapsed", [0.5, 3600.0])
def test_without_evidence_nothing_is_done_and_nothing_changes(scene: Scene, elapsed: float) -> None:
    stage = scene()
    before = stage.state
    stage.after(elapsed).looks(UNSEEN)
    assert stage.does == []
    assert stage.told == []
    assert stage.state == before


def test_a_service_nobody_ever_saw_is_left_alone() -> None:
    stage = undiscovered()
    stage.turn()
    assert (stage.status, stage.does, stage.told) == (Status.NOT_FOUND, [], [])


# --- no such container --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", [starting, healthy, unhealthy, stopped])
def test_a_container_that_is_gone_makes_the_service_not_found(scene: Scene) -> None:
    stage = scene()
    stage.after(1).looks(None)
    assert stage.status is Status.NOT_FOUND
    assert stage.does == []
    assert stage.told[-1] is Message.NOT_FOUND
    assert stage.decision.wake_at is None


def test_a_disabled_service_whose_container_is_gone_stays_disabled_in_silence() -> None:
    stage = disabled()
    stage.looks(None)
    assert (stage.status, stage.told, stage.does) == (Status.DISABLED, [], [])


# --- new run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", [starting, healthy, unhealthy, stopped])
def test_a_new_run_is_starting_with_a_grace_of_its_own(scene: Scene) -> None:
    stage = scene()
    stage.after(5).starts()
    assert stage.status is Status.STARTING
    assert stage.told[-1] is Message.NEW_RUN
    assert stage.state.grace_ends == stage.now.moment + GRACE
    assert stage.waits is None
    assert stage.does == []


def test_a_disabled_service_is_shown_with_its_new_run() -> None:
    stage = disabled()
    stage.after(5).starts()
    assert (stage.status, stage.told, stage.does) == (Status.DISABLED, [], [])
    assert stage.state.run is not None
    assert stage.state.run.started_at == stage.now.wall


# --- probe passes -------------------------------------------------------------------------------------------


def test_a_pass_ends_the_start() -> None:
    stage = starting()
    stage.passes()
    assert stage.status is Status.RUNNING
    assert stage.told == [Message.HEALTHY]


def test_a_pass_keeps_a_running_service_running_in_silence() -> None:
    stage = healthy()
    stage.after(30).passes()
    assert (stage.status, stage.told) == (Status.RUNNING, [])


def test_a_pass_recovers_an_unhealthy_service() -> None:
    stage = unhealthy()
    stage.after(1).passes()
    assert stage.status is Status.RUNNING
    assert stage.told == [Message.RECOVERED]
    assert stage.state.failure_count == 0
    assert stage.waits is None


def test_a_pass_recovers_a_service_that_was_down() -> None:
    stage = stopped()
    stage.wake()
    stage.restarts()
    stage.after(1).passes()
    assert stage.status is Status.RUNNING
    assert stage.told == [Message.RESTART_COMPLETED, Message.RECOVERED]


def test_a_disabled_service_that_passes_stays_disabled() -> None:
    stage = disabled()
    stage.after(30).passes()
    assert (stage.status, stage.told) == (Status.DISABLED, [])
    assert stage.state.healthy_since is not None


# --- probe fails --------------------------------------------------------------------------------------------


def test_a_failure_in_grace_is_ignored() -> None:
    stage = starting()
    stage.after(GRACE - 1.001).fails()
    assert (stage.status, stage.told, stage.state.strikes) == (Status.STARTING, [], 0)
    assert "grace" in stage.state.reason


def test_a_failure_exactly_at_the_end_of_grace_counts() -> None:
    stage = starting()
    stage.after(GRACE - 1).fails()
    assert stage.status is Status.UNHEALTHY
    assert stage.told == [Message.HEALTH_CHECK_FAILED]


def test_a_failure_makes_a_running_service_unhealthy_and_arms_a_retry() -> None:
    stage = healthy()
    stage.after(30).fails("HTTP 503")
    assert stage.status is Status.UNHEALTHY
    assert stage.told == [Message.HEALTH_CHECK_FAILED]
    assert stage.does == []
    assert stage.waits == 2
    assert stage.state.reason == "HTTP 503"


def test_a_failure_before_the_retry_only_confirms() -> None:
    stage = unhealthy()
    stage.after(1).fails()
    assert (stage.does, stage.told, stage.state.failure_count) == ([], [], 1)
    assert stage.state.confirmations == 1
    assert stage.waits == 1


def test_a_failure_at_the_retry_restarts() -> None:
    stage = unhealthy()
    stage.after(2).fails("HTTP 503")
    assert stage.does == [ActionKind.RESTART]
    assert stage.told == [Message.RESTARTING]
    assert "HTTP 503; confirmed by 1 more check in" in stage.decision.actions[0].cause


def test_what_was_confirmed_is_restarted_when_its_time_comes() -> None:
    stage = unhealthy()
    stage.after(1.5).fails()
    stage.wake()
    assert stage.does == [ActionKind.RESTART]


def test_a_disabled_service_that_fails_is_not_restarted() -> None:
    stage = disabled()
    for _ in range(20):
        stage.after(30).fails()
        assert (stage.status, stage.does, stage.told, stage.state.strikes) == (Status.DISABLED, [], [], 0)
    assert stage.state.healthy_since is None, "those who require it must not count on it"


# --- exited -------------------------------------------------------------------------------------------------


def test_an_exit_is_a_failure_even_in_grace() -> None:
    stage = starting()
    stage.exits(137)
    assert stage.status is Status.STOPPED
    assert stage.state.failure_count == 1
    assert stage.told == [Message.STOPPED, Message.RESTARTING]
    assert "exited with code 137 (SIGKILL)" in stage.decision.actions[0].cause


def test_a_running_service_that_exits_is_stopped() -> None:
    stage = healthy()
    stage.exits()
    assert stage.status is Status.STOPPED
    assert stage.told[0] is Message.STOPPED


def test_an_unhealthy_service_that_exits_is_started_at_its_retry_and_counted_once() -> None:
    stage = unhealthy()
    stage.after(1).exits()
    assert (stage.status, stage.does, stage.state.strikes) == (Status.STOPPED, [], 1)
    stage.wake()
    assert stage.does == [ActionKind.START]


def test_a_stopped_service_is_started_at_its_retry_and_not_before() -> None:
    stage = stopped()
    wait = stage.waits
    assert wait == 4
    stage.after(wait - 0.001).turn()
    assert stage.does == []
    stage.after(0.001).turn()
    assert stage.does == [ActionKind.START]


def test_a_disabled_service_that_exits_is_not_started() -> None:
    stage = disabled()
    stage.exits()
    assert (stage.status, stage.does, stage.told) == (Status.DISABLED, [], [])


# --- paused -------------------------------------------------------------------------------------------------


@EVERY_COLUMN
def test_a_paused_container_is_never_touched(scene: Scene) -> None:
    stage = scene()
    before = stage.status
    stage.turns_into(ContainerState.PAUSED)
    for elapsed in (1, 60, 86_400):
        stage.after(elapsed).fails()
        assert (stage.does, stage.told, stage.status) == ([], [], before)
    if stage.state.enabled:
        assert stage.state.reason == "paused"


@pytest.mark.parametrize("state", [ContainerState.STOPPING, ContainerState.REMOVING])
@EVERY_COLUMN
def test_a_container_on_its_way_down_is_left_to_whoever_sends_it(scene: Scene, state: ContainerState) -> None:
    stage = scene()
    before = stage.status
    stage.after(3600).turns_into(state)
    assert (stage.does, stage.told, stage.status) == ([], [], before)


def test_an_unpaused_container_whose_retry_became_due_is_asked_again_first() -> None:
    stage = unhealthy()
    stage.after(1).fails()
    stage.turns_into(ContainerState.PAUSED)
    stage.after(3600).turns_into(ContainerState.RUNNING)
    assert stage.does == [], "it was confirmed before the pause, not after it"
    stage.after(1).fails()
    assert stage.does == [ActionKind.RESTART]


# --- a hard dependency is not running -----------------------------------------------------------------------


@UP
def test_a_failing_service_waits_for_its_dependency_and_counts_nothing(scene: Scene) -> None:
    stage = scene()
    strikes = stage.state.strikes
    stage.unmet = ("db",)
    stage.after(GRACE)
    for _ in range(20):
        stage.after(30).fails()
        assert stage.does == []
    assert stage.status is Status.UNHEALTHY
    assert stage.state.strikes == strikes
    assert stage.state.reason == "waiting for db: HTTP 500"


@UP
def test_a_service_that_dies_while_its_dependency_is_away_is_started_when_it_is_back(scene: Scene) -> None:
    stage = scene()
    strikes = stage.state.strikes
    stage.unmet = ("db",)
    stage.exits()
    stage.after(3600).turn()
    assert (stage.does, stage.state.strikes) == ([], strikes)
    assert "waiting for db" in stage.state.reason
    stage.unmet = ()
    stage.turn()
    assert stage.does == [ActionKind.START]


def test_a_dependency_that_comes_back_early_does_not_shorten_the_backoff() -> None:
    stage = stopped()
    stage.unmet = ("db",)
    stage.after(1).turn()
    stage.unmet = ()
    stage.after(1).turn()
    assert (stage.does, stage.waits) == ([], 2)
    stage.wake()
    assert stage.does == [ActionKind.START]


def test_a_due_start_waits_for_the_dependency() -> None:
    stage = stopped()
    stage.unmet = ("db",)
    stage.after(3600).turn()
    assert stage.does == []
    stage.unmet = ()
    stage.turn()
    assert stage.does == [ActionKind.START]


def test_an_unhealthy_service_whose_dependency_is_back_gets_its_time_to_settle_and_then_its_whole_wait() -> None:
    stage = unhealthy()
    stage.unmet = ("db",)
    stage.after(1).turn()
    assert stage.waits is None
    assert stage.state.reason == "waiting for db: HTTP 500"
    stage.unmet = ()
    stage.after(60).fails()
    assert (stage.does, stage.waits, stage.told) == ([], None, [Message.RESUMED])
    stage.after(GRACE - 1).fails()
    assert (stage.does, stage.waits) == ([], None)
    stage.after(1).fails()
    assert stage.does == []
    assert stage.state.retry_at == stage.now.moment + 2
    assert stage.state.strikes == 1, "one run, one failure"
    stage.after(2).fails()
    assert stage.does == [ActionKind.RESTART]


def test_a_flapping_dependency_disables_nobody() -> None:
    stage = unhealthy()
    for _ in range(50):
        stage.unmet = ("db",)
        stage.after(5).fails()
        stage.unmet = ()
        stage.after(1).fails()
    assert stage.status is Status.UNHEALTHY
    assert stage.state.strikes == 1


# --- an action in flight ------------------------------------------------------------------------------------


@pytest.mark.parametrize("happens", ["nothing", "gone", "paused", "exited", "new run", "pass", "fail", "unmet"])
def test_while_an_action_is_in_flight_everything_holds(happens: str) -> None:
    stage = restarting()
    before = stage.state
    stage.after(60)
    match happens:
        case "nothing":
            stage.looks(UNSEEN)
        case "gone":
            stage.looks(None)
        case "paused":
            stage.turns_into(ContainerState.PAUSED)
        case "exited":
            stage.exits()
        case "new run":
            stage.starts()
        case "pass":
            stage.passes()
        case "fail":
            stage.fails()
        case "unmet":
            stage.unmet = ("db",)
            stage.turn()
    assert (stage.does, stage.told) == ([], [])
    assert stage.state == before
    assert stage.decision.wake_at is None
    assert stage.decision.probe_every is None
