"""When the configured maintenance is by the clock on the wall, and whom it holds then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.core.model import Instant
from orchestrator.core.windows import Window
from orchestrator.runtime.registry import Record, ServiceRegistry

_DAYS_AHEAD: Final = 8
"""A window has its next beginning within a week."""


class MaintenanceWindows:
    """Part of the brain: keeps ``Record.holds["maintenance"]``."""

    def __init__(self, registry: ServiceRegistry) -> None:
        self._registry = registry
        self._windows: tuple[Window, ...] = ()
        self._open: tuple[tuple[Window, float], ...] = ()
        """Each with the wall time of its end."""
        self._reckoned_at = math.inf
        self._next_edge = -math.inf
        """Wall times between which ``_open`` holds."""
        self._surveyed = False

    def adopt(self, windows: tuple[Window, ...]) -> None:
        """Those in force from now on; the services may be others, too."""
        if windows != self._windows:
            self._windows, self._next_edge = windows, -math.inf
        self._surveyed = True

    def seconds_to_edge(self, now: Instant) -> float:
        """Until one opens or closes; infinite where none is configured."""
        return self._next_edge - now.wall if self._windows else math.inf

    def turn(self, now: Instant) -> Sequence[str]:
        """Put every hold in its place; the services for which that changes something."""
        stale = not self._reckoned_at <= now.wall < self._next_edge
        if not stale and not self._surveyed:
            return ()
        if stale:
            self._reckon(now.wall)
        self._surveyed = False
        return [name for name, record in self._registry.items() if self._place(name, record)]

    def _reckon(self, wall: float) -> None:
        """Also when the clock was put back."""
        spans = [(window, begin, end) for window in self._windows for begin, end in occurrences(window, wall)]
        self._open = tuple((window, end) for window, begin, end in spans if begin <= wall < end)
        self._reckoned_at = wall
        edges = (edge for _, begin, end in spans for edge in (begin, end) if edge > wall)
        self._next_edge = min(edges, default=math.inf)

    def _place(self, name: str, record: Record) -> bool:
        words = "; ".join(
            _words(window, end)
            for window, end in self._open
            if window.concerns(name, record.spec.category, record.project)
        )
        before = record.holds.pop("maintenance", "")
        if words:
            record.holds["maintenance"] = words
        return words != before


def occurrences(window: Window, wall: float) -> Iterator[tuple[float, float]]:
    """Begin and end, as wall times, of those that are not long over, a week ahead.

    On the days on which clocks are changed a time can be read in two ways: it begins by the earlier and ends by the
    later one, so that no change of the clock makes it shorter than it is written.
    """
    zone = None if window.timezone is None else ZoneInfo(window.timezone)
    midnight = datetime.fromtimestamp(wall, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for ahead in range(-2, _DAYS_AHEAD + 1):
        day = midnight + timedelta(days=ahead)
        if day.weekday() not in window.days:
            continue
        last_day = day if window.ends > window.begins else day + timedelta(days=1)
        begins = _readings(day + timedelta(minutes=window.begins), zone)
        ends = _readings(last_day + timedelta(minutes=window.ends), zone)
        yield min(begins), max(ends)


def clock_time(wall: float, zone: ZoneInfo | None = None) -> str:
    """``03:30``, by the machine's own clock unless told otherwise."""
    return datetime.fromtimestamp(wall, zone).strftime("%H:%M")


def _readings(local: datetime, zone: ZoneInfo | None) -> tuple[float, float]:
    """A naive time means the machine's own zone."""
    return (
        local.replace(tzinfo=zone, fold=0).timestamp(),
        local.replace(tzinfo=zone, fold=1).timestamp(),
    )


def _words(window: Window, end: float) -> str:
    zone = None if window.timezone is None else ZoneInfo(window.timezone)
    until = f"maintenance until {clock_time(end, zone)}"
    until += f" {window.timezone}" if window.timezone else ""
    return f"{until} ({window.why})" if window.why else until
