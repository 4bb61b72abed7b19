"""Incidents for those who tell people of them: the ones that are not long over, and what was told, into their story."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from orchestrator.core.incidents import Entry, Incident, Note
from orchestrator.core.notices import GIVEN_UP_AFTER
from orchestrator.errors import StoreError
from orchestrator.ports import Clock, IncidentRecord
from orchestrator.runtime.incident_document import details_document, incident_of, summary_document
from orchestrator.runtime.incidents import IncidentLedger
from orchestrator.runtime.journal import Journal

MOST_RECENT: Final = 200
"""Closed incidents that a new process looks through for what is still to be told."""


class IncidentArchive:
    def __init__(
        self, ledger: IncidentLedger, journal: Journal, clock: Clock, publish: Callable[[Incident], None]
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._clock = clock
        self._publish = publish

    def is_open(self, number: int) -> bool:
        return any(each.id == number for each in self._ledger.open)

    async def recent(self) -> Sequence[Incident]:
        """Those that are open, and those that have not been closed for too long to be worth telling."""
        oldest = self._clock.now().wall - GIVEN_UP_AFTER
        closed = [incident_of(each) for each in await self._journal.incidents(MOST_RECENT, status="closed")]
        recent = {each.id: each for each in closed if each is not None and (each.closed_at or 0.0) > oldest}
        with contextlib.suppress(StoreError):  # then without their stories
            for number, summary in list(recent.items()):
                record = await self._journal.incident(number)
                whole = None if record is None else incident_of({**record.summary, **record.details})
                recent[number] = whole or summary
        return *self._ledger.open, *recent.values()

    def note(self, incident: Incident, words: str) -> None:
        """Into its story, which goes on when it is closed."""
        if incident.closed_at is None:
            self._ledger.note(Note("", "notified", words, incident=incident.id))
            return
        if not incident.timeline:
            return  # it could not be read, and must not be written over
        told = incident.told(Entry(self._clock.now().wall, "notified", "", words))
        self._journal.remember_incident(IncidentRecord(told.id, summary_document(told), details_document(told)))
        self._publish(told)
