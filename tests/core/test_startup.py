"""Up and down in order, as one service sees it: what it waits for, how long, and what takes the wish back."""

from __future__ import annotations

import pytest

from orchestrator.core.messages import (
    Awaited,
    Command,
    Down,
    Enable,
    Hold,
    Message,
    Reply,
    Restart,
    Result,
    Start,
    Stop,
    Up,
)
from orchestrator.core.model import ActionKind, ContainerState, Kind, Status
from orchestrator.core.startup import FOUND_STOPPED
from tests.core.stage import Stage, a_spec, disabled, healthy, restarting, stopped, undiscovered, unhealthy

UP = Up("ann")
DOWN = Down("ann")


def ask(stage: Stage, command: Command) -> Reply:
    reply = stage.turn(command=command).reply
    assert reply is not None
    assert stage.spec.name in reply.message
    return reply


def created(kind: Kind = Kind.SERVICE) -> Stage:
    stage = undiscovered(a_spec(kind=kind))
    stage.looks(stage.seen(state=ContainerState.CREATED, started_at=None))
    assert (stage.status, stage.does) == (Status.STOPPED, [])
    return stage


def at_rest(**changes: object) -> Stage:
    """Stopped by a person."""
    stage = healthy(a_spec(**changes))
    ask(stage, Stop("ann"))
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=143))
    return stage


# --- an end that nobody saw ------------------------------------------------------------------------------------


def test_an_end_that_nobody_saw_is_no_failure_and_the_start_follows_at_once() -> None:
    stage = healthy()
    stage.unwatched = True
    stage.exits(137)
    assert (stage.state.strikes, stage.state.failure_count) == (0, 0)
    assert stage.decision.failures == ()
    assert (stage.told, stage.does) == ([Message.STOPPED, Message.RESTARTING], [ActionKind.START])


def test_an_end_that_was_seen_is_one() -> None:
    stage = healthy()
    stage.exits(137)
    assert stage.state.strikes == 1


def test_nothing_is_started_before_what_it_depends_on_was_looked_at() -> None:
    stage = healthy()
    stage.unwatched, stage.dependencies_seen = True, False
    stage.exits()
    assert stage.does == []
    assert stage.state.reason == "exited with code 1; what it depends on has not been looked at yet"
    stage.dependencies_seen = True
    stage.turn()
    assert stage.does == [ActionKind.START]


# --- soft dependencies --------------------------------------------------------------------------------------------


def waiting_for(stage: Stage, *awaited: Awaited) -> Stage:
    stage.awaited = awaited
    stage.unwatched = True
    stage.exits()
    return stage


def test_at_start_up_a_soft_dependency_is_waited_for_up_to_its_grace() -> None:
    stage = waiting_for(healthy(), Awaited("ai-yolo26", 60.0, None))
    assert stage.does == []
    assert stage.state.reason == "waiting for ai-yolo26 (soft, up to 60 s): exited with code 1"
    assert stage.decision.wake_at == stage.now.moment + 60
    stage.wake()
    assert stage.does == [ActionKind.START]


def test_one_that_runs_has_its_grace_from_its_own_start() -> None:
    stage = healthy()
    waiting_for(stage, Awaited("a", 60.0, stage.now.moment + 20), Awaited("b", 30.0, None))
    assert stage.state.reason == "waiting for a (soft, up to 60 s), b (soft, up to 30 s): exited with code 1"
    assert stage.decision.wake_at == stage.now.moment + 20
    stage.wake()
    assert stage.state.reason == "waiting for b (soft, up to 30 s): exited with code 1"
    stage.wake()
    assert stage.does == [ActionKind.START]


def test_it_is_started_as_soon_as_none_is_worth_waiting_for() -> None:
    stage = waiting_for(healthy(), Awaited("ai-yolo26", 60.0, None))
    stage.after(5).awaited = ()
    stage.turn()
    assert stage.does == [ActionKind.START]


def test_a_death_that_was_seen_waits_for_nothing_soft() -> None:
    stage = healthy()
    stage.awaited = (Awaited("ai-yolo26", 60.0, None),)
    stage.exits()
    assert stage.does == [ActionKind.START]


