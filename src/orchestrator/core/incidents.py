"""The nouns of what went wrong: an incident, its cause, its members, its story; and what they are worked out from.

Failures that share a cause are one incident. It is opened at the first sign, re-named as facts arrive, and closed when
all that it took down has been well for long enough, or is in a person's hands. :func:`orchestrator.core.ledger.reckon`
is the reducer. Times are wall times but for ``stable_at``, which is a moment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from orchestrator.core.model import Status
from orchestrator.core.policy import SHORTEST_STABLE_RUN

Severity = Literal["warning", "critical"]
Confidence = Literal["certain", "likely", "possible"]
Role = Literal["root", "dependent"]
EntryKind = Literal[
    "detected", "named", "joined", "evidence", "waiting", "action", "outcome", "playbook", "notified", "remark",
    "recovered", "closed",
]  # fmt: skip

ENGINE: Final = "engine"
STORM: Final = "storm"
"""What of the host can be a cause, besides the names of :mod:`orchestrator.core.graph` (``gpu``, ``mount:/data``)."""

LONGEST_STORY: Final = 200
"""Entries of one incident: of a longer story the beginning and the end are kept."""
_BEGINNING: Final = 40
MOST_EVIDENCE: Final = 20
"""Pieces of evidence of one incident: the first and the newest."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What it is down to, as far as is known by now."""

    sentence: str
    service: str = ""
    """Empty: it is the host's."""
    subject: str = ""
    """What of the host: ``engine``, ``storm``, ``gpu``, ``mount:/data``; empty: it is a service's."""
    confidence: Confidence = "certain"
    rule: str = ""
    """The diagnosis rule that says so; empty: none does."""
    remedy: str = ""
    """What a person can do; empty: nothing is known."""

    @property
    def key(self) -> str:
        """What dependents name it by."""
        return self.service or self.subject


@dataclass(frozen=True, slots=True)
class Member:
    """One service that it took down."""

    service: str
    role: Role
    status: Status
    joined_at: float
    left_at: float | None = None
    """Since when it counts no more: it was well for long enough, is in a person's hands, or failed for another
    cause."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the story."""

    at: float
    kind: EntryKind
    service: str
    """Empty: it concerns none, or all."""
    text: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause, and everything that came of it."""

    id: int
    """Grows from incident to incident, across our own restarts."""
    cause: Cause
    title: str
    """The cause in one sentence, with the name of its service."""
    opened_at: float
    """The first sign that we saw."""
    began_at: float | None
    """When it failed: the engine's own time of a death, the first of the failed checks; ``None``: that is not known."""
    severity: Severity = "warning"
    """The worst that it has been: critical where a service was given up, or nothing can be healed."""
    members: tuple[Member, ...] = ()
    acted_at: float | None = None
    """The first action."""
    recovered_at: float | None = None
    """Since when all of its members are well; ``None``: one of them is not."""
    closed_at: float | None = None
    merged_into: int | None = None
    """The incident that it turned out to be part of: it is closed, and told further there."""
    timeline: tuple[Entry, ...] = ()
    omitted: int = 0
    """Entries that were left out of the middle of the timeline."""
    evidence: tuple[Mapping[str, object], ...] = ()
    """As collected, oldest first: JSON objects."""

    @property
    def status(self) -> Literal["open", "closed"]:
        return "open" if self.closed_at is None else "closed"

    @property
    def seconds_to_detect(self) -> float | None:
        """From the failure itself, as the other two; those count from the first sign where it is not known."""
        return None if self.began_at is None else max(self.opened_at - self.began_at, 0.0)

    @property
    def seconds_to_act(self) -> float | None:
        return self._seconds_to(self.acted_at)

    @property
    def seconds_to_recover(self) -> float | None:
        return self._seconds_to(self.recovered_at)

    def _seconds_to(self, wall: float | None) -> float | None:
        since = self.opened_at if self.began_at is None else self.began_at
        return None if wall is None else max(wall - since, 0.0)

    def member(self, service: str) -> Member | None:
        return next((each for each in self.members if each.service == service), None)

    def told(self, *entries: Entry) -> Incident:
        """With these lines at the end of its story."""
        timeline = (*self.timeline, *entries)
        excess = len(timeline) - LONGEST_STORY
        if excess <= 0:
            return replace(self, timeline=timeline)
        kept = (*timeline[:_BEGINNING], *timeline[_BEGINNING + excess :])
        return replace(self, timeline=kept, omitted=self.omitted + excess)

    def with_evidence(self, piece: Mapping[str, object]) -> Incident:
        kept = (*self.evidence, piece)
        return replace(self, evidence=(kept[0], *kept[-MOST_EVIDENCE + 1 :]) if len(kept) > MOST_EVIDENCE else kept)


# --- what they are worked out from ---------------------------------------------------------------------------

Stand = Literal["ill", "coming", "well", "excused"]


@dataclass(frozen=True, slots=True)
class Condition:
    """How one service stands at the end of a turn: a level."""

    service: str
    stand: Stand
    """``coming``: it is starting, neither ill nor well. ``excused``: its state is somebody's wish."""
    status: Status
    sentence: str
    """What is wrong with it, or whose wish it is, in one sentence with its name."""
    certain: bool = True
    """The engine tells; a failed check is what somebody made of an answer."""
    given_up: bool = False
    roots: tuple[str, ...] = ()
    """What it is down for in the end: services, and what of the host."""
    needs: frozenset[str] = frozenset()
    """What can take it down: what it requires, through others too, is restarted with, or shares namespaces with."""
    wants: frozenset[str] = frozenset()
    began_at: float | None = None
    stable_at: float = math.inf
    """The moment from which it is stably healthy; infinite: it is not well."""
    unwatched: bool = False
    """It went down while nobody looked."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to one service in a turn, in order."""

    service: str
    """Empty: it is of ``incident``."""
    kind: EntryKind
    text: str
    failure: bool = False
    """It counts as one of its failures."""
    acted: bool = False
    evidence: Mapping[str, object] | None = None
    cause: Cause | None = None
    """What a diagnosis made of it."""
    incident: int | None = None
    """The one that it is of; ``None``: the one that the service is a member of."""


@dataclass(frozen=True, slots=True)
class HostCondition:
    """What of the host keeps services down, or us from healing them, in words: a level."""

    engine: str = ""
    """Why the engine does not answer; empty: it does."""
    remedy: str = ""
    """What a person can do about that."""
    answering_since: float = -math.inf
    """The moment since which it does."""
    storm: str = ""
    """Why restarts are paused, without saying that they are; empty: they are not."""
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What is required of it and is not there, by name, each with the reason."""


@dataclass(frozen=True, slots=True)
class Incidents:
    """All that is remembered between turns."""

    open: Mapping[int, Incident] = field(default_factory=lambda: MappingProxyType({}))
    """By id, in the order in which they were opened."""
    conditions: Mapping[str, Condition] = field(default_factory=lambda: MappingProxyType({}))
    """Of their members, as known since this process began."""
    host: HostCondition = HostCondition()
    last_id: int = 0

    @property
    def wake_at(self) -> float:
        """The moment of the next turn that nothing will announce: somebody is stably healthy then, which cannot be
        seen while the engine is away."""
        return math.inf if self.host.engine else min(map(self._wake_at, self.open.values()), default=math.inf)

    def _wake_at(self, incident: Incident) -> float:
        members = [each.service for each in incident.members if each.left_at is None]
        if not members and incident.cause.subject == ENGINE:
            return self.host.answering_since + SHORTEST_STABLE_RUN
        known = (self.conditions.get(name) for name in members)
        return min((each.stable_at for each in known if each is not None), default=math.inf)
