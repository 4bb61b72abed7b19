"""Whose turn it is: the services of one lane are restarted one at a time, each verified before the next.

A lane is kept by the one whose start or restart is under way, until its check passes or fails, it dies, or nobody could
judge it in its grace and a margin. Whoever comes meanwhile waits: what would be done by itself is not even ordered, and
is due still when the lane is free; what a person asked for, and what was announced already, is queued.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from orchestrator.core import policy
from orchestrator.core.model import (
    ActionKind,
    Attempt,
    ContainerSnapshot,
    ContainerState,
    Instant,
    ServiceSpec,
    ServiceState,
    Status,
)
from orchestrator.core.turn import Turn

_APART: Final = (ActionKind.STOP, ActionKind.PLAYBOOK)


def keeps(state: ServiceState) -> bool:
    """Whether it keeps its lane from others. A stop needs no turn, and takes none; but while one is stopped to make
    room, nobody is started."""
    attempt = state.attempt
    if attempt is None or attempt.kind in _APART or attempt.queued:
        return False
    return attempt.in_flight or attempt.lane_until is not None


def taken_by(name: str, lane: Mapping[str, ServiceState]) -> str:
    """Who keeps the lane from ``name``; ``lane``: all its services. Empty: nobody."""
    return next((other for other in sorted(lane) if other != name and keeps(lane[other])), "")


def carried_out(attempt: Attempt, spec: ServiceSpec, now: Instant) -> Attempt:
    """The hands have reported: from now on it waits to be verified, and others wait for that, but not for ever."""
    if spec.lane is None or attempt.pauses or attempt.kind is ActionKind.STOP:
        return attempt
    return replace(attempt, lane_until=now.moment + spec.grace + policy.LANE_MARGIN)


def give_way(turn: Turn) -> None:
    """Nobody could tell how it is in all the time it had: the others go on."""
    attempt = turn.state.attempt
    if attempt is not None and attempt.lane_until is not None and turn.now.moment >= attempt.lane_until:
        turn.state = replace(turn.state, attempt=replace(attempt, lane_until=None))


def take_turn(turn: Turn, container: ContainerSnapshot) -> bool:
    """What is queued is done when its turn has come, to the container as it is by then; whether that settles the turn.

    What somebody else restarted or replaced meanwhile is followed and judged like any other.
    """
    attempt = turn.state.attempt
    if attempt is None or not attempt.queued:
        return False
    if not turn.state.enabled or turn.spec.observe_only is not None or turn.facts.dry_run:
        turn.fail_attempt("it may not be acted on any more")
        return False
    if container.run != attempt.run_before or container.container_id != turn.state.container_id:
        turn.state = replace(turn.state, attempt=replace(attempt, queued=False))
        return False
    runs = container.state is ContainerState.RUNNING
    if not runs and turn.state.status is not Status.STOPPED:
        turn.become(Status.STOPPED, policy.describe_exit(container))
    waits = turn.out_of_turn or ("" if attempt.manual else turn.hindrance)
    if waits:
        turn.note(f"{waits}: {attempt.cause}")
        return True
    kind = ActionKind.RESTART if runs else ActionKind.START
    turn.order(kind, container, attempt.cause, manual=attempt.manual, announced=True)
    return True
