"""The state machine: what to do about one service, from facts alone. The file to read first.

========================  ====================  ======================  ==============================  =========
seen                      STARTING              RUNNING                 UNHEALTHY / STOPPED             DISABLED
========================  ====================  ======================  ==============================  =========
no evidence               keep                  keep                    keep                            keep
no such container         NOT_FOUND             NOT_FOUND               NOT_FOUND                       shown
new run                   grace restarts        STARTING                STARTING                        shown
probe passes              RUNNING               keep                    RUNNING, *Service recovered*    shown
probe fails               after grace:          UNHEALTHY, retry armed  before retry: confirm           shown
                          UNHEALTHY                                     after: restart
exited                    STOPPED, counted      STOPPED, counted        at retry: start                 shown
paused                    never touched         never touched           never touched                   shown
dependency not running    wait, count nothing   wait, count nothing     wait, count nothing             shown
held                      wait, count nothing   wait, count nothing     wait, count nothing             shown
========================  ====================  ======================  ==============================  =========

While an action is in flight everything holds. The rules below read from the most specific to the most general;
each either settles the turn and returns, or leaves it to the next. One room each for what they lead to: ``settle``
(how an action ended), ``commands`` (what a person asks for), ``follow`` (which run it is), ``judge`` (whether what
runs is well), ``death`` (what to do about what is down), ``startup`` and ``shutdown`` (up and down in order),
``waiting`` (what others keep it from), ``holding`` (a person's hold), ``companions`` (what it is restarted with),
``rejoin`` (whose namespaces it uses), ``lanes`` (whose turn it is); ``turn`` counts failures and orders actions.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core import policy
from orchestrator.core.commands import obey
from orchestrator.core.death import observe_down
from orchestrator.core.follow import follow_run
from orchestrator.core.holding import end_hold
from orchestrator.core.judge import forgiven_at, judge
from orchestrator.core.lanes import give_way, take_turn
from orchestrator.core.messages import UNSEEN, Decision, Facts, Message
from orchestrator.core.model import (
    ActionKind,
    ContainerSnapshot,
    ContainerState,
    Instant,
    Kind,
    ServiceSpec,
    ServiceState,
    Status,
)
from orchestrator.core.rejoin import rejoin, remember_owners, resume_recreation
from orchestrator.core.settle import settle
from orchestrator.core.startup import FOUND_STOPPED, wanted_until
from orchestrator.core.takeover import take_over
from orchestrator.core.turn import Turn
from orchestrator.core.waiting import await_dependencies, excuse, resume


def decide(spec: ServiceSpec, state: ServiceState, facts: Facts, now: Instant) -> Decision:
    """One turn: the next state, what to do, what to tell, and when to be asked again.

    Pure and total: the same arguments give the same decision, and every combination of arguments gives one.
    """
    turn = Turn(spec, state, facts, now)
    if facts.outcome is not None:
        settle(turn, facts.outcome)
    end_hold(turn)
    if facts.command is not None:
        turn.reply = obey(turn, facts.command)
    _observe(turn)
    return Decision(
        state=turn.state,
        actions=tuple(turn.actions),
        events=tuple(turn.events),
        failures=tuple(turn.failures),
        wake_at=_wake_at(turn),
        probe_every=_probe_every(turn),
        reply=turn.reply,
        due=turn.due,
    )


def release(spec: ServiceSpec, state: ServiceState, now: Instant) -> Decision:
    """The last turn of a service that is managed no more: nobody will see how an open attempt ends."""
    turn = Turn(spec, state, Facts(), now)
    turn.fail_attempt("not managed any more before it was verified")
    return Decision(turn.state, events=tuple(turn.events))


# --- what a look showed --------------------------------------------------------------------------------------


def _observe(turn: Turn) -> None:
    container = turn.facts.container
    excuse(turn)
    if turn.state.attempt is not None and turn.state.attempt.in_flight:
        return
    give_way(turn)
    if container is UNSEEN:
        turn.doubt()
        return
    if resume_recreation(turn):
        return
    if container is None:
        _vanish(turn)
        return
    _discover(turn, container)
    if container.state is ContainerState.PAUSED:
        turn.note("paused")
        turn.doubt()
        return
    if container.state in (ContainerState.STOPPING, ContainerState.REMOVING):
        turn.note(f"the engine says {container.state}")
        turn.doubt()
        return
    if turn.may_still_end(container):
        turn.note("the engine may still be stopping it: how the restart ends is not known yet")
        turn.doubt()
        return
    if take_turn(turn, container):
        return
    _try_again(turn, container)
    if turn.actions:
        return
    follow_run(turn, container)
    remember_owners(turn, container)
    resume(turn, container)
    if container.state is not ContainerState.RUNNING:
        observe_down(turn, container)
    take_over(turn, container)
    severed = turn.facts.severed is not None and turn.state.stopped_by is None
    if container.state is ContainerState.RUNNING and not turn.actions and not severed:
        judge(turn, container)
    rejoin(turn, container)
    await_dependencies(turn)


def _vanish(turn: Turn) -> None:
    turn.state = replace(turn.state, run=None, retry_at=None, healthy_since=None, grace_ends=None, confirmations=0)
    attempt = turn.state.attempt
    if attempt is not None and attempt.kind is ActionKind.STOP:
        turn.state = replace(turn.state, attempt=None)
    turn.fail_attempt("the container is gone")
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
        stopped_by=turn.state.stopped_by or _whoever_stopped_it(turn, container),
        container_id=container.container_id,
        engine_restarts=container.restart_count,
        run=None if up else container.run,
    )
    turn.become(Status.STARTING if up else Status.STOPPED, "just discovered")
    turn.tell(Message.DISCOVERED, f"container {container.name} is {container.state}")


def _whoever_stopped_it(turn: Turn, container: ContainerSnapshot) -> str | None:
    """A container that nobody declared, and that the engine would not start either, was left stopped by somebody."""
    undeclared = turn.spec.kind is Kind.INFERRED
    if not undeclared or container.state is not ContainerState.EXITED or policy.engine_restarts(container):
        return None
    if policy.is_job(turn.spec, container) and container.exit_code == 0:
        return None
    return FOUND_STOPPED


def _try_again(turn: Turn, container: ContainerSnapshot) -> None:
    """One half-open trial after the limit disabled it: one more failure disables it again.

    What became healthy meanwhile is only enabled, and nothing is tried while a dependency is missing.
    """
    trial_at = _trial_at(turn)
    if trial_at is None or turn.now.moment < trial_at or turn.spec.observe_only is not None:
        return
    if turn.hindrance or turn.out_of_turn:
        return
    well = turn.state.healthy_since is not None
    restarts = container.state is ContainerState.RUNNING and not well and turn.facts.severed is None
    if restarts and not turn.takes_turn():
        return
    turn.state = replace(
        turn.state,
        status=Status.STOPPED,
        disabled_by=None,
        disabled_at=None,
        strikes=max(turn.spec.recovery.max_failures - 1, 0),
        counted=False,
        run=container.run,
    )
    cause = f"one trial, {turn.spec.recovery.retry_disabled_after:g} s after the limit disabled it"
    turn.note(cause)
    turn.tell(Message.ENABLED, cause)
    if restarts and turn.free_to_heal:
        turn.order(ActionKind.RESTART, container, cause)


def _trial_at(turn: Turn) -> float | None:
    after, since = turn.spec.recovery.retry_disabled_after, turn.state.disabled_at
    if turn.state.disabled_by != "max_failures" or after is None or since is None:
        return None
    return since + after


# --- when to look again --------------------------------------------------------------------------------------


def _wake_at(turn: Turn) -> float | None:
    state = turn.state
    hold_ends = None if state.hold is None else state.hold.until
    if state.attempt is not None and state.attempt.in_flight:
        return hold_ends
    forgiven = forgiven_at(turn) if state.status is Status.RUNNING and state.strikes else None
    patience_ends = None if state.attempt is None else state.attempt.patience_ends
    moments = (
        state.retry_at,
        forgiven,
        _trial_at(turn),
        patience_ends,
        None if state.attempt is None else state.attempt.lane_until,
        wanted_until(turn),
        hold_ends,
        state.resume_at,
    )
    return min((moment for moment in moments if moment is not None and moment > turn.now.moment), default=None)


def _probe_every(turn: Turn) -> float | None:
    container = turn.facts.container
    if not isinstance(container, ContainerSnapshot):
        return None
    if turn.state.attempt is not None and turn.state.attempt.in_flight:
        return None
    return policy.probe_cadence(turn.spec, turn.state, container, turn.now, waiting=bool(turn.hindrance))
