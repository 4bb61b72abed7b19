"""``/api/system/services``: listing, one service, and the commands. Views are read and commands handed over; nothing
is decided here."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from orchestrator.api import schemas
from orchestrator.api.answers import CHANGE, ONE, READ, VERIFIED
from orchestrator.api.problems import ActionFailed, CommandOverdue, CommandRefused, Unverified
from orchestrator.api.security import requester_of
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.ending import Ending
from orchestrator.core.messages import Command, Disable, Enable, Restart, Start, Stop
from orchestrator.core.model import Category
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock
from orchestrator.runtime.views import ServiceView, timestamp

COMMAND_DEADLINE: Final = 10.0
"""Seconds for the orchestrator to decide on a command; carrying it out takes as long as it takes."""

PATIENCE: Final = 120.0
"""Seconds that a client waits for an outcome unless it says otherwise: a model takes its time to load."""
LONGEST_WAIT: Final = 3600.0

Name = Annotated[str, Path(description="The service's name.", examples=["ai-yolo26"])]
Wait = Annotated[bool, Query(description="Answer 200 when the outcome was seen, instead of 202 at once.")]
Timeout = Annotated[float, Query(gt=0, le=LONGEST_WAIT, description="With `wait`: so many seconds at the most.")]


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
        seen = {"model": schemas.ActionAnswer, "description": "With `wait`: done, and seen to have worked."}
        slow: dict[int | str, dict[str, Any]] = {**VERIFIED, 200: seen}
        for path, endpoint, status, summary, responses in (
            ("/{name}/restart", self.restart_service, 202, "Restart now", slow),
            ("/{name}/start", self.start_service, 202, "Start", slow),
            ("/{name}/stop", self.stop_service, 202, "Stop, and keep stopped", slow),
            ("/{name}/enable", self.enable_service, 200, "Heal it automatically again", CHANGE),
            ("/{name}/disable", self.disable_service, 200, "Watch it, but never act on it", CHANGE),
        ):
            router.post(path, status_code=status, summary=summary, responses=responses)(endpoint)
        return router

    async def list_services(
        self,
        category: Annotated[Category | None, Query(description="Only services of this one.")] = None,
        limit: Annotated[int | None, Query(ge=1, le=1000, description="At most so many; without it, all.")] = None,
        after: Annotated[str | None, Query(description="Only those that come after this name.")] = None,
    ) -> schemas.ServiceList:
        views = self._orchestrator.services()
        listed = [view for view in views if category in (None, view.category) and (after is None or view.name > after)]
        page = listed[:limit]
        return schemas.ServiceList(
            services=[schemas.Service.of(view) for view in page],
            next_after=page[-1].name if len(page) < len(listed) else None,
            by_category=schemas.by_category(views),
            timestamp=timestamp(self._clock.now().wall),
        )

    async def get_service(self, name: Name) -> schemas.Service:
        return schemas.Service.of(self.require(name))

    async def restart_service(
        self,
        request: Request,
        response: Response,
        name: Name,
        *,
        reset_failures: Annotated[bool, Query(description="Also forget the failures counted so far.")] = False,
        wait: Wait = False,
        timeout: Timeout = PATIENCE,
    ) -> schemas.ActionAnswer:
        command = Restart(str(requester_of(request.scope)), reset_failures=reset_failures)
        return await self._slow_command(request, response, name, command, timeout if wait else None)

    async def start_service(
        self, request: Request, response: Response, name: Name, wait: Wait = False, timeout: Timeout = PATIENCE
    ) -> schemas.ActionAnswer:
        command = Start(str(requester_of(request.scope)))
        return await self._slow_command(request, response, name, command, timeout if wait else None)

    async def stop_service(
        self, request: Request, response: Response, name: Name, wait: Wait = False, timeout: Timeout = PATIENCE
    ) -> schemas.ActionAnswer:
        command = Stop(str(requester_of(request.scope)))
        return await self._slow_command(request, response, name, command, timeout if wait else None)

    async def enable_service(self, request: Request, name: Name) -> schemas.ActionAnswer:
        return await self.command(request, name, Enable(str(requester_of(request.scope))))

    async def disable_service(self, request: Request, name: Name) -> schemas.ActionAnswer:
        return await self.command(request, name, Disable(str(requester_of(request.scope))))

    async def _slow_command(
        self, request: Request, response: Response, name: str, command: Command, patience: float | None
    ) -> schemas.ActionAnswer:
        """``patience``: seconds to wait for the outcome; ``None``: not at all."""
        if patience is None:
            return await self.command(request, name, command)
        ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        try:
            answer = await self.command(request, name, command, ending)
            ended = await _unless_gone(request, ending, patience)
        finally:
            ending.cancel()
        if ended is None:
            raise Unverified(
                f"{name} was not seen to have ended what was asked for within {patience:g} s; it goes on. "
                f"Look at /api/system/services/{name} before you repeat it."
            )
        if not ended.verified:
            raise ActionFailed(f"{name}: {ended.words}")
        response.status_code = 200
        view = self._orchestrator.service(name)
        service = answer.service if view is None else schemas.Service.of(view)
        return schemas.ActionAnswer(message=f"{name}: {ended.words}", service=service)

    async def command(
        self, request: Request, name: str, command: Command, ending: asyncio.Future[Ending] | None = None
    ) -> schemas.ActionAnswer:
        """As soon as it is decided; a refusal is raised."""
        before = self.require(name)
        try:
            async with asyncio.timeout(self._command_deadline):
                reply = await self._orchestrator.command(name, command, ending, requester=requester_of(request.scope))
        except TimeoutError:
            raise CommandOverdue(
                f"The orchestrator did not decide within {self._command_deadline:.0f} s; it may still carry the "
                f"command out. Look at /api/system/services/{name} before you repeat it."
            ) from None
        if not reply.accepted:
            raise CommandRefused(reply)
        view = self._orchestrator.service(name) or before
        return schemas.ActionAnswer(message=reply.message, service=schemas.Service.of(view))

    def require(self, name: str) -> ServiceView:
        view = self._orchestrator.service(name)
        if view is None:
            raise UnknownService(name, [one.name for one in self._orchestrator.services()])
        return view


async def _unless_gone(request: Request, ending: asyncio.Future[Ending], patience: float) -> Ending | None:
    """How it ended; ``None``: not in time, or the client did not wait for it."""
    gone = asyncio.create_task(_disconnected(request), name="client waits")
    try:
        either: set[asyncio.Future[Any]] = {ending, gone}
        await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    return ending.result() if ending.done() else None


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
