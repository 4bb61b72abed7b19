"""What was told to whom, as it is kept and read back: moments become wall times, and moments again.

Attempts in vain are not kept: a channel is tried at once after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Final, TypeGuard

from orchestrator.core.model import Instant
from orchestrator.core.notices import Book, Line, Outlet
from orchestrator.ports import Document

_MOST_MESSAGES: Final = 1_000_000


def book_document(book: Book, now: Instant) -> Document:
    told: dict[str, dict[str, object]] = {}
    for (incident, channel), line in book.lines.items():
        if line.severity is not None:
            told.setdefault(str(incident), {})[channel] = {
                "severity": line.severity,
                "cause": line.cause,
                "told_at": round(now.wall + line.told_at - now.moment, 3),
                "messages": line.messages,
                "over": line.over,
            }
    since = {channel: round(outlet.since, 3) for channel, outlet in book.outlets.items() if isfinite(outlet.since)}
    return {"told": told, "channels": since}


def book_of(document: Mapping[str, object], now: Instant) -> Book:
    """Never raises: what makes no sense was not told. Nothing was told later than now."""
    outlets = {channel: Outlet(since=wall) for channel, wall in _mapping(document.get("channels")).items() if _is(wall)}
    return Book(dict(_lines(_mapping(document.get("told")), now)), outlets)


def _lines(told: Mapping[str, object], now: Instant) -> Iterator[tuple[tuple[int, str], Line]]:
    for incident, channels in told.items():
        for channel, kept in _mapping(channels).items():
            line = _mapping(kept)
            told_at, messages, cause = line.get("told_at"), line.get("messages"), line.get("cause")
            if incident.isdecimal() and _is(told_at):
                yield (
                    (int(incident), channel),
                    Line(
                        severity="critical" if line.get("severity") == "critical" else "warning",
                        cause=cause if isinstance(cause, str) else "",
                        told_at=now.moment + min(told_at - now.wall, 0.0),
                        messages=min(messages, _MOST_MESSAGES) if isinstance(messages, int) else 1,
                        over=line.get("over") is True,
                    ),
                )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _is(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
