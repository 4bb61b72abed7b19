"""One turn of the incidents in the making: as changed so far, and who is a member of which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from orchestrator.core.incidents import (
    ENGINE,
    STORM,
    Cause,
    Condition,
    Entry,
    EntryKind,
    HostCondition,
    Incident,
    Incidents,
    Member,
    Role,
    Severity,
)
from orchestrator.core.model import Instant


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a turn came to."""

    incidents: Incidents
    changed: tuple[Incident, ...] = ()
    """Those that it opened, told further or closed, as they are now; oldest first."""


@dataclass(slots=True)
class Draft:
    """Local to one turn: nothing outside ever sees it change."""

    before: Incidents
    host: HostCondition
    now: Instant
    open: dict[int, Incident]
    conditions: dict[str, Condition]
    """The newest known, of members and of whom this turn is about."""
    where: dict[str, int] = field(default_factory=dict)
    """The open incident that a service, or something of the host, belongs to."""
    closed: dict[int, Incident] = field(default_factory=dict)
    last_id: int = 0

    @classmethod
    def of(cls, before: Incidents, conditions: Iterable[Condition], host: HostCondition, now: Instant) -> Draft:
        known = dict(before.conditions) | {each.service: each for each in conditions}
        draft = cls(before, host, now, dict(before.open), known, last_id=before.last_id)
        for incident in before.open.values():
            draft._index(incident)
        return draft

    def _index(self, incident: Incident) -> None:
        """A cause is known to be the cause also when it is well itself, or in a person's hands, unless it belongs
        elsewhere by now."""
        if incident.cause.subject:
            self.where[incident.cause.subject] = incident.id
        for each in incident.members:
            if each.left_at is None:
                self.where[each.service] = incident.id
            elif each.role == "root":
                self.where.setdefault(each.service, incident.id)

    def result(self) -> Reckoning:
        members = {each.service for incident in self.open.values() for each in incident.members}
        conditions = {name: each for name, each in self.conditions.items() if name in members}
        everything = {**self.open, **self.closed}
        changed = tuple(everything[number] for number in sorted(everything) if self._is_changed(everything[number]))
        ordered = MappingProxyType(dict(sorted(self.open.items())))
        return Reckoning(Incidents(ordered, MappingProxyType(conditions), self.host, self.last_id), changed)

    def _is_changed(self, incident: Incident) -> bool:
        return self.before.open.get(incident.id) != incident

    # --- writing -----------------------------------------------------------------------------------------------

    def put(self, incident: Incident) -> None:
        self.open[incident.id] = incident
        self._index(incident)

    def tell(self, number: int, kind: EntryKind, service: str, text: str) -> None:
        self.open[number] = self.open[number].told(Entry(self.now.wall, kind, service, text))

    def start(self, cause: Cause, severity: Severity = "warning", began_at: float | None = None) -> int:
        """A new incident, without members yet; its number."""
        self.last_id += 1
        self.put(
            Incident(
                id=self.last_id,
                cause=cause,
                title=title_of(cause),
                opened_at=self.now.wall,
                began_at=None if began_at is None else min(began_at, self.now.wall),
                severity=severity,
            )
        )
        self.tell(self.last_id, "detected", cause.service, title_of(cause))
        return self.last_id

    def admit(self, number: int, condition: Condition, role: Role) -> None:
        """Make it a member, or one again; of another incident it is one no more."""
        before = self.where.get(condition.service)
        if before not in (None, number):
            self.dismiss(before or 0, condition.service, f"{condition.sentence}: told further in incident {number}")
        incident = self.open[number]
        known = incident.member(condition.service)
        joined_at = self.now.wall if known is None else known.joined_at
        member = Member(condition.service, role, condition.status, joined_at)
        others = tuple(each for each in incident.members if each.service != condition.service)
        self.put(replace(incident, members=(*others, member), recovered_at=None))

    def dismiss(self, number: int, service: str, text: str) -> None:
        """It counts no more, for a reason that is worth a line."""
        self.change(number, service, left_at=self.now.wall)
        self.tell(number, "remark", service, text)

    def change(self, number: int, service: str, **fields: object) -> None:
        incident = self.open[number]
        members = tuple(
            replace(each, **fields) if each.service == service else each  # type: ignore[arg-type]
            for each in incident.members
        )
        if members != incident.members:
            self.open[number] = replace(incident, members=members)

    def name(self, number: int, cause: Cause) -> None:
        """Tell it by another cause, or by the same one of which more is known."""
        incident = self.open[number]
        if cause == incident.cause:
            return
        self.put(replace(incident, cause=cause, title=title_of(cause)))
        self.tell(number, "named", cause.service, f"the cause: {title_of(cause)}")

    def worsen(self, number: int) -> None:
        self.open[number] = replace(self.open[number], severity="critical")

    def close(self, number: int, text: str) -> None:
        self.tell(number, "closed", "", text)
        self.closed[number] = replace(self.open.pop(number), closed_at=self.now.wall)
        self.where = {name: home for name, home in self.where.items() if home != number}

    def host_ails(self, subject: str) -> str:
        """Why what is the host's keeps an incident open, whatever its members are; empty: it does not."""
        reasons: Mapping[str, str] = {ENGINE: self.host.engine, STORM: self.host.storm}
        return reasons.get(subject, "")


def title_of(cause: Cause) -> str:
    """In one sentence that names the service."""
    if not cause.service or cause.sentence.startswith((f"{cause.service} ", f"the container of {cause.service} ")):
        return cause.sentence
    return f"{cause.service}: {cause.sentence}"