def test_the_wait_begins_when_the_hard_dependencies_run_and_is_not_begun_again() -> None:
    stage = healthy()
    stage.unmet = ("postgres",)
    waiting_for(stage, Awaited("ai-yolo26", 60.0, None))
    stage.after(600).unmet = ()
    stage.turn()
    assert stage.decision.wake_at == stage.now.moment + 60
    stage.wake()
    stage.ends(Result.FAILED, stage.container)
    stage.wake()
    assert stage.does == [ActionKind.START], "the second try waits for its backoff alone"


def test_a_new_run_ends_the_start_up() -> None:
    stage = waiting_for(healthy(), Awaited("ai-yolo26", 60.0, None))
    stage.unwatched = False
    stage.after(1).starts()
    assert (stage.state.due_since, stage.status) == (None, Status.STARTING)


def test_a_persons_start_waits_for_nobody() -> None:
    stage = at_rest()
    stage.awaited, stage.unmet, stage.dependencies_seen = (Awaited("a", 60.0, None),), ("postgres",), False
    assert ask(stage, Start("bob")).accepted
    assert stage.does == [ActionKind.START]


# --- up -----------------------------------------------------------------------------------------------------------


def test_up_starts_what_was_only_created() -> None:
    stage = created()
    assert ask(stage, UP).message == "web is started next"
    assert (stage.told, stage.does) == ([Message.MANUAL_START], [ActionKind.START])
    action = stage.decision.actions[0]
    assert (action.cause, action.manual) == ("asked for by ann", True)
    stage.restarts()
    stage.after(1).passes()
    assert Message.RESTART_COMPLETED in stage.told
    assert stage.state.wanted_by is None


def test_up_waits_for_what_is_required_and_then_starts_it() -> None:
    stage = at_rest()
    stage.unmet = ("postgres", "redis")
    assert ask(stage, UP).message == "web is started as soon as postgres runs and redis runs"
    assert stage.does == []
    assert stage.state.stopped_by is None
    stage.after(60).unmet = ()
    stage.turn()
    assert stage.does == [ActionKind.START]
    assert stage.decision.actions[0].cause == "asked for by ann"


def test_up_does_not_wait_for_a_backoff() -> None:
    stage = stopped()
    assert ask(stage, UP).accepted
    assert stage.does == [ActionKind.START]
    assert stage.state.strikes == 2


def test_up_starts_what_docker_stop_stopped() -> None:
    stage = healthy(a_spec(on_manual_stop="respect"))
    stage.stop_requested = True
    stage.exits(0)
    assert (stage.state.stopped_by, stage.does) == ("stopped by hand", [])
    assert ask(stage, UP).accepted
    assert stage.does == [ActionKind.START]


def test_up_leaves_what_runs() -> None:
    stage = healthy()
    assert ask(stage, UP).message == "web runs already"
    assert (stage.told, stage.does) == ([], [])


def test_up_leaves_what_a_person_holds_and_says_so() -> None:
    stage = at_rest()
    ask(stage, Hold("ann", 60.0, "a look"))
    reply = ask(stage, UP)
    assert (reply.accepted, reply.conflict, stage.does) == (False, "left", [])
    assert reply.message == "web is held by ann (a look): `release` it, or `start` it all the same"
    stage.after(61).turn()
    assert stage.does == [], "it stays stopped, as it was"


def test_up_leaves_what_a_maintenance_window_holds_and_says_so() -> None:
    stage = at_rest()
    stage.held, stage.in_window = "maintenance until 04:30 (backup)", True
    reply = ask(stage, UP)
    assert (reply.accepted, reply.conflict, stage.does) == (False, "left", [])
    assert reply.message == "web is held: maintenance until 04:30 (backup): `start` it all the same"
    stage.held, stage.in_window = "", False
    stage.after(1).turn()
    assert stage.does == [], "it stays stopped, as it was"


@pytest.mark.parametrize(
    ("unmet", "words"),
    [
        (("db",), "db runs"),
        (("db", "mount:/mnt/x"), "db runs and mount:/mnt/x is there"),
        (("path:/mnt/x",), "path:/mnt/x is there"),
        (("tcp:[::1]:80",), "tcp:[::1]:80 answers"),
        (("dns:nas",), "dns:nas is resolved"),
        (("gpu",), "gpu answers"),
    ],
)
def test_up_says_what_has_to_come_true_first(unmet: tuple[str, ...], words: str) -> None:
    stage = at_rest()
    stage.unmet = unmet
    assert ask(stage, UP).message == f"web is started as soon as {words}"


