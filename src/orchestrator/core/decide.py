"""The state machine: what to do about one service, from facts alone. The file to read first.

========================  ====================  ======================  ==============================  =========
seen                      STARTING              RUNNING                 UNHEALTHY / STOPPED             DISABLED
========================  ====================  ======================  ==============================  =========
no evidence               keep                  keep                    keep                            keep
no such container         NOT_FOUND             NOT_FOUND               NOT_FOUND                       shown
new run                   grace restarts        STARTING                STARTING                        shown
probe passes              RUNNING               keep                    RUNNING, *Service recovered*    shown
probe fails               after grace: counted  UNHEALTHY, retry armed  before retry: confirm           shown
                                                                        after: restart
exited                    STOPPED, counted      STOPPED, counted        at retry: start                 shown
paused                    never touched         never touched           never touched                   shown
dependency not running    wait, count nothing   wait, count nothing     wait, count nothing             shown
========================  ====================  ======================  ==============================  =========

While an action is in flight everything holds. The rules below read from the most specific to the most general;
each either settles the turn and returns, or leaves it to the next.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from orchestrator.core import policy
from orchestrator.core.commands import obey
from orchestrator.core.death import observe_down
from orchestrator.core.messages import UNSEEN, Decision, Facts, Message, Outcome, Result
from orchestrator.core.model import (
    ActionKind,
    Attempt,
    ContainerSnapshot,
    ContainerState,
    Instant,
    Run,
    RunningCheck,
    ServiceSpec,
    ServiceState,
    Status,
    Verdict,
)
from orchestrator.core.turn import Turn


def decide(spec: ServiceSpec, state: ServiceState, facts: Facts, now: Instant) -> Decision:
    """One turn: the next state, what to do, what to tell, and when to be asked again.

    Pure and total: the same arguments give the same decision, and every combination of arguments gives one.
    """
    turn = Turn(spec, state, facts, now)
    if facts.outcome is not None:
        _settle(turn, facts.outcome)
    if facts.command is not None:
        turn.reply = obey(turn, facts.command)
    _observe(turn)
    return Decision(
        state=turn.state,
        actions=tuple(turn.actions),
        events=tuple(turn.events),
        wake_at=_wake_at(turn),
        probe_every=_probe_every(turn),
        reply=turn.reply,
    )


# --- how an action ended -------------------------------------------------------------------------------------


def _settle(turn: Turn, outcome: Outcome) -> None:
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


# --- what a look showed --------------------------------------------------------------------------------------


def _observe(turn: Turn) -> None:
    container = turn.facts.container
    if turn.state.attempt is not None and turn.state.attempt.in_flight:
        return
    if container is UNSEEN:
        _doubt(turn)
        return
    if container is None:
        _vanish(turn)
        return
    _discover(turn, container)
    if container.state is ContainerState.PAUSED:
        turn.note("paused")
        _doubt(turn)
        return
    if container.state in (ContainerState.STOPPING, ContainerState.REMOVING):
        turn.note(f"the engine says {container.state}")
        _doubt(turn)
        return
    _try_again(turn, container)
    _follow_run(turn, container)
    if turn.state.attempt is not None and turn.state.attempt.in_flight:
        return
    if container.state is ContainerState.RUNNING:
        _judge(turn, container)
    else:
        observe_down(turn, container)


def _doubt(turn: Turn) -> None:
    """What was confirmed before the gap has to be confirmed again after it."""
    if turn.state.confirmations:
        turn.state = replace(turn.state, confirmations=0)


def _vanish(turn: Turn) -> None:
    turn.state = replace(turn.state, run=None, retry_at=None, healthy_since=None, grace_ends=None, confirmations=0)
    turn.close_attempt(Message.RESTART_FAILED, "the container is gone")
    if turn.state.status is not Status.NOT_FOUND:
        turn.become(Status.NOT_FOUND, "no such container")
        if turn.state.enabled:
            turn.tell(Message.NOT_FOUND, "its container is gone")
    else:
        turn.note("no such container")


def _discover(turn: Turn, container: ContainerSnapshot) -> None:
    if turn.state.discovered:
        return
    up = container.state in (ContainerState.RUNNING, ContainerState.PAUSED)
    turn.state = replace(
        turn.state,
        discovered=True,
        container_id=container.container_id,
        engine_restarts=container.restart_count,
        run=None if up else container.run,
    )
    turn.become(Status.STARTING if up else Status.STOPPED, "just discovered")
    turn.tell(Message.DISCOVERED, f"container {container.name} is {container.state}")


def _try_again(turn: Turn, container: ContainerSnapshot) -> None:
    """One half-open trial after the limit disabled it: one more failure disables it again."""
    state, recovery = turn.state, turn.spec.recovery
    if state.disabled_by != "max_failures" or _trial_at(turn) is None or turn.now.moment < (_trial_at(turn) or 0):
        return
    turn.state = replace(
        state,
        status=Status.STOPPED,
        disabled_by=None,
        disabled_at=None,
        strikes=max(recovery.max_failures - 1, 0),
        run=container.run,
    )
    cause = f"one trial, {recovery.retry_disabled_after:g} s after it was disabled"
    turn.note(cause)
    turn.tell(Message.ENABLED, cause)
    if container.state is ContainerState.RUNNING:
        turn.order(ActionKind.RESTART, container, cause)


def _trial_at(turn: Turn) -> float | None:
    after, since = turn.spec.recovery.retry_disabled_after, turn.state.disabled_at
    return None if after is None or since is None else since + after


# --- which run it is -----------------------------------------------------------------------------------------


def _follow_run(turn: Turn, container: ContainerSnapshot) -> None:
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


# --- whether it is well --------------------------------------------------------------------------------------


def _judge(turn: Turn, container: ContainerSnapshot) -> None:
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
    if turn.now.moment >= _forgiven_at(turn):
        turn.state = replace(state, strikes=0, last_backoff=0.0)


def _forgiven_at(turn: Turn) -> float:
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


# --- when to look again --------------------------------------------------------------------------------------


def _wake_at(turn: Turn) -> float | None:
    state = turn.state
    if state.attempt is not None and state.attempt.in_flight:
        return None
    moments = []
    if state.retry_at is not None:
        moments.append(state.retry_at)
    if state.status is Status.RUNNING and state.strikes:
        moments.append(_forgiven_at(turn))
    trial_at = _trial_at(turn) if state.disabled_by == "max_failures" else None
    if trial_at is not None:
        moments.append(trial_at)
    return min((moment for moment in moments if moment > turn.now.moment), default=None)


def _probe_every(turn: Turn) -> float | None:
    container = turn.facts.container
    if not isinstance(container, ContainerSnapshot):
        return None
    if turn.state.attempt is not None and turn.state.attempt.in_flight:
        return None
    return policy.probe_cadence(turn.spec, turn.state, container, turn.now)
