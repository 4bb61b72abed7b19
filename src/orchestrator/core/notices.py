"""What is to be told to whom, and when: worked out anew from the incidents, the rules, and what was told before.

Level-triggered, like everything else: there is no queue of messages. What a channel knows of an incident is compared with
what it ought to know; while the two differ a message is due, and it is written when it is sent, from the incident as it
is then. So a channel that was away for an hour hears of an incident that is over once, and not five times.

===============  ==============================================================================================
message          is due
===============  ==============================================================================================
opened           it has lasted for ``settle`` and is not well again; also once it is over, if nobody was told
updated          its severity rose; or it is put down to another cause than was told, ``settle`` after that message
reminder         it is still open ``reminder`` after the last message
resolved         it is closed, and the channel knows of it
===============  ==============================================================================================

Quiet hours put off all of them. More than fit into ``digest`` become one message.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from orchestrator.core.incidents import Incident, Severity
from orchestrator.core.model import Category, Instant
from orchestrator.core.windows import Window

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 900.0
"""Seconds between two attempts of a channel that fails: doubled from the first to the longest."""
GIVEN_UP_AFTER: Final = 86_400.0
"""Seconds after its end for which an incident is worth telling; a later message would tell of another day."""

_RANKS: Final[Mapping[Severity, int]] = {"warning": 0, "critical": 1}


class Kind(StrEnum):
    OPENED = "opened"
    UPDATED = "updated"
    REMINDER = "reminder"
    RESOLVED = "resolved"


# --- the rules -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    """Who is told of what. An incident is told to the channels of every route that it fits."""

    channels: tuple[str, ...]
    severity: Severity = "warning"
    """The least."""
    categories: frozenset[Category] = frozenset()
    """Of its members, any; empty: every one."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    window: Window
    channels: frozenset[str] = frozenset()
    """Empty: every one's."""
    critical_breaks_through: bool = False

    def concern(self, channel: str) -> bool:
        return not self.channels or channel in self.channels


@dataclass(frozen=True, slots=True)
class Digest:
    """So many messages to one channel in so many seconds go out one by one."""

    after: int = 5
    within: float = 300.0


@dataclass(frozen=True, slots=True)
class Rules:
    channels: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    """Without any, every channel is told everything."""
    quiet_hours: tuple[QuietHours, ...] = ()
    settle: float = 30.0
    """Seconds; what is over before is told to nobody."""
    reminder: float = 4 * 3600.0
    """Seconds; 0: never."""
    digest: Digest = Digest()


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours of one channel that are on now."""

    until: float
    """The moment of their end."""
    critical_breaks_through: bool


# --- what was told -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """An incident, as it is now."""

    incident: Incident
    since: float
    """The moment at which it was opened, by our own timeline: no step of the wall clock makes it settle late."""
    categories: frozenset[Category] = frozenset()
    """Of its members."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one channel knows of one incident."""

    severity: Severity | None = None
    """``None``: nothing yet."""
    cause: str = ""
    told_at: float = 0.0
    """The moment of the last message."""
    messages: int = 0
    attempts: int = 0
    """In vain, since."""
    over: bool = False
    """It is told nothing more: it knows the end."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """How one channel is doing."""

    sent: tuple[float, ...] = ()
    """The moments of its newest messages."""
    attempts: int = 0
    """In vain, in a row."""
    retry_at: float = -math.inf
    failure: str = ""
    """Why the last attempt was in vain; empty: it was not."""


@dataclass(frozen=True, slots=True)
class Book:
    """All that was told, by incident and channel."""

    lines: Mapping[tuple[int, str], Line] = field(default_factory=lambda: MappingProxyType({}))
    outlets: Mapping[str, Outlet] = field(default_factory=lambda: MappingProxyType({}))

    def line(self, incident: int, channel: str) -> Line:
        return self.lines.get((incident, channel), _UNTOLD)

    def outlet(self, channel: str) -> Outlet:
        return self.outlets.get(channel, _WELL)


_UNTOLD: Final = Line()
_WELL: Final = Outlet()


# --- what is to be told --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """One incident in a message."""

    kind: Kind
    incident: Incident
    key: str
    """The same whenever this is attempted, and for nothing else."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message to one channel."""

    channel: str
    notices: tuple[Notice, ...]
    """Several: a digest."""


