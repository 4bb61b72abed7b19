"""A recording decided once more, by the same policy or by another, and where that would have differed.

Nothing is invented: the other policy sees what was seen then, at those moments, and at deadlines of its own what was
seen last. What the world would have answered to another action nobody knows. So a service goes on, after an action that
was taken then and not by the other policy, from what was recorded after it; what the other policy had disabled stays
so. After an action that only the other policy took it waits for what was recorded of the next one, or of its recovery.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from orchestrator.core.decide import decide
from orchestrator.core.foresight import Intention, foresee
from orchestrator.core.messages import Decision, Facts, Message
from orchestrator.core.model import ActionKind, Instant, ServiceSpec, ServiceState, Status
from orchestrator.core.recording import DecisionRecord, alike
from orchestrator.core.story import span

Policy = Callable[[DecisionRecord], ServiceSpec]
"""What is configured for the service of a recorded decision now; it may be asked for every one of them."""

_OF_ACTIONS: Final = frozenset(
    {
        Message.RESTARTING,
        Message.MANUAL_RESTART,
        Message.MANUAL_START,
        Message.MANUAL_STOP,
        Message.RESTART_COMPLETED,
        Message.RESTART_FAILED,
        Message.STOP_FAILED,
        Message.WOULD_START,
        Message.WOULD_STOP,
        Message.WOULD_RESTART,
        Message.WOULD_RECREATE,
    }
)
"""Told of actions, which are compared themselves."""


class Deviation(StrEnum):
    EARLIER = "earlier"
    LATER = "later"
    NOT_DONE = "not_done"
    """An action that was taken then would not have been."""
    DONE = "done"
    """An action would have been taken that was not."""
    OTHERWISE = "otherwise"
    """Another action in its place."""
    NOT_TOLD = "not_told"
    TOLD = "told"
    WAIT = "wait"
    """Another wait before the next attempt."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that would have been otherwise."""

    at: Instant
    """Of the recorded decision, or of the other policy's where there is none."""
    service: str
    deviation: Deviation
    words: str
    action: ActionKind | None = None
    seconds: float | None = None
    """By how much an action would have come earlier or later."""


@dataclass(slots=True)
class Tally:
    """What was read, and what came of it."""

    decisions: int = 0
    services: set[str] = field(default_factory=set)
    actions: Counter[ActionKind] = field(default_factory=Counter)
    """Taken then, or withheld by a dry run."""
    deviations: Counter[tuple[Deviation, ActionKind | None]] = field(default_factory=Counter)
    begun: Instant | None = None
    ended: Instant | None = None


