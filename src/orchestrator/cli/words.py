"""How statuses, ages and times read on a terminal. Nothing here reads a clock: answers carry their own time."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple


class Look(NamedTuple):
    symbol: str
    plain: str
    """The symbol where the terminal's encoding has no other."""
    style: str


_LOOKS: Final = {
    "running": Look("●", "*", "green"),
    "starting": Look("◐", "~", "cyan"),
    "unhealthy": Look("▲", "!", "red"),
    "stopped": Look("■", "x", "yellow"),
    "disabled": Look("⊘", "-", "magenta"),
    "not_found": Look("?", "?", "red"),
}
_UNKNOWN: Final = Look("?", "?", "")
DRY_RUN: Final = "Dry run: what would be done is told, and nothing is changed."
CATEGORIES: Final = ("infrastructure", "ai", "application", "monitoring")


def look(status: str, *, at_rest: bool = False) -> Look:
    known = _LOOKS.get(status, _UNKNOWN)
    return known._replace(style="dim") if at_rest else known


def span(seconds: float) -> str:
    """``45s``, ``12m``, ``3h``, ``5d``: whole units, the largest one alone."""
    whole = max(int(seconds), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= 2 * size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def countdown(at: str | None, now: str) -> str:
    """What is left until ``at``, both ISO 8601 and of one clock; empty when nothing is due."""
    if at is None:
        return ""
    seconds = (datetime.fromisoformat(at) - datetime.fromisoformat(now)).total_seconds()
    return "now" if seconds < 1 else span(seconds)


def age(at: str, now: str) -> str:
    """How long ago that was, both ISO 8601 and of one clock."""
    return span((datetime.fromisoformat(now) - datetime.fromisoformat(at)).total_seconds())


def local_time(at: str, *, with_date: bool) -> str:
    moment = datetime.fromisoformat(at).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S")
