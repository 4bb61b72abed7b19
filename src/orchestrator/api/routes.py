"""The endpoints. They read views and hand over commands; nothing is decided here."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from orchestrator.api import schemas
from orchestrator.api.problems import BrainStalled, CommandOverdue, CommandRefused, Problem
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.messages import Command, Disable, Enable, Restart, Start, Stop
from orchestrator.core.model import Category
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock
from orchestrator.runtime.views import ServiceView, timestamp

COMMAND_DEADLINE: Final = 10.0
"""Seconds for the orchestrator to decide on a command; carrying it out takes as long as it takes."""

STALLED_AFTER: Final = 60.0
"""Seconds without a turn after which the brain is taken for dead; it turns every few seconds even when all is quiet."""

Name = Annotated[str, Path(description="The service's name.", examples=["ai-yolo26"])]


def _problems(**described: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the errors an endpoint can answer with, keyed ``s404="..."``."""
    return {int(key[1:]): {"model": Problem, "description": text} for key, text in described.items()}


ACCESS: Final = _problems(s401="A token is asked for.", s403="A foreign host or site.")
READ: Final = {**ACCESS, **_problems(s422="Bad input.", s500="Our own failure.")}
ONE: Final = {**READ, **_problems(s404="No such service.")}
CHANGE: Final = {
    **ONE,
    **_problems(
        s409="Refused as things stand: an action is in flight, or the service is disabled, paused, not ours to act on, "
        "or has no container.",
        s503="The engine cannot be reached, or the orchestrator did not decide in time.",
    ),
}


class ServiceRoutes:
    """``/api/system/services``."""

    def __init__(self, orchestrator: Supervisor, clock: Clock, command_deadline: float) -> None:
        self._orchestrator = orchestrator
        self._clock = clock
        self._command_deadline = command_deadline

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system/services", tags=["services"])
        router.get("", summary="All managed services", responses=READ)(self.list_services)
        router.get("/{name}", summary="One service", responses=ONE)(self.get_service)
        for path, endpoint, status, summary in (
            ("/{name}/restart", self.restart_service, 202, "Restart now"),
            ("/{name}/start", self.start_service, 202, "Start"),
            ("/{name}/stop", self.stop_service, 202, "Stop, and keep stopped"),
            ("/{name}/enable", self.enable_service, 200, "Heal it automatically again"),
            ("/{name}/disable", self.disable_service, 200, "Watch it, but never act on it"),
        ):
            router.post(path, status_code=status, summary=summary, responses=CHANGE)(endpoint)
        return router

    async def list_services(
        self, category: Annotated[Category | None, Query(description="Only services of this one.")] = None
    ) -> schemas.ServiceList:
        views = self._orchestrator.services()
        return schemas.ServiceList(
            services=[schemas.Service.of(view) for view in views if category in (None, view.category)],
            by_category=schemas.by_category(views),
            timestamp=timestamp(self._clock.now().wall),
        )

    async def get_service(self, name: Name) -> schemas.Service:
        return schemas.Service.of(self._require(name))

    async def restart_service(
        self,
        request: Request,
        name: Name,
        reset_failures: Annotated[bool, Query(description="Also forget the failures counted so far.")] = False,
    ) -> schemas.ActionAnswer:
        return await self._command(name, Restart(_actor(request), reset_failures=reset_failures))

    async def start_service(self, request: Request, name: Name) -> schemas.ActionAnswer:
        return await self._command(name, Start(_actor(request)))

    async def stop_service(self, request: Request, name: Name) -> schemas.ActionAnswer:
        return await self._command(name, Stop(_actor(request)))

    async def enable_service(self, request: Request, name: Name) -> schemas.ActionAnswer:
        return await self._command(name, Enable(_actor(request)))

    async def disable_service(self, request: Request, name: Name) -> schemas.ActionAnswer:
        return await self._command(name, Disable(_actor(request)))

    async def _command(self, name: str, command: Command) -> schemas.ActionAnswer:
        before = self._require(name)
        try:
            async with asyncio.timeout(self._command_deadline):
                reply = await self._orchestrator.command(name, command)
        except TimeoutError:
            raise CommandOverdue(
                f"The orchestrator did not decide within {self._command_deadline:.0f} s; it may still carry the "
                f"command out. Look at /api/system/services/{name} before you repeat it."
            ) from None
        if not reply.accepted:
            raise CommandRefused(reply)
        view = self._orchestrator.service(name) or before
        return schemas.ActionAnswer(message=reply.message, service=schemas.Service.of(view))

    def _require(self, name: str) -> ServiceView:
        view = self._orchestrator.service(name)
        if view is None:
            raise UnknownService(name, [one.name for one in self._orchestrator.services()])
        return view


def _actor(request: Request) -> str:
    """Who asked, for the journal."""
    return f"api from {request.client.host}" if request.client else "api"


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
        events = {**ONE, **_problems(s503="The store cannot be read.")}
        live = _problems(s503="It does not: restart it.")
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
        return schemas.FullHealth.of(view, self._clock.now().wall)

    async def health_events(
        self,
        limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 50,
        service: Annotated[str | None, Query(description="Only those of this service.")] = None,
        before: Annotated[int | None, Query(ge=1, description="Only those with a smaller `sequence`.")] = None,
    ) -> schemas.EventList:
        records = await self._orchestrator.events(limit, service=service, before=before)
        if not records and service is not None and before is None and self._orchestrator.service(service) is None:
            # A service that is gone keeps its events: only a name that left no trace is a mistake.
            raise UnknownService(service, [one.name for one in self._orchestrator.services()])
        return schemas.EventList.of(records, limit)

    def _now(self) -> str:
        return timestamp(self._clock.now().wall)


def _health_code(status: schemas.Overall) -> int:
    return 503 if status == "unhealthy" else 200