class Replay:
    """Of the decisions of any number of services, in the order in which they were taken."""

    def __init__(self, policy: Policy) -> None:
        self.tally = Tally()
        self._policy = policy
        self._strands: dict[str, _Strand] = {}

    def take(self, record: DecisionRecord) -> list[Difference]:
        """The differences that are known with this decision."""
        tally = self.tally
        tally.decisions += 1
        tally.services.add(record.service)
        tally.actions.update(_deeds(record.decision))
        tally.begun, tally.ended = tally.begun or record.now, record.now
        strand = self._strands.setdefault(record.service, _Strand())
        return self._counted(strand.take(record, self._policy(record)))

    def end(self) -> list[Difference]:
        """Those that only the end of the recording makes known."""
        return [each for strand in self._strands.values() for each in self._counted(strand.end())]

    def _counted(self, found: Iterator[Difference]) -> list[Difference]:
        differences = list(found)
        self.tally.deviations.update((each.deviation, each.action) for each in differences)
        return differences


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What only the other policy has done so far."""

    kind: ActionKind
    at: Instant
    cause: str


class _Strand:
    """One service: how it would be by the other policy."""

    def __init__(self) -> None:
        self._last: DecisionRecord | None = None
        self._spec: ServiceSpec | None = None
        self._state = ServiceState()
        self._wake_at: float | None = None
        self._ahead: _Ahead | None = None

    def take(self, record: DecisionRecord, spec: ServiceSpec) -> Iterator[Difference]:
        if self._last is None or not alike(self._last.decision.state, record.before):
            yield from self.end()  # something happened in between that is not in the recording
            self._state, self._wake_at = record.before, None
        else:
            yield from self._sleep(self._last, record.now)
        self._last, self._spec = record, spec
        if self._ahead is not None:
            yield from self._catch_up(self._ahead, record)
            return
        before = replace(self._state, probe_seen=record.before.probe_seen)
        decision = decide(spec, before, record.facts, record.now)
        yield from self._compare(record, before, decision)

    def end(self) -> Iterator[Difference]:
        """Nothing more is recorded of what was done ahead."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and self._last is not None:
            yield _done(self._last.service, ahead, "nothing of the kind was recorded after it")

    # --- between two recorded decisions ----------------------------------------------------------------------

    def _sleep(self, last: DecisionRecord, until: Instant) -> Iterator[Difference]:
        """Deadlines that only the other policy has; at those of both, the recording tells what was decided."""
        levels = replace(last.facts, outcome=None, command=None)
        while self._ahead is None:
            due = self._wake_at
            if due is None or due == last.decision.wake_at or due >= until.moment:
                return
            at = Instant(due, last.now.wall + due - last.now.moment)
            assert self._spec is not None
            decision = decide(self._spec, self._state, levels, at)
            yield from self._told(at, last.service, decision, Decision(self._state))
            self._go_on(decision, at)

    def _catch_up(self, ahead: _Ahead, record: DecisionRecord) -> Iterator[Difference]:
        """Until it is recorded what came of the trouble then, nothing can be said of what came of the action."""
        deeds, status = _deeds(record.decision), record.decision.state.status
        if not deeds and status not in (Status.RUNNING, Status.NOT_FOUND, Status.DISABLED):
            return
        self._ahead = None
        if ahead.kind in deeds:
            seconds = record.now.moment - ahead.at.moment
            words = f"would {ahead.kind} {span(seconds)} earlier: {ahead.cause}"
            yield Difference(record.now, record.service, Deviation.EARLIER, words, ahead.kind, seconds)
        else:
            became = f"a {deeds[0]} was ordered" if deeds else f"it became {status}"
            yield _done(record.service, ahead, f"{became} {span(record.now.moment - ahead.at.moment)} later")
        self._resume(record)

    # --- at a recorded decision ------------------------------------------------------------------------------

    def _compare(self, record: DecisionRecord, before: ServiceState, decision: Decision) -> Iterator[Difference]:
        then, now = _deeds(record.decision), _deeds(decision)
        differs_in_kind = self._state.enabled != record.before.enabled
        if not differs_in_kind:
            yield from self._told(record.now, record.service, decision, record.decision)
            yield from _wait(record, before, decision)
        if then and not now:
            yield self._missed(record, then[0], decision)
            if decision.state.enabled:
                self._resume(record)
                return
        elif then and now and then != now:
            words = f"would {now[0]} instead of {then[0]}: {_cause(decision)}"
            yield Difference(record.now, record.service, Deviation.OTHERWISE, words, then[0])
        if then and now:
            attempt = record.decision.state.attempt
            self._state, self._wake_at = replace(decision.state, attempt=attempt), decision.wake_at
            return
        self._go_on(decision, record.now)

    def _missed(self, record: DecisionRecord, kind: ActionKind, decision: Decision) -> Difference:
        """An action that was taken then: when would it have come, if nothing had changed until then?"""
        levels: Facts = replace(record.facts, outcome=None, command=None, dry_run=False)
        assert self._spec is not None
        foreseen = foresee(self._spec, decision.state, levels, record.now)
        if foreseen.intention == Intention(kind) and foreseen.at is not None:
            seconds = foreseen.at - record.now.moment
            words = f"would {kind} {span(seconds)} later, if nothing had changed until then: {foreseen.cause}"
            return Difference(record.now, record.service, Deviation.LATER, words, kind, seconds)
        why = decision.state.reason or foreseen.cause or "there would have been no reason"
        return Difference(record.now, record.service, Deviation.NOT_DONE, f"would not {kind}: {why}", kind)

    def _told(self, at: Instant, service: str, decision: Decision, then: Decision) -> Iterator[Difference]:
        before, after = _messages(then), _messages(decision)
        for message in (after - before).elements():
            cause = next(event.cause for event in decision.events if event.message is message)
            yield Difference(at, service, Deviation.TOLD, f"would have told: {message}, {cause}")
        for message in (before - after).elements():
            yield Difference(at, service, Deviation.NOT_TOLD, f"would not have told: {message}")

    # --- going on --------------------------------------------------------------------------------------------

    def _go_on(self, decision: Decision, at: Instant) -> None:
        self._state, self._wake_at = decision.state, decision.wake_at
        for kind in _deeds(decision):
            self._ahead = _Ahead(kind, at, _cause(decision))

    def _resume(self, record: DecisionRecord) -> None:
        """From what was recorded."""
        self._state, self._wake_at = record.decision.state, record.decision.wake_at


def _deeds(decision: Decision) -> tuple[ActionKind, ...]:
    """What was ordered, or would have been, were it no dry run."""
    return (*(action.kind for action in decision.actions), *decision.withheld)


def _cause(decision: Decision) -> str:
    causes = [event.cause for event in decision.events if event.message in _OF_ACTIONS]
    return causes[0] if causes else decision.state.reason


def _messages(decision: Decision) -> Counter[Message]:
    return Counter(event.message for event in decision.events if event.message not in _OF_ACTIONS)


def _done(service: str, ahead: _Ahead, what_then: str) -> Difference:
    words = f"would {ahead.kind}, which was not done then: {ahead.cause}; {what_then}"
    return Difference(ahead.at, service, Deviation.DONE, words, ahead.kind)


def _wait(record: DecisionRecord, before: ServiceState, decision: Decision) -> Iterator[Difference]:
    """Between a failure that was counted in this decision and the next attempt."""
    then, now = record.decision.state.retry_at, decision.state.retry_at
    armed = then is not None and then != record.before.retry_at and now is not None and now != before.retry_at
    if armed and then is not None and now is not None and then != now:
        waits = [max(moment - record.now.moment, 0.0) for moment in (now, then)]
        words = f"would wait {span(waits[0])} instead of {span(waits[1])} before the next attempt"
        yield Difference(record.now, record.service, Deviation.WAIT, words)
