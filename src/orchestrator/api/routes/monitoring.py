"""``/api/system/monitoring/health``: the monitoring services, and Prometheus' own view of what it scrapes."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from orchestrator.api import schemas
from orchestrator.api.answers import ACCESS
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.model import Status
from orchestrator.core.scrape import Means
from orchestrator.ports import Clock
from orchestrator.runtime.monitoring import MonitoringView, PrometheusView, TargetView
from orchestrator.runtime.views import timestamp

ScrapeHealth = Literal["up", "down", "unknown"]
_WORST_FIRST: Final[tuple[ScrapeHealth, ...]] = ("down", "unknown", "up")


class MonitoringService(BaseModel):
    name: str
    display_name: str
    status: Status
    reason: str
    health: schemas.Health | None
    scraped: ScrapeHealth | None = Field(description="The worst of its targets, by Prometheus; null: it has none.")


class TargetSeen(BaseModel):
    """One target of Prometheus."""

    job: str
    instance: str
    health: ScrapeHealth
    last_error: str = Field(description="Prometheus' own words; empty: none.")
    last_scrape: schemas.Timestamp | None
    service: str | None = Field(description="Which of our services it is, as far as it can be told.")
    matched_by: Means | None = Field(description="What told it: its host, a port of this machine, or only its job.")

    @classmethod
    def of(cls, view: TargetView) -> TargetSeen:
        target = view.target
        return cls(
            job=target.job,
            instance=target.instance,
            health=target.health,
            last_error=target.last_error,
            last_scrape=None if target.last_scrape is None else timestamp(target.last_scrape),
            service=view.service,
            matched_by=view.matched_by,
        )


class PrometheusSeen(BaseModel):
    reachable: bool
    detail: str = Field(description="Why its targets cannot be told; empty when they can.")
    address: str | None = Field(examples=["http://127.0.0.1:9090"])
    asked_at: schemas.Timestamp | None
    targets: list[TargetSeen]

    @classmethod
    def of(cls, view: PrometheusView) -> PrometheusSeen:
        return cls(
            reachable=not view.detail,
            detail=f"Prometheus cannot be asked: {view.detail}" if view.detail else "",
            address=view.address,
            asked_at=None if view.asked_at is None else timestamp(view.asked_at),
            targets=[TargetSeen.of(one) for one in view.targets],
        )


class MonitoringHealth(BaseModel):
    services: list[MonitoringService] = Field(description="Of the category `monitoring`, in the order of their names.")
    prometheus: PrometheusSeen | None = Field(description="null: no service is named `prometheus`.")
    timestamp: schemas.Timestamp


class MonitoringRoutes:
    """``/api/system/monitoring/health``."""

    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system/monitoring", tags=["health"])
        summary = "The monitoring services, and Prometheus' view of its targets"
        router.get("/health", summary=summary, responses=ACCESS)(self.monitoring_health)
        return router

    async def monitoring_health(self) -> MonitoringHealth:
        view = await self._orchestrator.monitoring()
        return MonitoringHealth(
            services=_services(view),
            prometheus=None if view.prometheus is None else PrometheusSeen.of(view.prometheus),
            timestamp=timestamp(self._clock.now().wall),
        )


def _services(view: MonitoringView) -> list[MonitoringService]:
    targets = () if view.prometheus is None else view.prometheus.targets
    return [
        MonitoringService(
            name=service.name,
            display_name=service.display_name,
            status=service.status,
            reason=service.reason,
            health=None if service.health is None else schemas.Health.of(service.health),
            scraped=_worst({one.target.health for one in targets if one.service == service.name}),
        )
        for service in view.services
    ]


def _worst(seen: set[ScrapeHealth]) -> ScrapeHealth | None:
    return next((health for health in _WORST_FIRST if health in seen), None)
