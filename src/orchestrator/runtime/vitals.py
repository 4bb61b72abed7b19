"""What the health checks of the AI services told in the last hour: errors and latencies of the probes really made."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.core.circuit import Circuit, circuit_of
from orchestrator.core.model import Category, Instant, ProbeResult, ServiceSpec, Verdict
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import ServiceRegistry
from orchestrator.runtime.views import ServiceView

WINDOW: Final = 3600.0
"""Seconds that a probe counts."""
MOST_SAMPLES: Final = 10_000
"""Probes of one service that are kept: an hour of them, unless it is asked more than twice a second."""
_LARGEST_MEMORY: Final = 1e9
"""Megabytes beyond which a figure of GPU memory is no figure."""


@dataclass(frozen=True, slots=True)
class GpuView:
    """What the service says of itself in the body of its health endpoint; ``None``: it does not, or not sensibly."""

    model_loaded: bool | None = None
    gpu_memory_used_mb: float | None = None
    inference_ready: bool | None = None


@dataclass(frozen=True, slots=True)
class FiguresView:
    """Of the probes of the last hour, as far as they were made by this process."""

    samples: int = 0
    """Answered probes."""
    errors: int = 0
    unknown: int = 0
    """Probes that could not be asked: no errors, and no samples."""
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class VitalsView:
    service: ServiceView
    circuit: Circuit
    figures: FiguresView
    gpu: GpuView


@dataclass(frozen=True, slots=True)
class _Sample:
    moment: float
    verdict: Verdict
    latency: float | None


class Vitals(Observer):
    """Remembers the probes of the AI services, bounded in time and number."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[_Sample]] = {}

    def probed(self, spec: ServiceSpec, result: ProbeResult) -> None:
        if spec.category is not Category.AI:
            return
        samples = self._samples.setdefault(spec.name, deque(maxlen=MOST_SAMPLES))
        samples.append(_Sample(result.checked.moment, result.verdict, result.latency))
        _expire(samples, result.checked.moment)

    def gone(self, name: str) -> None:
        self._samples.pop(name, None)

    def figures(self, name: str, now: Instant) -> FiguresView:
        samples = self._samples.get(name, deque())
        _expire(samples, now.moment)
        answered = [one for one in samples if one.verdict is not Verdict.UNKNOWN]
        latencies = sorted(one.latency for one in answered if one.latency is not None)
        return FiguresView(
            samples=len(answered),
            errors=sum(one.verdict is Verdict.FAIL for one in answered),
            unknown=len(samples) - len(answered),
            p50_ms=_percentile(latencies, 50),
            p99_ms=_percentile(latencies, 99),
        )

    def views(self, registry: ServiceRegistry, now: Instant) -> tuple[VitalsView, ...]:
        found: list[VitalsView] = []
        for service in registry.views(now):
            record = registry.get(service.name)
            if record is None or service.category is not Category.AI:
                continue
            body = None if record.probe is None else record.probe.body
            found.append(
                VitalsView(service, circuit_of(record.state), self.figures(service.name, now), gpu_of(body or {}))
            )
        return tuple(found)


def gpu_of(body: Mapping[str, object]) -> GpuView:
    """Its fields out of a foreign document: of the right type and within reason, or not at all."""
    loaded, ready, memory = body.get("model_loaded"), body.get("inference_ready"), body.get("gpu_memory_used_mb")
    sensible = isinstance(memory, int | float) and not isinstance(memory, bool) and 0 <= memory <= _LARGEST_MEMORY
    return GpuView(
        model_loaded=loaded if isinstance(loaded, bool) else None,
        gpu_memory_used_mb=float(memory) if sensible and isinstance(memory, int | float) else None,
        inference_ready=ready if isinstance(ready, bool) else None,
    )


def _expire(samples: deque[_Sample], now: float) -> None:
    while samples and now - samples[0].moment > WINDOW:
        samples.popleft()


def _percentile(ordered: Sequence[float], share: int) -> float | None:
    """The nearest rank, in milliseconds: a latency that was really seen."""
    if not ordered:
        return None
    return round(ordered[math.ceil(len(ordered) * share / 100) - 1] * 1000, 3)
