"""Which run it is: a new one began, or after an action the old one is still there."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core import policy
from orchestrator.core.messages import Failure, Message
from orchestrator.core.model import ActionKind, Attempt, ContainerSnapshot, ContainerState, Run, Status
from orchestrator.core.settle import count_failed_action
from orchestrator.core.turn import Turn


def follow_run(turn: Turn, container: ContainerSnapshot) -> None:
    """Bring the remembered run up to the one seen."""
    state, run = turn.state, container.run
    by_engine = container.restart_count - state.engine_restarts if container.container_id == state.container_id else 0
    recreated = state.container_id not in (None, container.container_id)
    turn.state = replace(state, container_id=container.container_id, engine_restarts=container.restart_count)
    if recreated:
        turn.state = replace(turn.state, retry_at=None, confirmations=0)
        if turn.state.attempt is None or turn.state.attempt.kind is not ActionKind.RECREATE:
            turn.fail_attempt(f"its container was replaced by {container.container_id[:12]}")
    attempt = turn.state.attempt
    if attempt is not None and attempt.kind is not ActionKind.STOP and run == attempt.run_before:
        _nothing_happened(turn, attempt, container)
        return
    runs = container.state is ContainerState.RUNNING
    resumed = runs and state.status in (Status.STOPPED, Status.NOT_FOUND)
    if run is not None and (run != state.run or resumed):
        _begin_run(turn, container, run, by_engine=max(by_engine, 0), recreated=recreated)


def _nothing_happened(turn: Turn, attempt: Attempt, container: ContainerSnapshot) -> None:
    """After the action the look shows the old run: a restart got half way, or nothing was done at all."""
    runs = container.state is ContainerState.RUNNING
    if not runs and attempt.kind is ActionKind.RESTART:
        turn.become(Status.STOPPED, f"stopped half way through a restart: {attempt.cause}")
        return
    cause = f"the {attempt.kind} did not happen: {attempt.cause}"
    turn.note(cause)
    turn.fail_attempt(cause)
    if not runs:
        turn.become(Status.STOPPED, cause)
    count_failed_action(turn, attempt, container, cause)


def _begin_run(turn: Turn, container: ContainerSnapshot, run: Run, *, by_engine: int, recreated: bool) -> None:
    """``by_engine``: how often its own policy restarted the container since the last look."""
    turn.restarted_by_engine = by_engine > 0
    known, attempt = turn.state.run, turn.state.attempt
    landed = attempt is not None and known != attempt.run_before
    died_unseen = by_engine > 0 and known is not None and turn.state.status in (Status.RUNNING, Status.STARTING)
    if died_unseen and (attempt is None or landed):
        times = by_engine if policy.is_young(container, turn.now) else 1
        repeatedly = f" {times} times" if times > 1 else ""
        cause = f"it died and the engine restarted it{repeatedly} by its policy {container.restart_policy!r}"
        turn.fail_attempt(cause)
        if turn.spec.observe_only is None:
            turn.fail(cause, Failure.EXITED, times)
    elif attempt is not None:
        cause = f"by the {'manual' if attempt.manual else 'automatic'} {attempt.kind}"
        if not landed and attempt.kind is not ActionKind.STOP:
            count = turn.state.restart_count + 1
            turn.state = replace(turn.state, restart_count=count, last_restart_at=turn.now.wall)
    elif recreated:
        cause = f"recreated as {container.container_id[:12]}"
    else:
        cause = "by the engine's own policy" if by_engine else "from outside"
    _take_up(turn, container, run)
    runs = container.state is ContainerState.RUNNING
    first_sight = known is None and turn.events
    if runs and run != known and turn.state.enabled and not first_sight:
        turn.tell(Message.NEW_RUN, cause)


def _take_up(turn: Turn, container: ContainerSnapshot, run: Run) -> None:
    """Everything that was known of the last run ends here; who starts it, takes back that it was stopped."""
    being_stopped = turn.state.attempt is not None and turn.state.attempt.kind is ActionKind.STOP
    to_be_stopped = being_stopped or turn.state.leaving is not None
    stays_stopped = to_be_stopped or container.state is not ContainerState.RUNNING
    turn.state = replace(
        turn.state,
        run=run,
        grace_ends=policy.grace_end(turn.spec, run.started_at, turn.now),
        failed_probes=0,
        confirmations=0,
        retry_at=turn.state.retry_at if being_stopped else None,
        healthy_since=None,
        counted=False,
        completed=False,
        stopped_by=turn.state.stopped_by if stays_stopped else None,
        wanted_by=None,
        due_since=None,
    )
    turn.become(Status.STARTING, "waiting for the first passing check")
