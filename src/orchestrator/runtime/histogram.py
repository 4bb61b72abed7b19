"""A distribution of seconds, counted in buckets: what a Prometheus histogram is made of."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import inf


class Histogram:
    """``bounds``: the inclusive upper bound of each bucket in seconds, growing; what is above all counts too."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of everything observed."""

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> list[tuple[float, int]]:
        """Upper bounds, the last of them infinite, each with how many were at most that."""
        return list(zip((*self._bounds, inf), accumulate(self._counts), strict=True))
