"""What the words of the engine's list tell of a run's age.

Both engines write ages with the same function, which cuts to whole units: seconds up to 59, minutes up to 59,
hours up to 47, days up to 13, weeks, months of 30 days, years of 365. Newer versions round hours to the nearest,
older ones cut them, so a bound that is true for both is one unit more than is written.
"""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
    "week": 7 * 86400.0,
    "month": 30 * 86400.0,
    "year": 365 * 86400.0,
}
_WORDS: Final = {"less than a": 0, "about a": 1, "about an": 1}
_UP: Final = re.compile(r"up (less than a|about an?|\d+) (second|minute|hour|day|week|month|year)s?\b", re.IGNORECASE)
_HEALTH: Final = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)", re.IGNORECASE)


def uptime_at_most(status: str) -> float | None:
    """Seconds that the run is younger than: ``Up 5 minutes`` gives 360; ``None`` where no run is told of."""
    match = _UP.match(status.strip())
    if match is None:
        return None
    amount, unit = match.group(1).lower(), _UNITS[match.group(2).lower()]
    whole = _WORDS[amount] if amount in _WORDS else int(amount)
    return (whole + 1) * unit


def health_word(status: str) -> str:
    """``healthy``, ``unhealthy``, ``starting``, or empty: Podman 4 writes none."""
    match = _HEALTH.search(status)
    return match.group(1).lower() if match else ""
