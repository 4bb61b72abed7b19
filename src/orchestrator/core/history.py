"""When a service was in which status, and what of it was up: exact for the newest stretches, by the hour before.

What nobody could see counts neither as up nor as down: the time in which we were away, or the engine was. Times are
wall times. A wall clock that is stepped back makes a stretch of no length, never one of negative length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Final

UNKNOWN: Final = "unknown"
"""Beside the statuses of a service: nobody could see it."""
MIXED: Final = "mixed"
"""An hour of which only sums are kept."""

HOUR: Final = 3600.0
LONGEST: Final = 30 * 24 * HOUR
"""Seconds of the past that are kept."""
MOST_SEGMENTS: Final = 500
"""A day and a half of a service that falls and is started again every ten minutes, in four stretches each time."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch, up to the next."""

    status: str
    available: bool | None
    """``None``: it counts neither as up nor as down. Nobody could see it, or somebody wants it down."""
    since: float


@dataclass(frozen=True, slots=True)
class Hour:
    """Sums of what happened in one hour, before the oldest segment. Seconds, and the outages that ended in it."""

    up: float = 0.0
    down: float = 0.0
    excused: float = 0.0
    """Known, and neither."""
    recoveries: int = 0
    seconds_to_recover: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    segments: tuple[Segment, ...] = ()
    """Oldest first; the last one lasts."""
    hours: Mapping[int, Hour] = field(default_factory=lambda: MappingProxyType({}))
    """By hours since the epoch."""
    outage_since: float | None = None
    """Of an outage that began before the oldest segment and goes on in it."""
    incidents: tuple[float, ...] = ()
    """When it became a member of one, oldest first."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is told of the past, without a gap."""

    status: str
    available: bool | None
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one service over one window of time, in seconds."""

    up: float = 0.0
    down: float = 0.0
    unknown: float = 0.0
    recoveries: int = 0
    seconds_to_recover: float = 0.0
    """Of all recoveries together."""
    incidents: int = 0

    @property
    def availability(self) -> float | None:
        """0 to 1, of the time of which it is known and counts; ``None``: there is none."""
        counted = self.up + self.down
        return self.up / counted if counted else None

    @property
    def mean_seconds_to_recover(self) -> float | None:
        return self.seconds_to_recover / self.recoveries if self.recoveries else None


def observe(history: History, status: str, available: bool | None, wall: float) -> History:
    """The same history when nothing changed."""
    segments = history.segments
    if segments and (segments[-1].status, segments[-1].available) == (status, available):
        return history
    since = max(wall, segments[-1].since) if segments else wall
    if segments and segments[-1].since == since:
        segments = segments[:-1]
    grown = replace(history, segments=(*segments, Segment(status, available, since)))
    while len(grown.segments) > MOST_SEGMENTS:
        grown = _folded(grown)
    return _without(grown, since - LONGEST)


def joined(history: History, wall: float) -> History:
    """It became a member of an incident; told again, nothing changes."""
    if wall in history.incidents:
        return history
    recent = [each for each in history.incidents if each > wall - LONGEST]
    return replace(history, incidents=(*recent[-MOST_SEGMENTS:], wall))


def figures(history: History, window: float, now: float) -> Figures:
    """Over the last ``window`` seconds."""
    begin = now - window
    up = down = excused = 0.0
    for segment, until in _stretches(history, now):
        length = max(min(until, now) - max(segment.since, begin), 0.0)
        up += length if segment.available is True else 0.0
        down += length if segment.available is False else 0.0
        excused += length if segment.available is None and segment.status != UNKNOWN else 0.0
    ended = [seconds for at, seconds in _recoveries(history) if at >= begin]
    recoveries, total = len(ended), sum(ended)
    for number, hour in history.hours.items():
        share = min(max((number + 1) * HOUR - begin, 0.0) / HOUR, 1.0)
        up, down, excused = up + hour.up * share, down + hour.down * share, excused + hour.excused * share
        if number * HOUR >= begin:
            recoveries, total = recoveries + hour.recoveries, total + hour.seconds_to_recover
    return Figures(
        up=up,
        down=down,
        unknown=max(window - up - down - excused, 0.0),
        recoveries=recoveries,
        seconds_to_recover=total,
        incidents=sum(at >= begin for at in history.incidents),
    )


def stretches(history: History, window: float, now: float) -> list[Stretch]:
    """The last ``window`` seconds, oldest first."""
    told = [Stretch(MIXED, None, number * HOUR, (number + 1) * HOUR) for number in sorted(history.hours)]
    told += [Stretch(each.status, each.available, each.since, until) for each, until in _stretches(history, now)]
    found: list[Stretch] = []
    reached = now - window
    for each in told:
        # the last hour of which there are sums reaches into the first segment, which is more exact
        end = min(each.end, now, history.segments[0].since) if each.status == MIXED else min(each.end, now)
        begin = max(each.begin, reached)
        if end <= begin:
            continue
        if begin > reached:
            found.append(Stretch(UNKNOWN, None, reached, begin))
        found.append(replace(each, begin=begin, end=end))
        reached = end
    if reached < now:
        found.append(Stretch(UNKNOWN, None, reached, now))
    return found


def _stretches(history: History, now: float) -> Iterator[tuple[Segment, float]]:
    """Each segment with its end."""
    for segment, following in pairwise(history.segments):
        yield segment, following.since
    if history.segments:
        yield history.segments[-1], now


def _recoveries(history: History) -> Iterator[tuple[float, float]]:
    """The end and the length of each outage that was seen whole: a start-up is none."""
    since, was_up = history.outage_since, False
    for segment in history.segments:
        if segment.available is True and since is not None:
            yield segment.since, segment.since - since
        if segment.available is not False:
            since = None
        elif was_up:
            since = segment.since
        was_up = segment.available is True


def _folded(history: History) -> History:
    """With the sums of the oldest segment in its stead."""
    oldest, following = history.segments[:2]
    hours, at = dict(history.hours), oldest.since
    while at < following.since:
        until = min((at // HOUR + 1) * HOUR, following.since)
        hours[int(at // HOUR)] = _plus(hours.get(int(at // HOUR), Hour()), oldest, until - at)
        at = until
    since = history.outage_since
    if since is not None and following.available is True:
        number = int(following.since // HOUR)
        sums = hours.get(number, Hour())
        total = sums.seconds_to_recover + following.since - since
        hours[number] = replace(sums, recoveries=sums.recoveries + 1, seconds_to_recover=total)
    begins = following.since if oldest.available is True else since
    return replace(
        history,
        segments=history.segments[1:],
        hours=MappingProxyType(hours),
        outage_since=begins if following.available is False else None,
    )


def _plus(hour: Hour, segment: Segment, seconds: float) -> Hour:
    if segment.available is True:
        return replace(hour, up=hour.up + seconds)
    if segment.available is False:
        return replace(hour, down=hour.down + seconds)
    return hour if segment.status == UNKNOWN else replace(hour, excused=hour.excused + seconds)


def _without(history: History, begin: float) -> History:
    """Without what is older than anybody asks for."""
    segments = history.segments
    while len(segments) > 1 and segments[1].since <= begin:
        segments = segments[1:]
    hours = {number: each for number, each in history.hours.items() if (number + 1) * HOUR > begin}
    return replace(history, segments=segments, hours=MappingProxyType(hours))
