"""What is to be told to whom, and when: worked out anew from the incidents, the rules, and what was told before.

Level-triggered, like everything else: there is no queue of messages. What a channel knows of an incident is compared
with what it ought to know; while the two differ a message is due, and it is written when it is sent, from the incident
as it is then. So a channel that was away for an hour hears of an incident that is over once, and not five times.

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
from orchestrator.core.routing import RANKS, Digest, Quiet, Rules

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 900.0
"""Seconds between two attempts of a channel that fails: doubled from the first to the longest."""
GIVEN_UP_AFTER: Final = 86_400.0
"""Seconds after its end for which an incident is worth telling; a later message would tell of another day."""


class Kind(StrEnum):
    OPENED = "opened"
    UPDATED = "updated"
    REMINDER = "reminder"
    RESOLVED = "resolved"


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

    since: float = -math.inf
    """The wall time at which it was configured: of what was over by then it is told nothing."""
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

    @property
    def key(self) -> str:
        """The same whenever this message is attempted."""
        keys = [each.key for each in self.notices]
        return keys[0] if len(keys) == 1 else _digested("\n".join(keys))


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
    now: Instant,
    *,
    quiet: Mapping[str, Sequence[Quiet]],
    busy: Collection[str],
) -> Plan:
    """``quiet``: by channel, what of its quiet hours is on. ``busy``: channels that a message is under way to."""
    dispatches: list[Dispatch] = []
    undelivered: dict[str, int] = {}
    wakes = [math.inf]
    for channel in rules.channels:
        pending = [
            (at, kind, each) for each in heard.values() for at, kind in _pending(book, each, channel, rules, now)
        ]
        held = [
            (max([at, *_ends(quiet.get(channel, ()), each.incident.severity)]), kind, each)
            for at, kind, each in pending
        ]
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


def _pending(book: Book, heard: Heard, channel: str, rules: Rules, now: Instant) -> Iterator[tuple[float, Kind]]:
    """The message that comes next, if any, and the moment from which it is due."""
    incident, line = heard.incident, book.line(heard.incident.id, channel)
    if line.over or (line.severity is None and not rules.concern(channel, incident.severity, heard.categories)):
        return
    if incident.closed_at is not None:
        if _worth_telling(incident, line, book.outlet(channel), rules, now):
            yield now.moment, Kind.RESOLVED
    elif line.severity is None:
        if incident.recovered_at is None:
            yield heard.since + rules.settle, Kind.OPENED
    elif RANKS[incident.severity] > RANKS[line.severity]:
        yield now.moment, Kind.UPDATED
    elif incident.recovered_at is not None:
        return
    elif incident.cause.key != line.cause:
        yield line.told_at + rules.settle, Kind.UPDATED
    elif rules.reminder:
        yield line.told_at + rules.reminder, Kind.REMINDER


def _worth_telling(incident: Incident, line: Line, outlet: Outlet, rules: Rules, now: Instant) -> bool:
    """Of one that is closed."""
    closed_at = incident.closed_at or 0.0
    if now.wall - closed_at > GIVEN_UP_AFTER:
        return False
    return line.severity is not None or (_lasted(incident) >= rules.settle and closed_at >= outlet.since)


def _lasted(incident: Incident) -> float:
    """Seconds, of one that is closed, until it was well again for good."""
    ended = incident.closed_at if incident.recovered_at is None else incident.recovered_at
    return (ended or 0.0) - incident.opened_at


def _ends(quiet: Sequence[Quiet], severity: Severity) -> Iterator[float]:
    """Of the quiet hours that put off what is as severe as that."""
    return (each.until for each in quiet if not (severity == "critical" and each.critical_breaks_through))


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
        return book.line(incident.id, channel).attempts, -RANKS[incident.severity], incident.id

    ordered = sorted(due, key=turn)
    room = digest.after - len(_recent(book.outlet(channel), digest, now))
    chosen = ordered[:1] if len(ordered) <= room else ordered
    return tuple(_notice(kind, each.incident, book.line(each.incident.id, channel), channel) for kind, each in chosen)


def _notice(kind: Kind, incident: Incident, line: Line, channel: str) -> Notice:
    meant = f"{channel} {incident.id} {int(incident.opened_at)} {kind} {line.messages}"
    if kind is Kind.UPDATED:
        meant = f"{meant} {incident.severity} {incident.cause.key}"
    return Notice(kind, incident, _digested(meant))


def _digested(meant: str) -> str:
    return sha256(meant.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- how it went ---------------------------------------------------------------------------------------------


def continued(earlier: Book, ours: Book) -> Book:
    """What an earlier process told, and what this one has told since."""
    outlets = {**ours.outlets}
    for channel, outlet in earlier.outlets.items():
        outlets[channel] = replace(ours.outlet(channel), since=outlet.since)
    return Book({**earlier.lines, **ours.lines}, outlets)


def configured(book: Book, rules: Rules, now: Instant) -> Book:
    """With a page for each channel, and for no other one."""
    fresh = Outlet(since=now.wall)
    return replace(book, outlets={channel: book.outlets.get(channel, fresh) for channel in rules.channels})


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
    outlet = book.outlet(dispatch.channel)
    sent = (*_recent(outlet, rules.digest, now.moment), now.moment)
    return replace(book, lines=lines, outlets={**book.outlets, dispatch.channel: Outlet(outlet.since, sent)})


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
    lines = {key: line for key, line in book.lines.items() if key[0] != part}
    for (incident, channel), line in book.lines.items():
        if incident == part and line.severity is not None and book.line(whole, channel).severity is None:
            lines[whole, channel] = line
    return replace(book, lines=lines)


def finished(book: Book, heard: Mapping[int, Heard], rules: Rules, now: Instant) -> frozenset[int]:
    """Incidents of which nobody will be told anything any more."""
    return frozenset(
        number
        for number, each in heard.items()
        if each.incident.closed_at is not None
        and not any(True for channel in rules.channels for _ in _pending(book, each, channel, rules, now))
    )


def left_waiting(book: Book, incident: int, rules: Rules) -> tuple[str, ...]:
    """Of one that is finished: the channels that it was attempted to be told to, and that do not know its end."""
    lines = {channel: book.line(incident, channel) for channel in rules.channels}
    return tuple(name for name, line in lines.items() if not line.over and (line.severity is not None or line.attempts))


def pruned(book: Book, heard: Collection[int], now: Instant) -> Book:
    """Without what no message will be compared with any more: who heard the end of an incident is not told it again as
    long as it is worth telling."""
    oldest = now.moment - 2 * GIVEN_UP_AFTER
    lines = {key: line for key, line in book.lines.items() if key[0] in heard or (line.over and line.told_at > oldest)}
    return replace(book, lines=lines) if len(lines) < len(book.lines) else book
