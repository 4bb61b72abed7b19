"""What a start-up took so long for: the chain of services of which each began when the one before it had ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

_SAME_MOMENT: Final = 0.005
"""Seconds. Times that are told in milliseconds are as good as equal."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a service began to start, or to stop, and when it was done; seconds since it was asked for."""

    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    waited: float
    """Seconds from the end of the step before, or from the beginning, until it began."""
    took: float


def critical_path(spans: Mapping[str, Span], waits_for: Mapping[str, Collection[str]]) -> tuple[Step, ...]:
    """From what began first to what ended last; empty without spans.

    ``waits_for``: whose end each one may have waited for. One that ended only after the other had begun was not
    waited for to the end.
    """
    steps: list[Step] = []
    name = max(spans, key=lambda each: (spans[each].ended, each), default=None)
    while name is not None:
        span = spans[name]
        before = [each for each in waits_for.get(name, ()) if _ended_before(spans.get(each), span)]
        earlier = max(before, key=lambda each: (spans[each].ended, each), default=None)
        since = 0.0 if earlier is None else spans[earlier].ended
        steps.append(Step(name, max(span.begun - since, 0.0), span.ended - span.begun))
        name = earlier
    return tuple(reversed(steps))


def _ended_before(one: Span | None, other: Span) -> bool:
    return one is not None and one.ended <= other.begun + _SAME_MOMENT and one.ended < other.ended
