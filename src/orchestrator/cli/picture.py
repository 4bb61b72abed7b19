"""What ``orchestrator watch`` knows: the newest of each service, put together from the live stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from orchestrator.cli.client import Document
from orchestrator.cli.listing import cells, in_order
from orchestrator.cli.stream import EVENT_TYPES
from orchestrator.cli.words import local_time
from orchestrator.terminal import printable

EVENTS_SHOWN: Final = 8


class Picture:
    """``moment`` is the monotonic time in seconds at which a message came, or at which one looks."""

    def __init__(self) -> None:
        self.events: dict[int, Document] = {}
        self._services: dict[str, tuple[Document, float]] = {}
        self._system: Document = {}
        self._told: dict[str, tuple[str, ...]] = {}
        self._timestamp, self._at = "", 0.0

    def take(self, message: Document, moment: float) -> list[str]:
        """A plain line for each service that is not as it was."""
        self._timestamp, self._at = message["timestamp"], moment
        match message:
            case {"type": "snapshot", "data": data}:
                self._system = data
                self._services = {one["name"]: (one, moment) for one in data["services"]}
                gone = [name for name in self._told if name not in self._services]
                return [*map(self._farewell, gone), *self._changes(in_order(data["services"]))]
            case {"type": "service", "data": data}:
                self._services[data["name"]] = (data, moment)
                return self._changes([data])
            case {"type": "service_gone", "data": {"name": name}}:
                self._services.pop(name, None)
                return [self._farewell(name)]
            case {"type": kind} if kind in EVENT_TYPES:
                self.remember([message])
            case {"type": "system", "data": data}:
                self._system = data
        return []

    def remember(self, events: Sequence[Document]) -> None:
        known = self.events | {one["sequence"]: one for one in events}
        self.events = {sequence: known[sequence] for sequence in sorted(known, reverse=True)[:EVENTS_SHOWN]}

    def services(self, moment: float) -> list[Document]:
        """As old as they are by now."""
        return in_order([_aged(one, moment - seen) for one, seen in self._services.values()])

    def now(self, moment: float) -> str:
        """By the orchestrator's clock, which need not be ours."""
        return (datetime.fromisoformat(self._timestamp) + timedelta(seconds=moment - self._at)).isoformat()

    def headline(self) -> str:
        """``degraded: 14 services, 12 running, 2 stopped``, and that the engine is away if it is."""
        if not self._services:
            parts = ["no services: no container matches. `orchestrator check` tells what is looked for"]
        else:
            tally = Counter(str(one["status"]) for one, _ in self._services.values())
            total = len(self._services)
            parts = [f"{total} {'service' if total == 1 else 'services'}"]
            parts.extend(f"{count} {status.replace('_', ' ')}" for status, count in tally.most_common())
        engine = self._system["engine"]
        away = "" if engine["reachable"] else f". {printable(str(engine['detail']))}"
        dry_run = "dry run, " if self._system["dry_run"] else ""
        return f"{dry_run}{self._system['status']}: {', '.join(parts)}{away}"

    def _changes(self, services: Sequence[Document]) -> list[str]:
        lines = []
        for one in services:
            name, status, _, restarts, due, reason = cells(one, self._timestamp)
            shown = (status, restarts, str(one["retry_at"]), reason)
            if self._told.get(one["name"]) != shown:
                self._told[one["name"]] = shown
                words = (f"restarts {restarts}", f"next {due if due == 'now' else f'in {due}'}" if due else "", reason)
                lines.append(self._line(name, status, *words))
        return lines

    def _farewell(self, name: str) -> str:
        self._told.pop(name, None)
        return self._line(printable(name), "gone")

    def _line(self, *words: str) -> str:
        return "  ".join([local_time(self._timestamp, with_date=True), *(word for word in words if word)])


def _aged(service: Document, seconds: float) -> Document:
    uptime = service["uptime_seconds"]
    return service if uptime is None else {**service, "uptime_seconds": uptime + seconds}
