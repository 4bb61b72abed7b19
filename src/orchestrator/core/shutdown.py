"""How what runs goes down in its order: each service when those that require it are down."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.messages import Down, Message, Reply
from orchestrator.core.model import ActionKind, ContainerSnapshot, ContainerState
from orchestrator.core.turn import Turn

UP = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING, ContainerState.STOPPING)


def bring_down(turn: Turn, command: Down, container: ContainerSnapshot) -> Reply:
    """Remember that it is to be stopped; it is, when nobody needs it any more.

    Refused where one that requires it would go on without it.
    """
    name, needed_by = turn.spec.name, turn.facts.needed_by
    if turn.state.completed:
        return Reply(True, f"{name} is complete")
    if container.state in UP and needed_by and not command.force:
        words = f"{name} is required by {', '.join(needed_by)}, which runs on: name that too, or use force"
        return Reply(False, words, "required")
    stopped_by = f"stopped by {command.actor}"
    turn.state = replace(turn.state, stopped_by=stopped_by, wanted_by=None, due_since=None, retry_at=None)
    if container.state not in UP and not _being_acted_on(turn):
        turn.note(stopped_by)
        return Reply(True, f"{name} is stopped already and stays so until it is started")
    if not _being_stopped(turn):
        turn.state = replace(turn.state, leaving="forced" if command.force else "in_order")
    when = f"as soon as {', '.join(turn.facts.leaving)} is down" if turn.facts.leaving else "next"
    return Reply(True, f"{name} is stopped {when}, and stays so until it is started")


def leave(turn: Turn, container: ContainerSnapshot) -> None:
    """It runs and is to be stopped: now, if nobody needs it any more."""
    if turn.facts.leaving:
        turn.note(f"waiting for {', '.join(turn.facts.leaving)} to stop")
        return
    if turn.facts.needed_by and turn.state.leaving == "in_order":
        turn.state = replace(turn.state, stopped_by=None, leaving=None)
        turn.tell(Message.STOP_FAILED, f"{', '.join(turn.facts.needed_by)}, which requires it, runs on")
        return
    cause = f"asked for {(turn.state.stopped_by or '').removeprefix('stopped ')}"
    turn.order(ActionKind.STOP, container, cause, manual=True)
    if turn.actions:
        turn.state = replace(turn.state, leaving=None)


def _being_acted_on(turn: Turn) -> bool:
    return turn.state.attempt is not None and turn.state.attempt.in_flight


def _being_stopped(turn: Turn) -> bool:
    attempt = turn.state.attempt
    return attempt is not None and attempt.kind is ActionKind.STOP