@dataclass(frozen=True, slots=True)
class Plan:
    dispatches: tuple[Dispatch, ...]
    """At most one for a channel: the next is planned when that has ended."""
    undelivered: Mapping[str, int]
    """By channel: incidents of which something is due and not told."""
    wake_at: float
    """The moment from which more may be due; infinite: nothing is, until something happens."""


def plan(
    book: Book,
    heard: Mapping[int, Heard],
    rules: Rules,
    quiet: Mapping[str, Sequence[Quiet]],
    busy: Collection[str],
    now: Instant,
) -> Plan:
    """``busy``: channels that a message is under way to."""
    dispatches: list[Dispatch] = []
    undelivered: dict[str, int] = {}
    wakes = [math.inf]
    for channel in rules.channels:
        pending = [
            (at, kind, each)
            for each in heard.values()
            for at, kind in _pending(book.line(each.incident.id, channel), each, channel, rules, now)
        ]
        held = [(_put_off(at, each, quiet.get(channel, ()), now), kind, each) for at, kind, each in pending]
        wakes += [at for at, _, _ in held if at > now.moment]
        due = [(kind, each) for at, kind, each in held if at <= now.moment]
        undelivered[channel] = len(due)
        if not due or channel in busy:
            continue
        free_at = max(book.outlet(channel).retry_at, _room_at(book.outlet(channel), rules.digest, now.moment))
        if free_at > now.moment:
            wakes.append(free_at)
            continue
        dispatches.append(Dispatch(channel, _gathered(book, channel, due, rules.digest, now.moment)))
    return Plan(tuple(dispatches), undelivered, min(wakes))


def _pending(line: Line, heard: Heard, channel: str, rules: Rules, now: Instant) -> Iterator[tuple[float, Kind]]:
    """The message that comes next, if any, and the moment from which it is due."""
    incident = heard.incident
    if line.over or incident.merged_into is not None:
        return
    if line.severity is None:
        if not _concerns(heard, channel, rules):
            return
        if incident.closed_at is not None:
            if _lasted(incident) >= rules.settle and now.wall - incident.closed_at < GIVEN_UP_AFTER:
                yield now.moment, Kind.RESOLVED
        elif incident.recovered_at is None:
            yield heard.since + rules.settle, Kind.OPENED
    elif incident.closed_at is not None:
        if now.wall - incident.closed_at < GIVEN_UP_AFTER:
            yield now.moment, Kind.RESOLVED
    elif _RANKS[incident.severity] > _RANKS[line.severity]:
        yield now.moment, Kind.UPDATED
    elif incident.recovered_at is not None:
        return
    elif incident.cause.key != line.cause:
        yield line.told_at + rules.settle, Kind.UPDATED
    elif rules.reminder:
        yield line.told_at + rules.reminder, Kind.REMINDER


def _lasted(incident: Incident) -> float:
    """Seconds until it was well again for good."""
    ended = incident.closed_at if incident.recovered_at is None else incident.recovered_at
    return math.inf if ended is None else ended - incident.opened_at


def _concerns(heard: Heard, channel: str, rules: Rules) -> bool:
    return not rules.routes or any(channel in route.channels and _fits(heard, route) for route in rules.routes)


def _fits(heard: Heard, route: Route) -> bool:
    severe = _RANKS[heard.incident.severity] >= _RANKS[route.severity]
    return severe and (not route.categories or not route.categories.isdisjoint(heard.categories))


def _put_off(at: float, heard: Heard, quiet: Sequence[Quiet], now: Instant) -> float:
    critical = heard.incident.severity == "critical"
    ends = [each.until for each in quiet if not (critical and each.critical_breaks_through)]
    return max(at, *ends, now.moment) if ends else at


