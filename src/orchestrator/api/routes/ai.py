"""``/api/health/ai-services``: whether to send them work, and what their health checks told in the last hour."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from orchestrator.api import schemas
from orchestrator.api.answers import ACCESS
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.circuit import Circuit
from orchestrator.core.model import Status
from orchestrator.ports import Clock
from orchestrator.runtime.views import timestamp
from orchestrator.runtime.vitals import VitalsView


class AiService(BaseModel):
    name: str
    display_name: str
    status: Status
    circuit: Circuit = Field(
        description="closed: it is well; half_open: it starts or is being restarted; open: down, ill or disabled."
    )
    last_check: schemas.Health | None = Field(description="The newest health question; null: none yet.")
    error_rate: float | None = Field(description="Failed among the answered probes of the last hour; null: none.")
    latency_p50_ms: float | None = Field(description="Of the answered probes of the last hour; null: none.")
    latency_p99_ms: float | None
    samples: int = Field(description="Answered probes of the last hour, by this process.")
    unknown: int = Field(description="Probes of the last hour that could not be asked: no errors.")
    model_loaded: bool | None = Field(description="This and the next two: from its own health body; null: not sent.")
    gpu_memory_used_mb: float | None
    inference_ready: bool | None

    @classmethod
    def of(cls, view: VitalsView) -> AiService:
        service, figures, gpu = view.service, view.figures, view.gpu
        return cls(
            name=service.name,
            display_name=service.display_name,
            status=service.status,
            circuit=view.circuit,
            last_check=None if service.health is None else schemas.Health.of(service.health),
            error_rate=round(figures.errors / figures.samples, 6) if figures.samples else None,
            latency_p50_ms=figures.p50_ms,
            latency_p99_ms=figures.p99_ms,
            samples=figures.samples,
            unknown=figures.unknown,
            model_loaded=gpu.model_loaded,
            gpu_memory_used_mb=gpu.gpu_memory_used_mb,
            inference_ready=gpu.inference_ready,
        )


class AiHealth(BaseModel):
    services: list[AiService] = Field(description="In the order of their names.")
    timestamp: schemas.Timestamp


class AiRoutes:
    """``/api/health/ai-services``."""

    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/health", tags=["health"])
        responses = ACCESS
        router.get("/ai-services", summary="Circuits, errors and latencies", responses=responses)(self.ai_services)
        return router

    async def ai_services(self) -> AiHealth:
        return AiHealth(
            services=[AiService.of(view) for view in self._orchestrator.vitals()],
            timestamp=timestamp(self._clock.now().wall),
        )
