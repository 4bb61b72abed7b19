"""``/api/system/up`` and ``/down``: many services at once, in the order of their dependencies.

Each is asked for by a command of its own; when its turn comes, the orchestrator decides. Nothing is scheduled here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from orchestrator.api.answers import ONE, problems
from orchestrator.api.problems import CommandRefused, UnknownProject
from orchestrator.api.routes.services import ServiceRoutes
from orchestrator.api.security import requester_of
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.graph import closure
from orchestrator.core.messages import Command, Down, Up
from orchestrator.core.model import Status
from orchestrator.errors import UnknownService
from orchestrator.runtime.views import ServiceView

Names = Annotated[list[str], Query(alias="name", description="Only these services; repeatable.")]
Project = Annotated[str | None, Query(description="Only the services of this compose project.")]

_ANSWERS: Final = {
    **ONE,
    **problems(
        s404="No such service, or no service of such a project.",
        s503="The engine cannot be reached, or the orchestrator did not decide in time.",
    ),
}


class Asked(BaseModel):
    """One service of many."""

    name: str
    phase: int = Field(description="Its place in the order, from 1.")
    accepted: bool
    code: str = Field(description="Why not, for machines; empty when it was accepted.", examples=["disabled"])
    message: str = Field(description="What is done next, or why nothing is.")
    status: Status = Field(description="As decided in answer to this.")
    at_rest: bool = Field(description="Down on purpose.")
    requires: list[str]
    wants: list[str]


class Rollout(BaseModel):
    """What was asked for, and of whom. Accepted is not done: the live stream tells how it goes."""

    message: str = Field(examples=["14 services are brought up in 4 phases"])
    phases: list[list[str]] = Field(description="In the order in which they are acted on; names sorted within a phase.")
    services: list[Asked] = Field(description="In that order.")


class RolloutRoutes:
    """``POST /api/system/up`` and ``/down``."""

    def __init__(self, orchestrator: Supervisor, services: ServiceRoutes) -> None:
        self._orchestrator = orchestrator
        self._services = services

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["services"])
        for path, endpoint, summary in (
            ("/up", self.bring_up, "Start services in the order of their dependencies"),
            ("/down", self.bring_down, "Stop services in the reverse order, and keep them stopped"),
        ):
            router.post(path, status_code=202, summary=summary, responses=_ANSWERS)(endpoint)
        return router

    async def bring_up(self, request: Request, names: Names = [], project: Project = None) -> Rollout:  # noqa: B006
        """With those that they require. Without any name or project: all but what nobody declared and somebody left
        stopped or never started."""
        actor, named = str(requester_of(request.scope)), bool(names) or project is not None
        views = self._orchestrator.services()
        chosen = closure(_chosen(views, names, project), {view.name: view.requires for view in views})
        return await self._ask(request, self._phases(chosen), lambda: Up(actor, named), "brought up")

    async def bring_down(
        self,
        request: Request,
        names: Names = [],  # noqa: B006
        project: Project = None,
        *,
        force: Annotated[bool, Query(description="Also what others require that are to go on.")] = False,
    ) -> Rollout:
        """Each is stopped when those that require it are down. One that another one requires, which is to go on, is
        refused, unless by ``force``."""
        actor = str(requester_of(request.scope))
        chosen = _chosen(self._orchestrator.services(), names, project)
        return await self._ask(request, self._phases(chosen)[::-1], lambda: Down(actor, force), "taken down")

    def _phases(self, chosen: Collection[str]) -> list[list[str]]:
        phases = ([name for name in phase if name in chosen] for phase in self._orchestrator.graph().phases)
        return [phase for phase in phases if phase]

    async def _ask(
        self, request: Request, phases: list[list[str]], command: Callable[[], Command], done: str
    ) -> Rollout:
        """One after the other: each is decided within a turn, and knows what the others were asked for before."""
        asked = [
            await self._ask_one(request, name, number, command())
            for number, phase in enumerate(phases, 1)
            for name in phase
        ]
        accepted = sum(one.accepted for one in asked)
        message = f"{_count(accepted, 'service')} {'is' if accepted == 1 else 'are'} {done}"
        if left := len(asked) - accepted:
            message += f", {left} left as {'it is' if left == 1 else 'they are'}"
        return Rollout(message=f"{message}, in {_count(len(phases), 'phase')}", phases=phases, services=asked)

    async def _ask_one(self, request: Request, name: str, phase: int, command: Command) -> Asked:
        code: str = ""
        try:
            answer = await self._services.command(request, name, command)
        except CommandRefused as refused:
            if refused.reply.conflict == "engine_away":
                raise
            message, code = refused.reply.message, refused.reply.conflict or "refused"
        else:
            message = answer.message
        view = self._services.require(name)
        return Asked(
            name=name,
            phase=phase,
            accepted=not code,
            code=code,
            message=message,
            status=view.status,
            at_rest=view.at_rest,
            requires=list(view.requires),
            wants=list(view.wants),
        )


def _chosen(views: Sequence[ServiceView], names: Sequence[str], project: str | None) -> frozenset[str]:
    known = frozenset(view.name for view in views if project in (None, view.project))
    if project is not None and not known:
        raise UnknownProject(project, {view.project for view in views if view.project is not None})
    for name in names:
        if name not in known:
            raise UnknownService(name, known)
    return frozenset(names) if names else known


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
