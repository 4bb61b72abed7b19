"""What would be done next for a service, if nothing changed and its check went on answering what it answered last.

No rule is repeated here: ``decide`` itself is asked, at the moments at which it would be asked anyway.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from orchestrator.core.decide import decide
from orchestrator.core.messages import UNSEEN, Decision, Facts
from orchestrator.core.model import (
    ContainerSnapshot,
    ContainerState,
    Instant,
    ServiceSpec,
    ServiceState,
    Status,
    Verdict,
)

_LONGEST_STORY: Final = 24
"""Decisions looked ahead, at the most."""
_PASSING_STATES: Final = (ContainerState.RESTARTING, ContainerState.STOPPING, ContainerState.REMOVING)


class Intention(StrEnum):
    RESTART = "restart"
    START = "start"
    STOP = "stop"
    RECREATE = "recreate"
    PLAYBOOK = "playbook"
    WAIT = "wait"
    """For something that is not ours to do: a dependency, a first passing check, the engine."""
    NOTHING = "nothing"
    """There is no reason to act."""
    HELD = "held"
    """It is not acted on, well or not, until what is in ``blocked_by`` changes."""


@dataclass(frozen=True, slots=True)
class Foresight:
    intention: Intention
    at: float | None
    """The moment it would happen; ``None``: no moment is known."""
    cause: str
    blocked_by: tuple[str, ...] = ()
    """``engine_unseen``, ``paused``, ``disabled``, ``stopped_by_person``, ``observe_only``, ``held``,
    ``waiting_on:NAME``, ``lane_taken_by:NAME``."""


def foresee(spec: ServiceSpec, state: ServiceState, facts: Facts, now: Instant) -> Foresight:
    """Pure. ``facts`` are those of the present; what is delivered once (outcome, command) does not belong in them."""
    if state.attempt is not None and state.attempt.in_flight:
        return Foresight(Intention(state.attempt.kind), now.moment, state.attempt.cause)
    known, asked, moment = state, facts, now.moment
    for _ in range(_LONGEST_STORY):
        then = Instant(moment, now.wall + moment - now.moment)
        decision = decide(spec, known, asked, then)
        for action in decision.actions:
            return Foresight(Intention(action.kind), moment, action.cause, () if state.hold is None else ("held",))
        if known.enabled and not decision.state.enabled:
            return Foresight(Intention.NOTHING, moment, f"it would be disabled: {decision.state.reason}")
        upcoming = min(_upcoming(decision, facts, moment), default=None)
        if upcoming is None:
            break
        known, moment = decision.state, upcoming
        asked = _answered_again(facts, Instant(moment, now.wall + moment - now.moment))
    return _idle(spec, state, facts)


def _upcoming(decision: Decision, facts: Facts, moment: float) -> Iterator[float]:
    """When it would be decided again: at its deadline, and at each further failure of a check that fails."""
    state = decision.state
    if decision.wake_at is not None:
        yield decision.wake_at
    failing = facts.probe is not None and facts.probe.verdict is Verdict.FAIL
    armed = state.retry_at is not None and state.retry_at > moment
    heard = state.enabled and state.hold is None
    if failing and heard and not armed and decision.probe_every is not None:
        yield max(moment + decision.probe_every, moment if state.grace_ends is None else state.grace_ends)


def _answered_again(facts: Facts, then: Instant) -> Facts:
    probe = None if facts.probe is None else replace(facts.probe, checked=then)
    return replace(facts, probe=probe, dependencies_asked=math.inf)


def _idle(spec: ServiceSpec, state: ServiceState, facts: Facts) -> Foresight:
    """Nothing would ever be ordered: who or what has to move first, if anything has to."""
    holds = tuple(_holds(spec, state, facts))
    if holds:
        return Foresight(Intention.HELD, None, state.reason or spec.observe_only or "", holds)
    queued = state.attempt is not None and state.attempt.queued
    if not queued and (state.completed or state.status in (Status.RUNNING, Status.NOT_FOUND)):
        return Foresight(Intention.NOTHING, None, state.reason)
    taken_by = (f"lane_taken_by:{facts.lane_taken_by}",) if facts.lane_taken_by else ()
    waiting_on = (*(f"waiting_on:{name}" for name in facts.unmet), *taken_by)
    passing = isinstance(facts.container, ContainerSnapshot) and facts.container.state in _PASSING_STATES
    if waiting_on or passing or state.status is not Status.STOPPED:
        return Foresight(Intention.WAIT, None, state.reason, waiting_on)
    return Foresight(Intention.NOTHING, None, state.reason)


def _holds(spec: ServiceSpec, state: ServiceState, facts: Facts) -> Iterator[str]:
    if facts.container is UNSEEN:
        yield "engine_unseen"
    if isinstance(facts.container, ContainerSnapshot) and facts.container.state is ContainerState.PAUSED:
        yield "paused"
    if not state.enabled:
        yield "disabled"
    if state.stopped_by is not None:
        yield "stopped_by_person"
    if spec.observe_only is not None:
        yield "observe_only"
    if facts.held or state.hold is not None:
        yield "held"
