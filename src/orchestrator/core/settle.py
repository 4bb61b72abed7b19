"""How an action ended: what its outcome says, and what a look says where the outcome does not."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from orchestrator.core import policy
from orchestrator.core.messages import Message, Outcome, Result
from orchestrator.core.model import ActionKind, Attempt, ContainerSnapshot, ContainerState, Status
from orchestrator.core.turn import Turn


def settle(turn: Turn, outcome: Outcome) -> None:
    attempt = turn.state.attempt
    if attempt is None or attempt.action_id != outcome.action_id:
        return
    turn.state = replace(turn.state, attempt=replace(attempt, in_flight=False))
    match outcome.result:
        case Result.DONE:
            if attempt.kind is not ActionKind.STOP:
                turn.state = replace(
                    turn.state, restart_count=turn.state.restart_count + 1, last_restart_at=turn.now.wall
                )
        case Result.UNKNOWN:
            turn.note(f"how the {attempt.kind} ended is not known: {outcome.detail}")
        case Result.FAILED:
            _action_failed(turn, attempt, f"{attempt.kind} failed: {outcome.detail}")
        case _:
            assert_never(outcome.result)


def _action_failed(turn: Turn, attempt: Attempt, cause: str) -> None:
    """The container is where the look after the action found it; what a person asked for is never counted."""
    container = turn.facts.container
    if attempt.kind is ActionKind.STOP:
        turn.state = replace(turn.state, stopped_by=None)
        turn.close_attempt(Message.STOP_FAILED, cause)
        return
    runs = isinstance(container, ContainerSnapshot) and container.state is ContainerState.RUNNING
    if isinstance(container, ContainerSnapshot) and not runs:
        turn.state = replace(turn.state, run=container.run)
        turn.become(Status.STOPPED, cause)
    turn.note(cause)
    turn.close_attempt(Message.RESTART_FAILED, cause)
    if not attempt.manual:
        if turn.state.enabled:
            turn.fail(cause, death=False)
    elif not runs:
        wait = policy.backoff(max(turn.state.strikes, 1), turn.spec.recovery)
        turn.state = replace(turn.state, retry_at=turn.now.moment + wait)
