"""Durations as stories write them."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds(duration: float | str) -> float:
    """``90``, ``"250ms"``, ``"10s"``, ``"1h30m"``, ``"2d"``; raises :class:`ValueError` for anything else."""
    if not isinstance(duration, str):
        return float(duration)
    parts = _PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no duration: write 10s, 1h30m, 250ms")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