def test_up_leaves_a_job_that_is_complete() -> None:
    stage = healthy(a_spec(kind=Kind.JOB))
    stage.exits(0)
    assert ask(stage, UP).message == "web is complete: `start` runs it once more"
    assert stage.does == []


def test_up_of_what_is_being_started_changes_nothing() -> None:
    stage = restarting()
    assert ask(stage, UP).message == "web is being started"
    assert stage.does == []


def test_up_of_what_is_being_stopped_has_to_wait() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    assert ask(stage, UP).conflict == "in_flight"


def test_up_of_what_is_on_its_way_down_starts_it_after_that_and_counts_nothing() -> None:
    stage = healthy()
    stage.turns_into(ContainerState.STOPPING)
    assert ask(stage, UP).accepted
    assert stage.does == []
    stage.after(2).exits(0)
    assert (stage.state.strikes, stage.does) == (0, [ActionKind.START])


def test_up_takes_back_a_stop_whose_end_is_not_known() -> None:
    stage = healthy()
    ask(stage, Stop("ann"))
    stage.ends(Result.UNKNOWN, stage.container)
    assert ask(stage, UP).message == "web runs already"
    assert stage.told == [Message.STOP_FAILED]
    assert stage.state.stopped_by is None


def test_up_leaves_what_is_disabled() -> None:
    assert ask(disabled(), UP).conflict == "disabled"


@pytest.mark.parametrize("named", [True, False])
def test_what_nobody_declared_and_somebody_left_down_is_started_only_by_its_name(named: bool) -> None:
    never_started = created(Kind.INFERRED)
    left_stopped = undiscovered(a_spec(kind=Kind.INFERRED))
    left_stopped.looks(left_stopped.seen(state=ContainerState.EXITED, exit_code=1))
    assert left_stopped.state.stopped_by == FOUND_STOPPED
    for stage in (never_started, left_stopped):
        reply = ask(stage, Up("ann", named=named))
        assert (reply.accepted, reply.conflict) == ((True, "") if named else (False, "left"))
        assert stage.does == ([ActionKind.START] if named else [])


def test_what_fell_over_by_itself_is_started_though_nobody_named_it() -> None:
    stage = healthy(a_spec(kind=Kind.INFERRED, on_max_failures="keep_trying"))
    stage.exits()
    stage.restarts()
    stage.after(1).exits()
    assert ask(stage, Up("ann", named=False)).accepted
    assert stage.does == [ActionKind.START]


@pytest.mark.parametrize("command", [Stop("bob"), Down("bob")])
def test_a_stop_takes_up_back(command: Command) -> None:
    stage = at_rest()
    stage.unmet = ("postgres",)
    ask(stage, UP)
    assert ask(stage, command).accepted
    stage.after(60).unmet = ()
    stage.turn()
    assert (stage.does, stage.state.stopped_by) == ([], "stopped by bob")


# --- down ---------------------------------------------------------------------------------------------------------


def test_down_stops_what_nobody_needs() -> None:
    stage = healthy()
    assert ask(stage, DOWN).message == "web is stopped next, and stays so until it is started"
    assert (stage.told, stage.does) == ([Message.MANUAL_STOP], [ActionKind.STOP])
    assert stage.decision.actions[0].cause == "asked for by ann"
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=143))
    stage.after(600).turn()
    assert (stage.status, stage.does, stage.state.stopped_by) == (Status.STOPPED, [], "stopped by ann")


def test_down_waits_until_those_that_require_it_are_down() -> None:
    stage = healthy()
    stage.leaving = ("backend",)
    assert ask(stage, DOWN).message == "web is stopped as soon as backend is down, and stays so until it is started"
    assert (stage.does, stage.state.reason) == ([], "waiting for backend to stop")
    stage.after(3).leaving = ()
    stage.turn()
    assert stage.does == [ActionKind.STOP]


