"""The incidents in memory: the open ones, and the newest of those that were closed since we began."""

from __future__ import annotations

from typing import Final

from orchestrator.ports import Document, IncidentRecord
from orchestrator.runtime.shelf import Shelf

RECENT: Final = 100
"""Closed incidents that memory answers for."""


class IncidentShelf(Shelf[int, IncidentRecord]):
    def matching(self, before: int | None, service: str | None, status: str | None) -> dict[int, Document]:
        """Summaries by number; ``before`` is exclusive."""
        return {each.id: each.summary for each in self if _matches(each, before, service, status)}

    def trim(self) -> None:
        """Leave to the store what nobody is likely to ask for."""
        newest = max((each.id for each in self), default=0)
        self.drop(lambda each: each.summary["status"] == "open" or each.id > newest - RECENT)

    def number_above(self, last: int) -> None:
        """What was opened before the store could be read goes on from its last number."""
        waiting = [each for each in self.waiting().values() if each is not None]
        for each in waiting:
            self.withdraw(each.id)
        for each in waiting:
            part_of = each.summary["merged_into"]
            merged_into = part_of + last if isinstance(part_of, int) else None
            summary = {**each.summary, "id": each.id + last, "merged_into": merged_into}
            self.put(each.id + last, IncidentRecord(each.id + last, summary, each.details))


def _matches(incident: IncidentRecord, before: int | None, service: str | None, status: str | None) -> bool:
    members = incident.summary["members"]
    named = service is None or any(each["service"] == service for each in members)  # type: ignore[attr-defined]
    return named and (before is None or incident.id < before) and status in (None, incident.summary["status"])
