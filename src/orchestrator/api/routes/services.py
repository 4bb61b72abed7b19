"""``/api/system/services``: listing, one service, and the commands. Views are read and commands handed over; nothing
is decided here."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request

from orchestrator.api import schemas
from orchestrator.api.answers import CHANGE, ONE, READ
from orchestrator.api.problems import CommandOverdue, CommandRefused
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.messages import Command, Disable, Enable, Restart, Start, Stop
from orchestrator.core.model import Category
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock
from orchestrator.runtime.views import ServiceView, timestamp

COMMAND_DEADLINE: Final = 10.0
"""Seconds for the orchestrator to decide on a command; carrying it out takes as long as it takes."""

Name = Annotated[str, Path(description="The service's name.", examples=["ai-yolo26"])]


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
