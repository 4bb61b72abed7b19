"""The newest events in memory: those that wait for the store, and some that it has already."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from orchestrator.ports import EventRecord


class Backlog:
    """Gives events their sequence numbers and holds the newest, bounded.

    Of those the store has, ``recent_limit`` in all are held; of those that wait for it ``pending_limit``: beyond that
    the oldest are dropped and counted.
    """

    def __init__(self, pending_limit: int, recent_limit: int) -> None:
        self._pending_limit = pending_limit
        self._recent_limit = recent_limit
        self._events: deque[EventRecord] = deque()
        """Oldest first."""
        self._written = 0
        """The store has everything up to this number."""
        self._numbered_by_store = False
        self.sequence = 0
        """The newest number given."""
        self.dropped = 0
        """Events that the store never got."""

    def append(self, service: str, document: Mapping[str, object]) -> EventRecord:
        self.sequence += 1
        event = _numbered(service, document, self.sequence)
        self._events.append(event)
        self._trim()
        return event

    def waiting(self) -> list[EventRecord]:
        """Oldest first."""
        return [event for event in self._events if event.sequence > self._written]

    def pending(self) -> int:
        return sum(event.sequence > self._written for event in self._events)

    def written(self, batch: Sequence[EventRecord]) -> None:
        """The store has taken this."""
        if batch:
            self._written = max(self._written, batch[-1].sequence)
            self._trim()

    def matching(self, service: str | None, before: int | None, since: int | None) -> list[EventRecord]:
        """Oldest first; ``before`` and ``since`` are exclusive."""
        return [
            event
            for event in self._events
            if (service is None or event.service == service)
            and (before is None or event.sequence < before)
            and (since is None or event.sequence > since)
        ]

    def meet(self, last: int) -> None:
        """Number on above both, now that the store's newest number is known to be ``last``.

        Where that is one of ours, the store has what goes before it: an answer that was lost may have left our newest
        events there, and a file that was made anew has to get again what is still here. Otherwise the store's numbers
        are history that we did not know of, and what waits is numbered anew above it.
        """
        if not self._numbered_by_store or last > self.sequence:
            waiting = self.waiting()
            kept = len(self._events) - len(waiting)
            self.sequence = last + len(waiting)
            renumbered = [
                _numbered(event.service, event.document, number) for number, event in enumerate(waiting, last + 1)
            ]
            self._events = deque([*list(self._events)[:kept], *renumbered])
        self._numbered_by_store = True
        self._written = last

    def _trim(self) -> None:
        while len(self._events) > self._recent_limit:
            waits = self._events[0].sequence > self._written
            if waits and len(self._events) <= self._pending_limit:
                return
            self._events.popleft()
            self.dropped += waits


def _numbered(service: str, document: Mapping[str, object], sequence: int) -> EventRecord:
    return EventRecord(sequence, service, {**document, "sequence": sequence})
