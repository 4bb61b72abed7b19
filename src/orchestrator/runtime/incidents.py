"""The incidents at work: what the ledger is told of in a turn, and whom it tells at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from orchestrator.core.draft import Reckoning
from orchestrator.core.gpus import RESOURCE
from orchestrator.core.incidents import Condition, EntryKind, HostCondition, Incident, Incidents, Note
from orchestrator.core.ledger import adopt, reckon
from orchestrator.core.messages import Action, Event, Failure, Message
from orchestrator.core.model import ContainerSnapshot, Instant, ProbeResult, ServiceSpec, Status, Verdict
from orchestrator.core.standing import sentence_of, stable_at, stand_of
from orchestrator.ports import EventRecord, IncidentRecord, Kept
from orchestrator.runtime.circumstances import roots_of
from orchestrator.runtime.incident_document import details_document, incident_of, summary_document
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.views import ServiceView

_TOLD: Final[Mapping[Message, EntryKind]] = {
    Message.RESTART_COMPLETED: "outcome",
    Message.RESTART_FAILED: "outcome",
    Message.STOP_FAILED: "outcome",
    Message.MAX_FAILURES: "outcome",
    Message.WAITING: "waiting",
    Message.RESUMED: "remark",
    Message.SEVERED: "remark",
    Message.GIVEN_BACK: "remark",
    Message.ENABLED: "remark",
    Message.DISABLED: "remark",
    Message.MANUAL_RESTART: "remark",
    Message.MANUAL_START: "remark",
    Message.MANUAL_STOP: "remark",
    Message.HELD: "remark",
    Message.RELEASED: "remark",
}
"""What becomes a line of the story; the others say what the ledger sees of itself."""
_NEWLY_ENDED: Final = 300.0
"""Seconds. The end of an earlier run, longer ago than that, is not what is failing now."""
_LEFT_ALONE: Final = ("maintenance", "update")


class IncidentLedger(Observer):
    """Part of the brain, told within its turns. ``storm`` says why restarts are paused, ``publish`` tells whoever
    observes of an incident that changed."""

    def __init__(
        self,
        registry: ServiceRegistry,
        surroundings: Surroundings,
        journal: Journal,
        *,
        storm: Callable[[], str],
        publish: Callable[[Incident], None],
    ) -> None:
        self._registry = registry
        self._surroundings = surroundings
        self._journal = journal
        self._storm = storm
        self._publish = publish
        self._incidents = Incidents()
        self._touched: dict[str, None] = {}
        self._gone: dict[str, None] = {}
        self._notes: list[Note] = []
        self._words: dict[str, str] = {}
        """What was told of each service last, in this turn."""
        self._failing: dict[str, float] = {}
        """Wall time of the first of the checks that fail now, by service."""
        self._answering_since = float("-inf")
        self._unconfirmed = False
        """Some members were taken over from an earlier process, and may not be managed any more."""

    @property
    def open(self) -> tuple[Incident, ...]:
        """Oldest first."""
        return tuple(self._incidents.open.values())

    @property
    def wake_at(self) -> float:
        return self._incidents.wake_at

    def note(self, note: Note) -> None:
        """A line for the story, at the end of this turn, or of the next."""
        self._notes.append(note)

    # --- told ------------------------------------------------------------------------------------------------

    def told(self, record: EventRecord, event: Event, view: ServiceView) -> None:
        self._words[event.service] = event.cause
        kind = _TOLD.get(event.message)
        if kind is not None:
            text = event.cause if kind == "waiting" else f"{event.message}: {event.cause}"
            self._notes.append(Note(event.service, kind, text))

    def changed(self, view: ServiceView) -> None:
        self._touched[view.name] = None

    def gone(self, name: str) -> None:
        self._gone[name] = None
        self._failing.pop(name, None)

    def probed(self, spec: ServiceSpec, result: ProbeResult) -> None:
        if result.verdict is Verdict.FAIL:
            self._failing.setdefault(spec.name, result.checked.wall - (result.latency or 0.0))
        elif result.verdict is Verdict.PASS:
            self._failing.pop(spec.name, None)

    def failed(self, spec: ServiceSpec, failure: Failure) -> None:
        self._touched[spec.name] = None
        self._notes.append(Note(spec.name, "detected", failure.value, failure=True))

    def ordered(self, action: Action, spec: ServiceSpec) -> None:
        self._notes.append(Note(spec.name, "action", f"{action.kind}: {action.cause}", acted=True))

    # --- an earlier process ------------------------------------------------------------------------------------

    def take_over(self, kept: Kept, now: Instant) -> None:
        """What the store has open, at the start or as soon as it can be read."""
        read = [incident_of({**record.summary, **record.details}) for record in kept.incidents]
        earlier = [incident for incident in read if incident is not None]
        self._take(adopt(self._incidents, earlier, kept.last_incident, now))
        self._unconfirmed = bool(earlier)
        words = "the orchestrator was started again: what happened while it was away is not known"
        self._notes.extend(Note("", "remark", words, incident=incident.id) for incident in earlier)

    # --- at the end of each turn -------------------------------------------------------------------------------

    def turn(self, now: Instant) -> None:
        host = self._host(now)
        self._confirm()
        news = self._touched or self._notes or self._gone or host != self._incidents.host
        if not news and now.moment < self._incidents.wake_at:
            return
        touched, gone, notes = list(self._touched), tuple(self._gone), self._told_with_words()
        self._touched.clear()
        self._gone.clear()
        self._notes.clear()
        self._words.clear()
        conditions = {each.service: each for each in self._conditions(touched, now)}
        self._take(reckon(self._incidents, tuple(conditions.values()), notes, host, now, gone=gone))

    def _take(self, reckoning: Reckoning) -> None:
        self._incidents = reckoning.incidents
        for incident in reckoning.changed:
            record = IncidentRecord(incident.id, summary_document(incident), details_document(incident))
            self._journal.remember_incident(record)
            self._publish(incident)

    def _told_with_words(self) -> list[Note]:
        """A failure is told with the words of the event that it led to."""
        return [
            Note(note.service, note.kind, self._words.get(note.service) or note.text, failure=True)
            if note.failure
            else note
            for note in self._notes
        ]

    def _confirm(self) -> None:
        """Once the engine has listed everything: who is not listed now has left while we were away."""
        if not self._unconfirmed or not self._surroundings.surveyed:
            return
        self._unconfirmed = False
        members = (each.service for incident in self._incidents.open.values() for each in incident.members)
        self._gone.update((name, None) for name in members if self._registry.get(name) is None)

    # --- the levels ----------------------------------------------------------------------------------------------

    def _host(self, now: Instant) -> HostCondition:
        away, known = self._surroundings.engine_away, self._registry.host
        if self._incidents.host.engine and away is None:
            self._answering_since = now.moment
        missing = {name: known.resources[name].detail for name in known.missing if name in known.resources}
        if RESOURCE in known.missing:
            missing[RESOURCE] = known.gpus.detail
        return HostCondition(
            engine="" if away is None else f"{away.endpoint}: {away.fact}",
            remedy="" if away is None else away.remedy,
            answering_since=self._answering_since,
            storm=self._storm(),
            missing=missing,
        )

    def _conditions(self, touched: list[str], now: Instant) -> Iterator[Condition]:
        """Theirs, and of what they are down for, which need not have changed."""
        roots, told = dict[str, None](), set[str]()
        for name in touched:
            record = self._registry.get(name)
            condition = None if record is None else self._condition(record, now)
            if condition is not None:
                yield condition
                told.add(name)
                roots.update(dict.fromkeys(condition.roots))
        for name in roots:
            record = self._registry.get(name)
            if record is not None and name not in told:
                yield self._condition(record, now) or _unseen(record)

    def _condition(self, record: Record, now: Instant) -> Condition | None:
        """``None``: it cannot be seen how it is."""
        name, state, container = record.spec.name, record.state, record.container
        held = "; ".join(record.holds[source] for source in _LEFT_ALONE if source in record.holds)
        stand = stand_of(state, container, held=bool(held))
        if not record.seen and stand != "excused":
            return None
        roots = roots_of(record.unmet, self._registry) if stand in ("ill", "coming") else ()
        if stand == "ill" and roots and all(self._left_alone(root) for root in roots):
            stand = "excused"
        return Condition(
            service=name,
            stand=stand,
            status=state.status,
            sentence=sentence_of(name, state, container, record.probe, held),
            certain=state.status is not Status.UNHEALTHY,
            given_up=state.disabled_by == "max_failures",
            roots=roots,
            needs=self._needs(record),
            wants=frozenset(record.spec.wants),
            began_at=self._began_at(record, container, now) if stand != "well" else None,
            stable_at=stable_at(state, record.spec.recovery),
            unwatched=record.unwatched,
        )

    def _left_alone(self, name: str) -> bool:
        """Somebody has it down for a while, and knows that it takes others down."""
        record = self._registry.get(name)
        return record is not None and (record.in_maintenance or "update" in record.holds)

    def _needs(self, record: Record) -> frozenset[str]:
        """Directly and through others."""
        found: set[str] = set()
        frontier = [record]
        while frontier:
            each = frontier.pop()
            owners = (parent for _, parent in each.state.owners)
            for name in (*each.spec.requires, *each.spec.restart_with, *owners, each.parent):
                other = self._registry.get(name)
                if other is not None and name not in found:
                    found.add(name)
                    frontier.append(other)
        return frozenset(found - {record.spec.name})

    def _began_at(self, record: Record, container: ContainerSnapshot | None, now: Instant) -> float | None:
        if record.state.status is Status.UNHEALTHY:
            return self._failing.get(record.spec.name)
        ended = None if container is None else container.finished_at
        just_now = ended is not None and now.wall - ended <= _NEWLY_ENDED
        return ended if just_now else None


def _unseen(record: Record) -> Condition:
    """Somebody is down for it, and it has not been looked at yet."""
    name = record.spec.name
    return Condition(name, "coming", record.state.status, f"{name} has not been looked at yet", certain=False)
