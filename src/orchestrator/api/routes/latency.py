"""``/api/system/latency`` and a service's own: how long the newest probes took, for charts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from orchestrator.api.answers import ONE, READ
from orchestrator.api.schemas import Timestamp
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.model import Verdict
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock
from orchestrator.runtime.latencies import MOST_SAMPLES, SampleView
from orchestrator.runtime.views import timestamp


class Sample(BaseModel):
    at: Timestamp
    verdict: Verdict
    latency_ms: float | None = Field(description="null: there was no answer to time.")

    @classmethod
    def of(cls, view: SampleView) -> Sample:
        return cls(at=timestamp(view.at), verdict=view.verdict, latency_ms=view.latency_ms)


class ServiceLatency(BaseModel):
    service: str
    samples: list[Sample] = Field(description=f"Oldest first, the newest {MOST_SAMPLES}; begun with this process.")
    timestamp: Timestamp


class Latency(BaseModel):
    services: dict[str, list[float | None]] = Field(description="Milliseconds, oldest first; null: no answer.")
    timestamp: Timestamp


class LatencyRoutes:
    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["services"])
        router.get("/latency", summary="The newest probes of every service, in short", responses=READ)(self.latencies)
        router.get("/services/{name}/latency", summary="A service's newest probes", responses=ONE)(self.latency)
        return router

    async def latencies(
        self, samples: Annotated[int, Query(ge=1, le=120, description="Of each service, at most so many.")] = 30
    ) -> Latency:
        names = [view.name for view in self._orchestrator.services()]
        services = {name: [one.latency_ms for one in self._orchestrator.latency(name, samples)] for name in names}
        return Latency(services=services, timestamp=self._now())

    async def latency(self, name: Annotated[str, Path(description="The service's name.")]) -> ServiceLatency:
        if self._orchestrator.service(name) is None:
            raise UnknownService(name, [one.name for one in self._orchestrator.services()])
        samples = [Sample.of(view) for view in self._orchestrator.latency(name, MOST_SAMPLES)]
        return ServiceLatency(service=name, samples=samples, timestamp=self._now())

    def _now(self) -> str:
        return timestamp(self._clock.now().wall)
