"""Whether a running container is well, and its restart when it is not and the time has come."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from orchestrator.core import policy
from orchestrator.core.messages import Message, Result
from orchestrator.core.model import ActionKind, ContainerSnapshot, RunningCheck, Status, Verdict
from orchestrator.core.turn import Turn


def judge(turn: Turn, container: ContainerSnapshot) -> None:
    if turn.state.stopped_by is not None:
        _still_up(turn, container)
        return
    if turn.facts.unmet and turn.state.status is Status.UNHEALTHY:
        turn.state = replace(turn.state, retry_at=None, confirmations=0)
        turn.note(f"waiting for {', '.join(turn.facts.unmet)}")
    verdict, detail = _reading(turn, container)
    match verdict:
        case Verdict.PASS:
            _heal(turn, detail)
        case Verdict.FAIL:
            _ail(turn, detail)
        case Verdict.UNKNOWN if detail:
            turn.note(f"health is not known: {detail}")
        case Verdict.UNKNOWN:
            pass
        case _:
            assert_never(verdict)
    _forgive(turn)
    _restart_if_due(turn, container)


def _still_up(turn: Turn, container: ContainerSnapshot) -> None:
    """It is to be stopped and runs: ask again where the end of our request is not known, else give up on it."""
    attempt = turn.state.attempt
    answered = turn.facts.outcome is not None and turn.facts.outcome.result is Result.DONE
    if attempt is not None and attempt.kind is ActionKind.STOP and not answered:
        turn.order(ActionKind.STOP, container, attempt.cause, manual=True, announced=True)
        return
    turn.state = replace(turn.state, stopped_by=None)
    turn.close_attempt(Message.STOP_FAILED, "the container still runs")


def _reading(turn: Turn, container: ContainerSnapshot) -> tuple[Verdict, str]:
    """The newest answer about this run that was not taken in before; a stale stamp is no answer."""
    if isinstance(policy.effective_check(turn.spec, container), RunningCheck):
        return Verdict.PASS, "the container runs"
    probe = turn.facts.probe
    if probe is None or probe.run != container.run or probe.checked.moment <= turn.state.probe_seen:
        return Verdict.UNKNOWN, ""
    turn.state = replace(turn.state, probe_seen=probe.checked.moment)
    return probe.verdict, probe.detail


def _heal(turn: Turn, detail: str) -> None:
    before = turn.state
    turn.state = replace(
        before,
        failure_count=0 if before.enabled else before.failure_count,
        failed_probes=0,
        confirmations=0,
        retry_at=None,
        grace_ends=None,
        healthy_since=turn.now.moment if before.healthy_since is None else before.healthy_since,
    )
    turn.become(Status.RUNNING, "")
    if before.attempt is not None:
        turn.close_attempt(Message.RESTART_COMPLETED, f"{before.attempt.cause}; verified: {detail}")
    if not before.enabled or before.status is Status.RUNNING:
        return
    if before.failure_count or before.status is Status.UNHEALTHY:
        turn.tell(Message.RECOVERED, detail)
    elif before.attempt is None:
        turn.tell(Message.HEALTHY, detail)


def _ail(turn: Turn, detail: str) -> None:
    state = turn.state
    if state.grace_ends is not None and turn.now.moment < state.grace_ends:
        turn.note(f"in its grace period: {detail}")
        return
    turn.state = replace(state, grace_ends=None, failed_probes=state.failed_probes + 1)
    if turn.state.failed_probes < turn.spec.health.failures and state.status is not Status.UNHEALTHY:
        turn.note(f"{detail} ({turn.state.failed_probes} of {turn.spec.health.failures} failed checks)")
        return
    turn.close_attempt(Message.RESTART_FAILED, detail)
    if not state.enabled:
        return
    if state.status is not Status.UNHEALTHY:
        turn.state = replace(turn.state, healthy_since=None)
        turn.become(Status.UNHEALTHY, detail)
        turn.tell(Message.HEALTH_CHECK_FAILED, detail)
    if turn.facts.unmet:
        turn.note(f"waiting for {', '.join(turn.facts.unmet)}: {detail}")
        return
    turn.note(detail)
    if turn.spec.observe_only is not None:
        return
    if turn.state.retry_at is None:
        turn.fail(detail, death=False)
    else:
        turn.state = replace(turn.state, confirmations=turn.state.confirmations + 1)


def _forgive(turn: Turn) -> None:
    state = turn.state
    if state.status is not Status.RUNNING or not state.strikes:
        return
    if turn.now.moment >= forgiven_at(turn):
        turn.state = replace(state, strikes=0, last_backoff=0.0)


def forgiven_at(turn: Turn) -> float:
    since = turn.now.moment if turn.state.healthy_since is None else turn.state.healthy_since
    return since + policy.stable_after(turn.spec.recovery, turn.state.last_backoff)


def _restart_if_due(turn: Turn, container: ContainerSnapshot) -> None:
    state = turn.state
    if state.status is not Status.UNHEALTHY or state.retry_at is None or turn.now.moment < state.retry_at:
        return
    if not state.confirmations and state.last_backoff > 0:
        return
    words = state.reason
    if state.confirmations:
        words = f"{words}; confirmed by {state.confirmations} more checks in {state.last_backoff:.1f} s"
    turn.order(ActionKind.RESTART, container, words)
