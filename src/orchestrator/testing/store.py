"""A state store in memory that passes the real ones' contract suite, and fails when told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from orchestrator.errors import StoreError, StoreUnavailable
from orchestrator.ports import Document, EventRecord, IncidentRecord, Kept

Operation = Literal["open", "write", "events", "close"]
EVERYTHING: frozenset[Operation] = frozenset(("open", "write", "events"))


@dataclass
class Medium:
    """What outlives the process: hand it to the next :class:`MemoryStore` to tell of a restart."""

    services: dict[str, str] = field(default_factory=dict)
    events: dict[int, tuple[str, str]] = field(default_factory=dict)
    incidents: dict[int, tuple[str, str]] = field(default_factory=dict)
    histories: dict[str, str] = field(default_factory=dict)
    notice: str = ""

    def wipe(self, notice: str = "") -> None:
        """Lose everything, as a damaged file that was set aside does; the next opening tells ``notice``."""
        self.services.clear()
        self.events.clear()
        self.incidents.clear()
        self.histories.clear()
        self.notice = notice


class MemoryStore:
    """Implements :class:`orchestrator.ports.StateStore`, with faults to switch while it is in use.

    ``broken``: these operations raise ``fault``. ``hung``: they never return. ``deaf``: a write is kept, and then
    raises nevertheless, as when the answer was lost. ``takes``: seconds that every operation lasts. ``writes`` counts
    the batches that were kept.
    """

    def __init__(self, medium: Medium | None = None) -> None:
        self.medium = Medium() if medium is None else medium
        self.fault: StoreError = StoreUnavailable("Memory store: it was told to fail. Tell it otherwise.")
        self.broken: set[Operation] = set()
        self.hung: set[Operation] = set()
        self.deaf = False
        self.takes = 0.0
        self.writes = 0
        self.closed = False

    @property
    def location(self) -> str:
        return "memory"

    async def open(self) -> Kept:
        await self._suffer("open")
        services = {name: json.loads(text) for name, text in self.medium.services.items()}
        notice, self.medium.notice = self.medium.notice, ""
        incidents = [self._incident(number) for number in sorted(self.medium.incidents)]
        return Kept(
            services,
            max(self.medium.events, default=0),
            notice,
            [each for each in incidents if each.summary.get("status") == "open"],
            max(self.medium.incidents, default=0),
            {name: json.loads(text) for name, text in self.medium.histories.items()},
        )

    async def write(
        self,
        services: Mapping[str, Document | None],
        events: Sequence[EventRecord],
        *,
        incidents: Sequence[IncidentRecord] = (),
        histories: Mapping[str, Document | None] = MappingProxyType({}),
    ) -> None:
        await self._suffer("write")
        documents = {name: json.dumps(document) for name, document in services.items() if document is not None}
        appended = {event.sequence: (event.service, json.dumps(event.document)) for event in events}
        told = {each.id: (json.dumps(each.summary), json.dumps(each.details)) for each in incidents}
        kept = {name: json.dumps(document) for name, document in histories.items() if document is not None}
        self.medium.services.update(documents)
        for name in services.keys() - documents.keys():
            self.medium.services.pop(name, None)
        self.medium.events = appended | self.medium.events
        self.medium.incidents.update(told)
        self.medium.histories.update(kept)
        for name in histories.keys() - kept.keys():
            self.medium.histories.pop(name, None)
        self.writes += 1
        if self.deaf:
            raise self.fault

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        await self._suffer("events")
        found = [
            EventRecord(sequence, name, json.loads(text))
            for sequence, (name, text) in sorted(self.medium.events.items(), reverse=True)
            if (service is None or name == service)
            and (before is None or sequence < before)
            and (since is None or sequence > since)
        ]
        return found[: max(limit, 0)]

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        await self._suffer("events")
        newest_first = (self._incident(number).summary for number in sorted(self.medium.incidents, reverse=True))
        found = [
            summary
            for summary in newest_first
            if (before is None or summary["id"] < before)  # type: ignore[operator]
            and (status is None or summary["status"] == status)
            and (service is None or any(each["service"] == service for each in summary["members"]))  # type: ignore[attr-defined]
        ]
        return found[: max(limit, 0)]

    async def incident(self, number: int) -> IncidentRecord | None:
        await self._suffer("events")
        return self._incident(number) if number in self.medium.incidents else None

    def _incident(self, number: int) -> IncidentRecord:
        summary, details = self.medium.incidents[number]
        return IncidentRecord(number, json.loads(summary), json.loads(details))

    async def close(self) -> None:
        await self._suffer("close")
        self.closed = True

    async def _suffer(self, operation: Operation) -> None:
        await asyncio.sleep(self.takes)
        if operation in self.hung:
            await asyncio.Event().wait()
        if operation in self.broken:
            raise self.fault
