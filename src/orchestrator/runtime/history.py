"""When each service was up: told by the brain, kept in the store, read by the faces."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import Final, cast

from orchestrator.core.history import (
    UNKNOWN,
    Figures,
    History,
    Hour,
    Segment,
    Stretch,
    figures,
    joined,
    observe,
    stretches,
)
from orchestrator.core.incidents import Incident
from orchestrator.core.model import Instant, Status
from orchestrator.core.standing import stand_of
from orchestrator.ports import Clock, Document, Kept
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.requests import NO_SERVICE
from orchestrator.runtime.views import ServiceView

BEAT: Final = 30.0
"""Seconds between two notes that we are alive: by as much the gap that our own death leaves may begin too early."""
_LARGEST: Final = 1e12


class Histories(Observer):
    """Part of the brain: told within its turns."""

    def __init__(self, registry: ServiceRegistry, journal: Journal, clock: Clock) -> None:
        self._registry = registry
        self._journal = journal
        self._clock = clock
        self._known: dict[str, History] = {}
        self._last_alive: float | None = None
        """Of the process before this one, as wall time."""
        self._beat_at = float("-inf")

    def take_over(self, kept: Kept) -> None:
        """What was kept; how it went on until now, nobody saw. What this process saw already comes after it."""
        alive = _number(kept.histories.get(NO_SERVICE, {}).get("alive_at"))
        self._last_alive = alive
        for name, ours in self._known.items():
            document = kept.histories.get(name)
            if document is not None:
                self._put(name, _continued(self._of_earlier(document), ours))

    # --- told ------------------------------------------------------------------------------------------------

    def changed(self, view: ServiceView) -> None:
        record = self._registry.get(view.name)
        if record is None:
            return
        status, available = _level(record)
        self._put(view.name, observe(self.of(view.name), status, available, self._clock.now().wall))

    def gone(self, name: str) -> None:
        self._put(name, observe(self.of(name), UNKNOWN, None, self._clock.now().wall))
        del self._known[name]

    def incident_changed(self, incident: Incident) -> None:
        for member in incident.members:
            if self._registry.get(member.service) is not None:
                self._put(member.service, joined(self.of(member.service), round(member.joined_at, 3)))

    def turn(self, now: Instant) -> None:
        if now.moment - self._beat_at >= BEAT:
            self._beat_at = now.moment
            self._journal.remember_history(NO_SERVICE, {"alive_at": round(now.wall, 3)})

    # --- read ------------------------------------------------------------------------------------------------

    def of(self, name: str) -> History:
        known = self._known.get(name)
        if known is not None:
            return known
        document = self._journal.history(name)
        return History() if document is None else self._of_earlier(document)

    def figures(self, name: str, window: float) -> Figures:
        return figures(self.of(name), window, self._clock.now().wall)

    def stretches(self, name: str, window: float) -> list[Stretch]:
        return stretches(self.of(name), window, self._clock.now().wall)

    # --- how -------------------------------------------------------------------------------------------------

    def _put(self, name: str, history: History) -> None:
        if self._known.get(name) != history:
            self._known[name] = history
            self._journal.remember_history(name, to_document(history))

    def _of_earlier(self, document: Mapping[str, object]) -> History:
        """Closed by the last sign of life of the process that kept it."""
        history = from_document(document)
        if not history.segments:
            return history
        alive = history.segments[-1].since if self._last_alive is None else self._last_alive
        return observe(history, UNKNOWN, None, alive)


def _continued(earlier: History, later: History) -> History:
    for segment in later.segments:
        earlier = observe(earlier, segment.status, segment.available, segment.since)
    for at in later.incidents:
        earlier = joined(earlier, at)
    return earlier


def _level(record: Record) -> tuple[str, bool | None]:
    """The status, and whether it counts as up."""
    state = record.state
    if not record.seen:
        return UNKNOWN, None
    stand = stand_of(state, record.container, held=record.in_maintenance or "update" in record.holds)
    serves = state.status in (Status.RUNNING, Status.DISABLED) and state.healthy_since is not None
    if serves:
        return state.status.value, True
    return state.status.value, None if stand == "excused" or state.completed or not state.discovered else False


# --- as it is kept -----------------------------------------------------------------------------------------------


def to_document(history: History) -> Document:
    return {
        "segments": [[each.status, each.available, round(each.since, 3)] for each in history.segments],
        "hours": {
            str(number): [
                round(each.up, 3),
                round(each.down, 3),
                round(each.excused, 3),
                each.recoveries,
                round(each.seconds_to_recover, 3),
            ]
            for number, each in history.hours.items()
        },
        "outage_since": history.outage_since,
        "incidents": list(history.incidents),
    }


def from_document(document: Mapping[str, object]) -> History:
    """Never raises; what makes no sense is left out."""
    hours = document.get("hours")
    read = {
        int(number): _hour(each)
        for number, each in (hours.items() if isinstance(hours, dict) else ())
        if isinstance(number, str) and number.isdecimal()
    }
    segments: list[Segment] = []
    for each in _list(document.get("segments")):
        segment = _segment(each)
        if segment is not None and (not segments or segment.since >= segments[-1].since):
            segments.append(segment)
    incidents = (_number(each) for each in _list(document.get("incidents")))
    return History(
        segments=tuple(segments),
        hours=MappingProxyType({number: hour for number, hour in read.items() if hour is not None}),
        outage_since=_number(document.get("outage_since")),
        incidents=tuple(each for each in incidents if each is not None),
    )


def _segment(value: object) -> Segment | None:
    match value:
        case [str(status), bool() | None as available, since]:
            wall = _number(since)
            return None if wall is None else Segment(status, available, wall)
    return None


def _hour(value: object) -> Hour | None:
    numbers = [_number(each) for each in _list(value)]
    if len(numbers) != 5 or None in numbers:
        return None
    up, down, excused, recoveries, total = cast("list[float]", numbers)
    return Hour(up, down, excused, int(recoveries), total)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        return None
    return float(value) if 0 <= value <= _LARGEST else None
