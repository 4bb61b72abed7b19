"""How long the newest probes of each service took: for its chart, in memory, begun with this process."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Final

from orchestrator.core.model import ProbeResult, ServiceSpec, Verdict
from orchestrator.runtime.observer import Observer

MOST_SAMPLES: Final = 720
"""Probes of one service that are remembered: six hours of them at the usual interval."""
_SLACK: Final = 2
"""What is beyond is let go of when it is so many times too much: to move all of it at every probe costs more."""
_VERDICTS: Final = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class SampleView:
    """One probe."""

    at: float
    """Wall time."""
    verdict: Verdict
    latency_ms: float | None
    """``None``: there was no answer to time."""


class _Series:
    """13 bytes a sample: there are hundreds of services."""

    def __init__(self) -> None:
        self.at = array("d")
        self.latency = array("f")
        """Milliseconds; not a number where there is none."""
        self.verdict = array("b")

    def add(self, result: ProbeResult) -> None:
        self.at.append(result.checked.wall)
        self.latency.append(math.nan if result.latency is None else result.latency * 1000)
        self.verdict.append(_VERDICTS.index(result.verdict))
        if len(self.at) > _SLACK * MOST_SAMPLES:
            for column in (self.at, self.latency, self.verdict):
                del column[:-MOST_SAMPLES]

    def newest(self, most: int) -> tuple[SampleView, ...]:
        newest = slice(-most, None)
        rows = zip(self.at[newest], self.verdict[newest], self.latency[newest], strict=True)
        return tuple(
            SampleView(at, _VERDICTS[verdict], None if math.isnan(latency) else round(latency, 3))
            for at, verdict, latency in rows
        )


class Latencies(Observer):
    """Told of every probe; asked by the faces."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def probed(self, spec: ServiceSpec, result: ProbeResult) -> None:
        self._series.setdefault(spec.name, _Series()).add(result)

    def gone(self, name: str) -> None:
        self._series.pop(name, None)

    def of(self, name: str, most: int = MOST_SAMPLES) -> tuple[SampleView, ...]:
        """Oldest first, at most ``MOST_SAMPLES``; empty for a service that was not asked yet."""
        series = self._series.get(name)
        return () if series is None else series.newest(min(most, MOST_SAMPLES))
