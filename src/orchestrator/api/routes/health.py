"""``/api/system/health``: how the services and the orchestrator itself are, and what happened."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from orchestrator.api import schemas
from orchestrator.api.answers import ACCESS, ONE, problems
from orchestrator.api.problems import BrainStalled
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.strain import STALLED_AFTER
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock
from orchestrator.runtime.views import timestamp


class HealthRoutes:
    """``/api/system/health``."""

    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system/health", tags=["health"])
        down = "Unhealthy: a critical service is down. The body is that of 200."
        overall = {**ACCESS, 503: {"model": schemas.SystemHealth, "description": down}}
        full = {**ACCESS, 503: {"model": schemas.FullHealth, "description": down}}
        events = {**ONE, **problems(s503="The store cannot be read.")}
        live = problems(s503="It does not: restart it.")
        router.get("", summary="Healthy, degraded or unhealthy", responses=overall)(self.system_health)
        router.get("/live", summary="Whether the orchestrator itself works", responses=live)(self.liveness)
        router.get("/full", summary="Services, internal workers, engine, store", responses=full)(self.full_health)
        router.get("/events", summary="What happened, newest first", responses=events)(self.health_events)
        return router

    async def system_health(self, response: Response) -> schemas.SystemHealth:
        view = self._orchestrator.system()
        response.status_code = _health_code(view.status)
        return schemas.SystemHealth(
            status=view.status,
            services=schemas.Tally.of(view.services),
            engine_reachable=view.engine.reachable,
            engine_detail=view.engine.detail,
            restarts_paused=view.restarts_paused,
            dry_run=view.dry_run,
            version=view.version,
            timestamp=self._now(),
        )

    async def liveness(self) -> schemas.Liveness:
        view = self._orchestrator.system()
        silent = self._clock.now().wall - view.last_turn_at
        if silent > STALLED_AFTER:
            raise BrainStalled(f"No decision was taken for {silent:.0f} s: restart the orchestrator. Its log says why.")
        return schemas.Liveness(turns=view.turns, timestamp=self._now())

    async def full_health(self, response: Response) -> schemas.FullHealth:
        view = self._orchestrator.system()
        response.status_code = _health_code(view.status)
        return schemas.FullHealth.of(view, self._orchestrator.broadcast.clients, self._clock.now().wall)

    async def health_events(
        self,
        limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 50,
        service: Annotated[str | None, Query(description="Only those of this service.")] = None,
        before: Annotated[int | None, Query(ge=1, description="Only those with a smaller `sequence`.")] = None,
        since: Annotated[int | None, Query(ge=0, description="Only those with a larger `sequence`.")] = None,
    ) -> schemas.EventList:
        records = await self._orchestrator.events(limit, service=service, before=before, since=since)
        everything = before is None and since is None
        if not records and everything and service is not None and self._orchestrator.service(service) is None:
            # A service that is gone keeps its events: only a name that left no trace is a mistake.
            raise UnknownService(service, [one.name for one in self._orchestrator.services()])
        return schemas.EventList.of(records, limit)

    def _now(self) -> str:
        return timestamp(self._clock.now().wall)


def _health_code(status: schemas.Overall) -> int:
    return 503 if status == "unhealthy" else 200
