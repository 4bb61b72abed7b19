"""Whether a running container is well, and its restart when it is not and the time has come."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from orchestrator.core import policy
from orchestrator.core.companions import follow_companions
from orchestrator.core.course import begin, end_well, pursue
from orchestrator.core.messages import Failure, Message, Result
from orchestrator.core.model import ActionKind, Baseline, ContainerSnapshot, RunningCheck, Status, Verdict
from orchestrator.core.shutdown import leave
from orchestrator.core.takeover import give_back
from orchestrator.core.turn import Turn


def judge(turn: Turn, container: ContainerSnapshot) -> None:
    """One turn of a service whose container runs."""
    if turn.state.leaving is not None:
        leave(turn, container)
        return
    if turn.state.stopped_by is not None:
        _still_up(turn, container)
        return
    _wait_for_dependencies(turn)
    verdict, detail = _reading(turn, container)
    match verdict:
        case Verdict.PASS:
            _heal(turn, detail)
            _forgive(turn)
            _remember_what_runs(turn, container)
        case Verdict.FAIL:
            _ail(turn, detail)
        case Verdict.UNKNOWN:
            turn.note(f"health is not known: {detail}")
            turn.doubt()
        case None:
            pass
        case _:
            assert_never(verdict)
    pursue(turn, container)
    _restart_if_due(turn, container, failed_now=verdict is Verdict.FAIL)
    follow_companions(turn, container)


def forgiven_at(turn: Turn) -> float:
    """The moment from which a passing check forgives the strikes."""
    since = turn.now.moment if turn.state.healthy_since is None else turn.state.healthy_since
    return since + policy.stable_after(turn.spec.recovery, turn.state.last_backoff)


def is_baseline(turn: Turn) -> bool:
    """Whether what is seen is what is remembered of the last stable run."""
    container = turn.facts.container
    return not isinstance(container, ContainerSnapshot) or turn.state.baseline == _baseline_of(container)


def _baseline_of(container: ContainerSnapshot) -> Baseline:
    return Baseline(container.image, container.image_id, tuple(sorted(container.configuration.items())))


def _remember_what_runs(turn: Turn, container: ContainerSnapshot) -> None:
    if turn.state.enabled and not is_baseline(turn) and turn.now.moment >= forgiven_at(turn):
        turn.state = replace(turn.state, baseline=_baseline_of(container))


def _still_up(turn: Turn, container: ContainerSnapshot) -> None:
    """It is to be stopped and runs: ask again where the end of our request is not known, else give up on it."""
    attempt, outcome = turn.state.attempt, turn.facts.outcome
    answered = outcome is not None and outcome.result is Result.DONE
    if attempt is not None and not answered:
        if turn.state.retry_at is None or turn.now.moment >= turn.state.retry_at:
            turn.order(ActionKind.STOP, container, attempt.cause, manual=True, announced=True)
        return
    turn.state = replace(turn.state, stopped_by=None, retry_at=None)
    turn.fail_attempt("the container still runs")


def _wait_for_dependencies(turn: Turn) -> None:
    """A restart that is due waits, and what confirmed it counts no more."""
    if not turn.hindrance or turn.state.status is not Status.UNHEALTHY or turn.state.retry_at is None:
        return
    turn.state = replace(turn.state, retry_at=None, confirmations=0)
    turn.note_hindrance(turn.state.reason)


def _reading(turn: Turn, container: ContainerSnapshot) -> tuple[Verdict | None, str]:
    """The newest answer about this run that was not taken in before; a stale stamp is no answer."""
    if isinstance(policy.effective_check(turn.spec, container), RunningCheck):
        return Verdict.PASS, "the container runs"
    probe = turn.facts.probe
    if probe is None or probe.run != container.run or probe.checked.moment <= turn.state.probe_seen:
        return None, ""
    turn.state = replace(turn.state, probe_seen=probe.checked.moment)
    return probe.verdict, probe.detail


def _heal(turn: Turn, detail: str) -> None:
    before = turn.state
    helped = before.course is not None and before.course.acted
    if before.counted and before.enabled and not helped:
        _give_back(turn)
    turn.state = replace(
        turn.state,
        failure_count=0 if before.enabled else before.failure_count,
        failed_probes=0,
        confirmations=0,
        retry_at=None,
        grace_ends=None,
        counted=False,
        healthy_since=turn.now.moment if before.healthy_since is None else before.healthy_since,
        withheld=(),
    )
    turn.become(Status.RUNNING, "")
    if before.attempt is not None:
        turn.complete_attempt(f"{before.attempt.cause}; verified: {detail}")
    end_well(turn, detail)
    if not before.enabled or before.status is Status.RUNNING:
        return
    if before.failure_count or before.status is Status.UNHEALTHY:
        turn.tell(Message.RECOVERED, detail)
    elif before.attempt is None:
        turn.tell(Message.HEALTHY, detail)


def _give_back(turn: Turn) -> None:
    """A blip healed itself: no restart was spent on it, so it brings the limit no nearer."""
    strikes = max(turn.state.strikes - 1, 0)
    turn.state = replace(turn.state, strikes=strikes, last_backoff=policy.backoff(strikes, turn.spec.recovery))


def _ail(turn: Turn, detail: str) -> None:
    state = turn.state
    if state.grace_ends is not None and turn.now.moment < state.grace_ends:
        turn.note(f"in its grace period: {detail}")
        return
    turn.state = replace(state, grace_ends=None, failed_probes=min(state.failed_probes + 1, turn.spec.health.failures))
    if turn.state.failed_probes < turn.spec.health.failures and state.status is not Status.UNHEALTHY:
        turn.note(f"{detail} ({turn.state.failed_probes} of {turn.spec.health.failures} failed checks)")
        return
    turn.state = replace(turn.state, healthy_since=None)
    turn.fail_attempt(detail)
    if not state.enabled:
        return
    words = f"{turn.hindrance}: {detail}" if turn.hindrance else detail
    if state.status is not Status.UNHEALTHY:
        turn.become(Status.UNHEALTHY, detail)
        turn.tell(Message.HEALTH_CHECK_FAILED, words)
    turn.note(words)
    if turn.free_to_heal:
        _arm(turn, detail)


def _arm(turn: Turn, detail: str) -> None:
    """Count the failure of a run once; what fails again while the wait lasts confirms it."""
    state = turn.state
    if state.retry_at is not None:
        turn.state = replace(state, confirmations=state.confirmations + 1)
    elif state.counted:
        turn.state = replace(state, retry_at=turn.now.moment + state.last_backoff, confirmations=0)
    else:
        turn.fail(detail, Failure.UNHEALTHY)


def _forgive(turn: Turn) -> None:
    state = turn.state
    unsettled = state.strikes or state.tried
    if state.enabled and unsettled and turn.now.moment >= forgiven_at(turn):
        turn.state = replace(state, strikes=0, last_backoff=0.0, tried=())
        give_back(turn)


def _restart_if_due(turn: Turn, container: ContainerSnapshot, *, failed_now: bool) -> None:
    """Only on a failure seen after the one that armed it, or, without any backoff, on that one itself."""
    state = turn.state
    if state.course is not None:
        return
    if state.status is not Status.UNHEALTHY or state.retry_at is None or turn.now.moment < state.retry_at:
        return
    if not turn.free_to_heal or not (state.confirmations or failed_now):
        return
    if turn.facts.dependencies_asked < state.retry_at - state.last_backoff:
        return  # one of them may be the cause, and has not been asked since this failure was counted
    words = state.reason if turn.facts.probe is None else turn.facts.probe.detail
    if turn.out_of_turn and not turn.facts.make_room:
        turn.note(f"{turn.out_of_turn}: {words}")
        return
    if state.confirmations:
        checks = "check" if state.confirmations == 1 else "checks"
        words = f"{words}; confirmed by {state.confirmations} more {checks} in {state.last_backoff:.1f} s"
    if turn.at_limit:
        turn.give_up(words)
        return
    if turn.facts.make_room:
        turn.order(ActionKind.RESTART, container, f"{words}; {turn.facts.make_room}", pause=policy.SHORTEST_PAUSE)
        return
    if not begin(turn, container, words):
        turn.order(ActionKind.RESTART, container, words)
