"""Which run it is: a new one began, or after an action the old one is still there."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core import policy
from orchestrator.core.messages import Message
from orchestrator.core.model import ActionKind, Attempt, ContainerSnapshot, ContainerState, Run, Status
from orchestrator.core.turn import Turn


def follow_run(turn: Turn, container: ContainerSnapshot) -> None:
    state, run = turn.state, container.run
    by_engine = container.container_id == state.container_id and container.restart_count > state.engine_restarts
    recreated = state.container_id not in (None, container.container_id)
    turn.state = replace(state, container_id=container.container_id, engine_restarts=container.restart_count)
    attempt = state.attempt
    if attempt is not None and attempt.kind is not ActionKind.STOP and run == attempt.run_before:
        _nothing_happened(turn, attempt, container)
        return
    runs = container.state is ContainerState.RUNNING
    resumed = runs and state.status in (Status.STOPPED, Status.NOT_FOUND)
    if run is not None and (run != state.run or resumed):
        _begin_run(turn, container, run, by_engine=by_engine, recreated=recreated)


def _nothing_happened(turn: Turn, attempt: Attempt, container: ContainerSnapshot) -> None:
    """After an action of unknown end the look shows the old run: finish a half-done restart, or call it failed."""
    if container.state is not ContainerState.RUNNING and attempt.kind is ActionKind.RESTART:
        cause = f"to finish an interrupted restart: {attempt.cause}"
        turn.become(Status.STOPPED, cause)
        turn.order(ActionKind.START, container, cause, manual=attempt.manual, announced=True)
        return
    cause = f"the {attempt.kind} did not happen"
    turn.note(cause)
    turn.close_attempt(Message.RESTART_FAILED, cause)
    if container.state is not ContainerState.RUNNING:
        turn.become(Status.STOPPED, cause)
    if turn.state.enabled and not attempt.manual:
        turn.fail(cause, death=False)


def _begin_run(turn: Turn, container: ContainerSnapshot, run: Run, *, by_engine: bool, recreated: bool) -> None:
    known = turn.state.run
    attempt = turn.state.attempt
    died_unseen = by_engine and turn.state.status in (Status.RUNNING, Status.STARTING) and known is not None
    landed = attempt is not None and known is not None and known != attempt.run_before
    if died_unseen:
        cause = f"it died and the engine restarted it by its policy {container.restart_policy!r}"
        if landed:
            turn.close_attempt(Message.RESTART_FAILED, cause)
        if turn.state.enabled and turn.spec.observe_only is None and (attempt is None or landed):
            turn.fail(cause, death=True)
    elif attempt is not None:
        cause = attempt.cause
    elif recreated:
        cause = f"recreated as {container.container_id[:12]}"
    else:
        cause = "by the engine's own policy" if by_engine else "from outside"
    runs = container.state is ContainerState.RUNNING
    turn.state = replace(
        turn.state,
        run=run,
        grace_ends=policy.grace_end(turn.spec, run.started_at, turn.now),
        failed_probes=0,
        confirmations=0,
        retry_at=None,
        healthy_since=None,
        completed=False,
        stopped_by=None if runs else turn.state.stopped_by,
    )
    turn.become(Status.STARTING, "waiting for the first passing check")
    if runs and turn.state.enabled and not (known is None and turn.events):
        turn.tell(Message.NEW_RUN, cause)
