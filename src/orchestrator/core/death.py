"""What to do about a container that is down: hold it, call it complete, or start it when its time has come."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core import policy
from orchestrator.core.messages import Failure, Message
from orchestrator.core.model import ActionKind, ContainerSnapshot, ContainerState, Status
from orchestrator.core.shutdown import leave
from orchestrator.core.startup import LEFT_ALONE, await_sight, await_wanted, start
from orchestrator.core.turn import Turn


def observe_down(turn: Turn, container: ContainerSnapshot) -> None:
    """One turn of a service whose container was created, exited, is dead, or is between two runs."""
    words = policy.describe_exit(container)
    stopped_by = turn.state.stopped_by
    if turn.state.leaving is not None and container.state is ContainerState.RESTARTING:
        leave(turn, container)
        return
    if stopped_by is not None:
        turn.state = replace(turn.state, attempt=None, retry_at=None, leaving=None)
        _rest(turn, stopped_by)
        return
    if not turn.state.enabled:
        turn.fail_attempt(words)
        return
    if not turn.half_done(container) and _completed(turn, container):
        return
    if turn.spec.observe_only is not None:
        _rest(turn, words)
        return
    if container.state is ContainerState.DEAD:
        _rest(turn, "the engine failed to remove it and cannot start it: remove it by force and create it anew")
        return
    untouched = container.state is ContainerState.CREATED and not container.error and turn.state.retry_at is None
    if untouched and turn.state.wanted_by is None:
        _rest(turn, LEFT_ALONE)
        return
    if turn.state.wanted_by is None and _asked_to_stop(turn):
        return
    if turn.state.status is not Status.STOPPED:
        _go_down(turn, container, words)
    _start_if_due(turn, container, words)


def _rest(turn: Turn, reason: str) -> None:
    """Be stopped, and tell it if that is new."""
    new = turn.state.status is not Status.STOPPED
    turn.become(Status.STOPPED, reason)
    turn.fail_attempt(reason)
    if new and turn.state.enabled:
        turn.tell(Message.STOPPED, reason)


def _completed(turn: Turn, container: ContainerSnapshot) -> bool:
    if container.state is not ContainerState.EXITED or container.exit_code != 0:
        return False
    if not policy.is_job(turn.spec, container):
        return False
    if not turn.state.completed:
        turn.state = replace(turn.state, completed=True, failure_count=0, strikes=0, retry_at=None)
        turn.become(Status.STOPPED, "completed: exited with code 0")
        turn.complete_attempt("completed: exited with code 0")
        turn.tell(Message.COMPLETED, "exited with code 0")
    return True


def _asked_to_stop(turn: Turn) -> bool:
    """Whether a person stopped it and is to be respected; a death that was counted before we knew is uncounted."""
    if turn.spec.recovery.on_manual_stop != "respect" or not turn.facts.stop_requested:
        return False
    if turn.state.counted:
        turn.uncount()
    turn.state = replace(turn.state, stopped_by="stopped by hand", retry_at=None)
    _rest(turn, "stopped by hand")
    return True


def _go_down(turn: Turn, container: ContainerSnapshot, words: str) -> None:
    """A run ended: one failure, unless its ill health was counted already, or the end says nothing about it: a host
    that reboots and an engine that ends take everything down, and who wants it up again knows that it is down."""
    excused = turn.facts.unwatched or turn.state.wanted_by is not None
    existed = turn.state.status is not Status.NOT_FOUND and not excused
    _rest(turn, words)
    if existed and not turn.state.counted:
        turn.fail(words, Failure.OOM_KILLED if container.oom_killed else Failure.EXITED)
    elif existed and turn.at_limit:
        turn.give_up(words)
    if turn.state.enabled:
        _leave_time(turn, container)


def _leave_time(turn: Turn, container: ContainerSnapshot) -> None:
    """The engine's own policy goes first, and the news of a manual stop may still be on its way."""
    patience = 0.0
    if turn.spec.recovery.on_manual_stop == "respect":
        patience = policy.STOP_EVENT_PATIENCE
    if policy.engine_restarts(container):
        patience = policy.ENGINE_PATIENCE
    if patience:
        retry_at = turn.now.moment if turn.state.retry_at is None else turn.state.retry_at
        turn.state = replace(turn.state, retry_at=max(retry_at, turn.now.moment + patience))


def _start_if_due(turn: Turn, container: ContainerSnapshot, words: str) -> None:
    attempt = turn.state.attempt
    manual = attempt is not None and attempt.manual
    if not turn.state.enabled:
        return
    if turn.hindrance and not manual:
        turn.note_hindrance(words)
        return
    if turn.facts.severed is not None:
        return  # the engine refuses it
    if container.state is ContainerState.RESTARTING:
        turn.note(f"{words}; the engine restarts it by its policy {container.restart_policy!r}")
        return
    if turn.state.retry_at is not None and turn.now.moment < turn.state.retry_at:
        return
    if attempt is not None and turn.half_done(container):
        cause = f"to finish an interrupted restart: {attempt.cause}"
        turn.order(ActionKind.START, container, cause, manual=manual, announced=True)
        return
    if not manual and (await_sight(turn, words) or await_wanted(turn, words)):
        return
    start(turn, container, words)
