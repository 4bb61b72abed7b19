"""What a person may ask for, and when the answer is no.

A command is refused with its reason or takes effect in the same turn; it is never queued behind an action. Those to
bring a service up or down in its order are wishes: they take effect when its order comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from orchestrator.core import policy
from orchestrator.core.course import run_playbook
from orchestrator.core.holding import release, take_hold
from orchestrator.core.messages import (
    UNSEEN,
    Command,
    Disable,
    Down,
    Enable,
    Hold,
    Message,
    Release,
    Reply,
    Restart,
    RunPlaybook,
    Start,
    Stop,
    Up,
)
from orchestrator.core.model import ActionKind, Attempt, ContainerSnapshot, ContainerState, Status
from orchestrator.core.rejoin import recreate_on_request
from orchestrator.core.shutdown import bring_down
from orchestrator.core.startup import bring_up
from orchestrator.core.turn import Turn

_UP = (ContainerState.RUNNING, ContainerState.RESTARTING, ContainerState.STOPPING)
_GOING = (ContainerState.REMOVING, ContainerState.DEAD)


def obey(turn: Turn, command: Command) -> Reply:
    """Take the command into the turn, or refuse it."""
    match command:
        case Enable():
            return _enable(turn, command)
        case Disable():
            return _disable(turn, command)
        case Hold():
            return take_hold(turn, command)
        case Release():
            return release(turn, command)
        case RunPlaybook():
            container = _container_to_act_on(turn, command)
            return container if isinstance(container, Reply) else run_playbook(turn, command)
        case Restart() | Start() | Stop() | Up() | Down():
            container = _container_to_act_on(turn, command)
            return container if isinstance(container, Reply) else _act(turn, command, container)
        case _:
            assert_never(command)


def _enable(turn: Turn, command: Enable) -> Reply:
    name = turn.spec.name
    if turn.state.enabled:
        return Reply(True, f"{name} is enabled already")
    turn.state = replace(
        turn.state,
        status=Status.STOPPED,
        reason=f"enabled by {command.actor}",
        disabled_by=None,
        disabled_at=None,
        failure_count=0,
        strikes=0,
        last_backoff=0.0,
        retry_at=None,
        failed_probes=0,
        confirmations=0,
        counted=False,
        tried=(),
    )
    turn.tell(Message.ENABLED, f"by {command.actor}")
    return Reply(True, f"{name} is enabled; its failures are forgotten")


def _disable(turn: Turn, command: Disable) -> Reply:
    name = turn.spec.name
    if turn.state.disabled_by == "human":
        return Reply(True, f"{name} is disabled already")
    turn.state = replace(
        turn.state,
        status=Status.DISABLED,
        reason=f"disabled by {command.actor}",
        disabled_by="human",
        disabled_at=turn.now.moment,
        retry_at=None,
    )
    turn.tell(Message.DISABLED, f"by {command.actor}")
    return Reply(True, f"{name} is disabled: it is observed and not restarted")


def _container_to_act_on(turn: Turn, command: Command) -> ContainerSnapshot | Reply:
    name, container = turn.spec.name, turn.facts.container
    if turn.spec.observe_only is not None:
        return Reply(False, f"{name} is only observed: {turn.spec.observe_only}", "observe_only")
    if turn.facts.dry_run:
        verb = "run a playbook" if isinstance(command, RunPlaybook) else type(command).__name__.lower()
        return Reply(False, f"{name} is not asked to {verb}: this is a dry run, which changes nothing", "dry_run")
    if container is UNSEEN:
        return Reply(False, f"{name} cannot be seen: the engine does not answer; try again when it does", "engine_away")
    if container is None:
        return Reply(False, f"{name} has no container: create it first", "no_container")
    attempt = turn.state.attempt
    if attempt is not None and attempt.in_flight and not _can_wait(command, attempt):
        return Reply(False, f"{name} is in the middle of a {attempt.kind}: wait for it", "in_flight")
    if container.state in _GOING:
        return Reply(False, f"the container of {name} is being removed: create it anew", "no_container")
    if container.state is ContainerState.PAUSED:
        return Reply(False, f"{name} is paused: unpause its container first", "paused")
    return container


def _can_wait(command: Command, attempt: Attempt) -> bool:
    """A wish does not disturb an action; but what is being stopped was not to be up a moment ago."""
    return isinstance(command, Down) or (isinstance(command, Up) and attempt.kind is not ActionKind.STOP)


def _act(turn: Turn, command: Restart | Start | Stop | Up | Down, container: ContainerSnapshot) -> Reply:
    name = turn.spec.name
    if not turn.state.enabled and not isinstance(command, Stop | Down):
        return Reply(False, f"{name} is disabled ({turn.state.reason}): enable it first", "disabled")
    if turn.facts.severed is not None and not isinstance(command, Stop | Down):
        return recreate_on_request(turn, command, container, turn.facts.severed)
    match command:
        case Stop():
            return _stop(turn, command, container)
        case Start():
            return _start(turn, command, container)
        case Restart():
            return _restart(turn, command, container)
        case Up():
            return bring_up(turn, command, container)
        case Down():
            return bring_down(turn, command, container)
        case _:
            assert_never(command)


def _supersede(turn: Turn, actor: str) -> None:
    turn.fail_attempt(f"not verified before the next request, by {actor}")


def _stop(turn: Turn, command: Stop, container: ContainerSnapshot) -> Reply:
    name = turn.spec.name
    _supersede(turn, command.actor)
    turn.state = replace(
        turn.state, stopped_by=f"stopped by {command.actor}", retry_at=None, leaving=None, wanted_by=None
    )
    if container.state not in _UP:
        turn.note(f"stopped by {command.actor}")
        return Reply(True, f"{name} is stopped already and stays so until it is started")
    turn.order(ActionKind.STOP, container, f"asked for by {command.actor}", manual=True)
    return Reply(True, f"{name} is being stopped and stays so until it is started")


def _start(turn: Turn, command: Start, container: ContainerSnapshot) -> Reply:
    name = turn.spec.name
    if turn.state.stopped_by is not None:
        _supersede(turn, command.actor)
    turn.state = replace(turn.state, stopped_by=None, leaving=None, wanted_by=None, completed=False)
    if container.state is ContainerState.STOPPING:
        return Reply(True, f"{name} is on its way down and is started again after that")
    if container.state in _UP:
        return Reply(True, f"{name} runs already")
    _supersede(turn, command.actor)
    turn.order(ActionKind.START, container, f"asked for by {command.actor}", manual=True)
    return _promised(turn, "started")


def _restart(turn: Turn, command: Restart, container: ContainerSnapshot) -> Reply:
    _supersede(turn, command.actor)
    turn.state = replace(turn.state, stopped_by=None, leaving=None, wanted_by=None, completed=False)
    if command.reset_failures:
        turn.state = replace(turn.state, failure_count=0, strikes=0, last_backoff=0.0, counted=False)
    cause = f"asked for by {command.actor}"
    turn.tell(Message.MANUAL_RESTART, cause)
    kind = ActionKind.RESTART if container.state in _UP else ActionKind.START
    pause = policy.SHORTEST_PAUSE if command.makes_room and kind is ActionKind.RESTART else 0.0
    turn.order(kind, container, cause, manual=True, announced=True, pause=pause)
    return _promised(turn, "restarted")


def _promised(turn: Turn, done: str) -> Reply:
    if turn.actions:
        return Reply(True, f"{turn.spec.name} is being {done}")
    return Reply(True, f"{turn.spec.name} is {done} when its turn comes: {turn.out_of_turn}")
