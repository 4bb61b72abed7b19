"""How an action ended: what its outcome says, together with the look that was taken after it."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from orchestrator.core import lanes, policy
from orchestrator.core.course import settle_step
from orchestrator.core.messages import UNSEEN, Failure, Outcome, Result
from orchestrator.core.model import ActionKind, Attempt, ContainerSnapshot, ContainerState, Status
from orchestrator.core.turn import Turn

_UNTOUCHABLE = (ContainerState.PAUSED, ContainerState.REMOVING)


def settle(turn: Turn, outcome: Outcome) -> None:
    """Take the outcome in. Whether a start or restart worked is for a pass to say, not for the engine's answer."""
    attempt = turn.state.attempt
    if attempt is None or not attempt.in_flight or attempt.action_id != outcome.action_id:
        return
    if attempt.kind is ActionKind.PLAYBOOK:
        settle_step(turn, outcome)
        return
    if outcome.result is not Result.UNKNOWN:
        attempt = replace(attempt, patience_ends=None)
    if attempt.pauses and isinstance(turn.facts.container, ContainerSnapshot):
        # Until the stop came through, the engine may have begun other runs: the last one is the one to follow.
        attempt = replace(attempt, run_before=turn.facts.container.run)
        turn.state = replace(turn.state, engine_restarts=turn.facts.container.restart_count)
    attempt = lanes.carried_out(attempt, turn.spec, turn.now)
    turn.state = replace(turn.state, attempt=replace(attempt, in_flight=False))
    if attempt.kind is ActionKind.RECREATE:  # what is said to be left over may just not be known yet to be gone
        turn.state = replace(turn.state, resume_at=turn.now.moment + policy.RESUME_AGAIN)
    if attempt.kind is ActionKind.STOP:
        turn.state = replace(turn.state, retry_at=turn.now.moment + policy.STOP_REPEAT)
    match outcome.result:
        case Result.DONE:
            cause = f"{attempt.cause}; {outcome.detail}" if outcome.detail else attempt.cause
            turn.state = replace(turn.state, attempt=replace(attempt, cause=cause, in_flight=False))
        case Result.UNKNOWN:
            turn.note(f"how the {attempt.kind} ended is not known: {outcome.detail}")
        case Result.FAILED:
            _failed(turn, attempt, outcome.detail)
        case _:
            assert_never(outcome.result)


def _failed(turn: Turn, attempt: Attempt, words: str) -> None:
    """The engine said no; what became of the container, the look says."""
    container = turn.facts.container
    if container is UNSEEN:
        turn.note(f"{attempt.kind} failed: {words}")
        cause = f"{attempt.cause}; the engine said: {words}"
        turn.state = replace(turn.state, attempt=replace(attempt, cause=cause, in_flight=False))
        return
    if container is None or container.container_id != turn.state.container_id:
        return
    if _happened(attempt, container):
        turn.note(f"the engine answered {words}, but the {attempt.kind} happened")
        return
    cause = f"{attempt.kind} failed: {words}"
    turn.note(cause)
    turn.fail_attempt(cause)
    if attempt.kind is ActionKind.STOP:
        turn.state = replace(turn.state, stopped_by=None, retry_at=None)
        return
    if container.state in _UNTOUCHABLE:
        return
    if container.state is not ContainerState.RUNNING:
        turn.state = replace(turn.state, run=container.run)
        turn.become(Status.STOPPED, cause)
    count_failed_action(turn, attempt, container, cause)


def count_failed_action(turn: Turn, attempt: Attempt, container: ContainerSnapshot, cause: str) -> None:
    """What a person asked for is tried again as well, but is no failure of the service."""
    if not turn.state.enabled:
        return
    if not attempt.manual:
        turn.fail(cause, Failure.ACTION_FAILED)
    elif container.state is not ContainerState.RUNNING:
        wait = max(policy.backoff(max(turn.state.strikes, 1), turn.spec.recovery), policy.SHORTEST_PAUSE)
        turn.state = replace(turn.state, retry_at=turn.now.moment + wait)


def _happened(attempt: Attempt, container: ContainerSnapshot) -> bool:
    """Three restarts at once give one restart and two errors: the look is right and the error is not."""
    if attempt.kind is ActionKind.STOP:
        return container.state in (ContainerState.EXITED, ContainerState.CREATED, ContainerState.DEAD)
    return container.state is ContainerState.RUNNING and container.run != attempt.run_before