def test_what_is_to_go_down_is_not_healed_meanwhile() -> None:
    stage = unhealthy()
    stage.leaving = ("backend",)
    ask(stage, DOWN)
    stage.after(600).fails()
    assert stage.does == []


def test_down_is_refused_where_one_that_requires_it_goes_on() -> None:
    stage = healthy()
    stage.needed_by = ("backend",)
    reply = ask(stage, DOWN)
    assert (reply.accepted, reply.conflict) == (False, "required")
    assert (stage.does, stage.state.stopped_by) == ([], None)


def test_force_takes_it_down_all_the_same_after_those_that_go_down_too() -> None:
    stage = healthy()
    stage.needed_by, stage.leaving = ("backend",), ("worker",)
    assert ask(stage, Down("ann", force=True)).accepted
    assert stage.does == []
    stage.leaving = ()
    stage.turn()
    assert stage.does == [ActionKind.STOP]


def test_it_stays_up_when_one_that_requires_it_does_after_all() -> None:
    stage = healthy()
    stage.leaving = ("backend",)
    ask(stage, DOWN)
    stage.leaving, stage.needed_by = (), ("backend",)
    stage.turn()
    assert (stage.told, stage.does) == ([Message.STOP_FAILED], [])
    assert stage.decision.events[0].cause == "backend, which requires it, runs on"
    assert (stage.state.stopped_by, stage.state.leaving) == (None, None)


def test_down_of_what_is_down_keeps_it_so() -> None:
    stage = stopped()
    assert ask(stage, DOWN).message == "web is stopped already and stays so until it is started"
    stage.after(600).turn()
    assert stage.does == []


def test_down_leaves_a_job_that_is_complete() -> None:
    stage = healthy(a_spec(kind=Kind.JOB))
    stage.exits(0)
    assert ask(stage, DOWN).message == "web is complete"
    assert stage.state.stopped_by is None


def test_down_of_what_is_being_started_stops_it_when_it_has_started() -> None:
    stage = at_rest()
    ask(stage, UP)
    assert ask(stage, DOWN).accepted
    assert stage.does == []
    stage.restarts()
    assert stage.does == [ActionKind.STOP]
    assert Message.RESTART_FAILED in stage.told


def test_down_of_what_is_being_stopped_changes_nothing() -> None:
    stage = healthy()
    ask(stage, Stop("bob"))
    assert ask(stage, DOWN).accepted
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=143))
    assert (stage.does, stage.state.stopped_by) == ([], "stopped by ann")


def test_what_dies_while_it_waits_to_be_stopped_stays_down() -> None:
    stage = healthy()
    stage.leaving = ("backend",)
    ask(stage, DOWN)
    stage.exits()
    stage.after(600).turn()
    assert (stage.does, stage.state.leaving, stage.state.strikes) == ([], None, 0)


def test_down_reaches_what_the_engine_is_just_restarting() -> None:
    stage = healthy()
    stage.turns_into(ContainerState.RESTARTING)
    assert ask(stage, DOWN).accepted
    assert stage.does == [ActionKind.STOP]


def test_a_disabled_service_goes_down_too_and_stays_disabled() -> None:
    stage = disabled()
    assert ask(stage, DOWN).accepted
    assert (stage.does, stage.status) == ([ActionKind.STOP], Status.DISABLED)


@pytest.mark.parametrize("command", [Start("bob"), Restart("bob"), UP])
def test_a_start_takes_down_back(command: Command) -> None:
    stage = healthy()
    stage.leaving = ("backend",)
    ask(stage, DOWN)
    assert ask(stage, command).accepted
    stage.leaving = ()
    if ActionKind.RESTART in stage.does:
        stage.restarts()
    stage.after(60).turn()
    assert ActionKind.STOP not in stage.does
    assert stage.state.leaving is None


def test_to_enable_is_not_to_start() -> None:
    stage = disabled()
    ask(stage, DOWN)
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=143))
    ask(stage, Enable("ann"))
    assert stage.does == []


def test_what_was_declared_is_started_though_nobody_named_it() -> None:
    stage = created()
    assert ask(stage, Up("ann", named=False)).accepted
    assert stage.does == [ActionKind.START]
