"""The monitoring services as we see them, and what Prometheus, one of them, sees of its own targets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from orchestrator.core.model import Category, ContainerState, Instant
from orchestrator.core.reach import Address, reach
from orchestrator.core.scrape import Means, place_of, whose
from orchestrator.ports import Clock, ContainerEngine, Prometheus, ScrapeTarget, Target
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.views import ServiceView

PROMETHEUS: Final = "prometheus"
"""The service that is asked."""
ANSWER_WITHIN: Final = 2.0
"""Seconds."""
FRESH: Final = 5.0
"""Seconds for which one answer, also none, serves all who ask: Prometheus itself looks less often."""


@dataclass(frozen=True, slots=True)
class TargetView:
    target: ScrapeTarget
    service: str | None
    """Which of our services it is; ``None``: none, or it cannot be told."""
    matched_by: Means | None


@dataclass(frozen=True, slots=True)
class PrometheusView:
    address: str | None
    """Where it was asked, ``http://127.0.0.1:9090``; ``None``: it could not be asked."""
    detail: str
    """In words why its targets cannot be told; empty: here they are."""
    asked_at: float | None
    """Wall time."""
    targets: tuple[TargetView, ...]


@dataclass(frozen=True, slots=True)
class MonitoringView:
    services: tuple[ServiceView, ...]
    prometheus: PrometheusView | None
    """``None``: no service is Prometheus."""


@dataclass(frozen=True, slots=True)
class _Answer:
    target: Target
    at: Instant
    told: tuple[ScrapeTarget, ...] | str


class Monitoring:
    """Asks at most once every few seconds, however many want to know; the brain has no part in it."""

    def __init__(
        self, registry: ServiceRegistry, prometheus: Prometheus, engine: ContainerEngine, clock: Clock
    ) -> None:
        self._registry = registry
        self._prometheus = prometheus
        self._engine = engine
        self._clock = clock
        self._turn = asyncio.Lock()
        self._newest: _Answer | None = None

    async def view(self) -> MonitoringView:
        prometheus = await self._view_of_prometheus()
        views = self._registry.views(self._clock.now())
        return MonitoringView(tuple(one for one in views if one.category is Category.MONITORING), prometheus)

    async def _view_of_prometheus(self) -> PrometheusView | None:
        record = self._registry.get(PROMETHEUS)
        if record is None:
            return None
        target = self._target(record)
        if isinstance(target, str):
            return PrometheusView(None, target, None, ())
        answer = await self._ask(target)
        host = f"[{target.host}]" if ":" in str(target.host) else target.host
        told, detail = ((), answer.told) if isinstance(answer.told, str) else (answer.told, "")
        return PrometheusView(f"http://{host}:{target.port}", detail, answer.at.wall, self._matched(told, record))

    def _target(self, record: Record) -> Target | str:
        """Where health checks would ask it; also while the engine is away, as long as it was seen once."""
        container = record.container
        if container is None:
            return "it has no container"
        if container.state is not ContainerState.RUNNING:
            return f"its container is {container.state}"
        where = reach(record.spec, self._registry.as_reached(container), self._engine.published_host)
        if not isinstance(where, Address):
            return where
        return Target(container.container_id, where.host, where.port, doubtful=where.inside and not record.reached)

    async def _ask(self, target: Target) -> _Answer:
        async with self._turn:
            newest, now = self._newest, self._clock.now()
            if newest is not None and newest.target == target and now.moment - newest.at.moment < FRESH:
                return newest
            told = await self._prometheus.targets(target, ANSWER_WITHIN)
            self._newest = _Answer(target, self._clock.now(), told)
            return self._newest

    def _matched(self, told: tuple[ScrapeTarget, ...], prometheus: Record) -> tuple[TargetView, ...]:
        places = {
            name: place_of(record.spec, record.container and self._registry.as_reached(record.container))
            for name, record in sorted(self._registry.items())
        }
        # It may have left the list while we waited for its answer.
        scraper = places.get(PROMETHEUS) or place_of(prometheus.spec, prometheus.container)
        views = []
        for one in told:
            service, means = whose(one.host, one.port, one.job, places.values(), scraper) or (None, None)
            views.append(TargetView(one, service, means))
        return tuple(views)