def _room_at(outlet: Outlet, digest: Digest, now: float) -> float:
    """The moment from which one more message fits."""
    recent = _recent(outlet, digest, now)
    return now if len(recent) < digest.after else recent[-digest.after] + digest.within


def _recent(outlet: Outlet, digest: Digest, now: float) -> tuple[float, ...]:
    return tuple(moment for moment in outlet.sent if moment > now - digest.within)


def _gathered(
    book: Book, channel: str, due: Sequence[tuple[Kind, Heard]], digest: Digest, now: float
) -> tuple[Notice, ...]:
    """One, while all that is due fits in one by one; else all of it. What was tried in vain comes last: a message that
    a receiver refuses keeps no other from it."""

    def turn(one: tuple[Kind, Heard]) -> tuple[int, int, int]:
        incident = one[1].incident
        return book.line(incident.id, channel).attempts, -_RANKS[incident.severity], incident.id

    ordered = sorted(due, key=turn)
    room = digest.after - len(_recent(book.outlet(channel), digest, now))
    chosen = ordered[:1] if len(ordered) <= room else ordered
    return tuple(_notice(kind, each.incident, book.line(each.incident.id, channel), channel) for kind, each in chosen)


def _notice(kind: Kind, incident: Incident, line: Line, channel: str) -> Notice:
    meant = (channel, incident.id, incident.opened_at, kind, line.messages, incident.severity, incident.cause.key)
    if kind is not Kind.UPDATED:
        meant = meant[:5]  # the same message, whatever it says by now
    return Notice(kind, incident, sha256(repr(meant).encode()).hexdigest()[:32])


# --- how it went ---------------------------------------------------------------------------------------------


def accepted(book: Book, dispatch: Dispatch, rules: Rules, now: Instant) -> Book:
    """The channel took the message."""
    lines = dict(book.lines)
    for notice in dispatch.notices:
        incident, before = notice.incident, book.line(notice.incident.id, dispatch.channel)
        lines[incident.id, dispatch.channel] = Line(
            severity=incident.severity,
            cause=incident.cause.key,
            told_at=now.moment,
            messages=before.messages + 1,
            over=notice.kind is Kind.RESOLVED,
        )
    sent = (*_recent(book.outlet(dispatch.channel), rules.digest, now.moment), now.moment)
    return replace(book, lines=lines, outlets={**book.outlets, dispatch.channel: Outlet(sent)})


def refused(book: Book, dispatch: Dispatch, why: str, now: Instant) -> Book:
    """It did not, or that is not known."""
    lines = dict(book.lines)
    for notice in dispatch.notices:
        line = book.line(notice.incident.id, dispatch.channel)
        lines[notice.incident.id, dispatch.channel] = replace(line, attempts=line.attempts + 1)
    outlet = book.outlet(dispatch.channel)
    pause = min(FIRST_PAUSE * 2.0 ** min(outlet.attempts, 32), LONGEST_PAUSE)
    failing = replace(outlet, attempts=outlet.attempts + 1, retry_at=now.moment + pause, failure=why)
    return replace(book, lines=lines, outlets={**book.outlets, dispatch.channel: failing})


def merged(book: Book, part: int, whole: int) -> Book:
    """``part`` turned out to be of ``whole``: who was told of the one knows of the other, and hears its end once."""
    lines = dict(book.lines)
    for (incident, channel), line in book.lines.items():
        if incident == part:
            del lines[incident, channel]
            if book.line(whole, channel).severity is None and not line.over:
                lines[whole, channel] = line
    return replace(book, lines=lines)


def finished(book: Book, heard: Mapping[int, Heard], rules: Rules, now: Instant) -> frozenset[int]:
    """Incidents of which nobody will be told anything any more."""
    return frozenset(
        number
        for number, each in heard.items()
        if each.incident.closed_at is not None
        and not any(
            True
            for channel in rules.channels
            for _ in _pending(book.line(number, channel), each, channel, rules, now)
        )
    )


def forgotten(book: Book, incidents: Collection[int]) -> Book:
    return replace(book, lines={key: line for key, line in book.lines.items() if key[0] not in incidents})
