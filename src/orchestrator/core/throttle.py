"""How many actions an engine is given at once, and how fast one after another.

The engine itself is the signal: starts that take little longer than the quickest ones leave room for more at once;
starts that mostly wait inside it, for each other, mean that there are too many. Beyond that a token bucket spreads what
the engine takes quickly: what comes up uses the host for long after its start was answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

NARROWEST: Final = 2
"""Actions at once that are always allowed: one that hangs does not stop all others."""

SPREAD: Final = 0.5
"""Seconds in which as many actions begin as may be under way at the most: at once, and then evenly. With four a core
that is eight a core a second, more than was seen of the quicker engine (Podman, without a network: five to six)."""

_TOO_FEW: Final = 1 / 4
_TOO_MANY: Final = 1 / 2
"""Of the most at once, how many may be waiting inside the engine: below the first share more are given to it, above the
second fewer. With four actions a core that is one and two waiting for each core."""

_LEARNING: Final = 0.01
"""By how much of the difference a slower start lifts what counts as quickest, if it had (nearly) nobody to wait for: an
engine that has become slower is known so after some hundred of them."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """``most``: actions at once that are never exceeded."""

    most: int
    width: float
    """Actions at once now; it moves by fractions."""
    quickest: float | None = None
    """Seconds that a start takes when it waits for nobody; ``None``: none was seen yet."""
    filled_at: float = -math.inf
    """The moment at which the bucket is full again."""


def throttle(most: int) -> Throttle:
    """Half open: how much the engine takes is not known yet."""
    return Throttle(most, max(most / 2, min(NARROWEST, most)))


def next_at(throttle: Throttle, busy: int) -> float:
    """The moment from which one more may begin beside ``busy`` others; infinite: not before one of them ends."""
    if busy >= int(throttle.width):
        return math.inf
    return throttle.filled_at + SPREAD / throttle.most - SPREAD


def begun(throttle: Throttle, now: float, jitter: float) -> Throttle:
    """``jitter``: by how much to stretch the time to the next, a fraction."""
    return replace(throttle, filled_at=max(throttle.filled_at, now) + (1 + jitter) * SPREAD / throttle.most)


def answered(throttle: Throttle, took: float, busy: int) -> Throttle:
    """A start worked, ``took`` seconds after it was ordered; ``busy``: how many were under way until then, with it."""
    quickest = took if throttle.quickest is None else min(throttle.quickest, took)
    if busy <= NARROWEST:
        quickest += (took - quickest) * _LEARNING
    waiting = busy * (1 - quickest / took) if took > 0 else 0.0
    width = throttle.width
    if waiting > throttle.most * _TOO_MANY:
        width -= 1 / width
    elif waiting < throttle.most * _TOO_FEW and busy >= int(width):
        width += 1 / width
    narrowest = min(NARROWEST, throttle.most)
    return replace(throttle, quickest=quickest, width=min(max(width, narrowest), throttle.most))
