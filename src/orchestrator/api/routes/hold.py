"""Maintenance: services, or all of a compose project, left alone for a while at a person's request."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestrator.api import schemas
from orchestrator.api.answers import CHANGE
from orchestrator.api.problems import UnknownProject
from orchestrator.api.routes.services import Name, ServiceRoutes
from orchestrator.api.security import requester_of
from orchestrator.api.supervisor import Supervisor
from orchestrator.configuration import values
from orchestrator.core.holding import LONGEST, span
from orchestrator.core.messages import Command, Hold, Release

USUAL: Final = 3600.0
"""Seconds."""
LONGEST_REASON: Final = 200
"""Characters."""


def _duration(written: object) -> object:
    try:
        seconds = values.Duration(shortest=1.0)(written)
    except ValueError as error:
        raise _wrong(str(error)) from None
    if isinstance(seconds, float) and seconds > LONGEST:
        raise _wrong(f"{written} is too long; the most is {span(LONGEST)}; `disable` has no end")
    return seconds


def _wrong(fact: str) -> PydanticCustomError:
    """In our words alone."""
    return PydanticCustomError("duration", "{fact}", {"fact": fact})


def _one_line(text: str) -> str:
    return " ".join(text.split())


_IN_UNITS: Final = {
    "type": "string",
    "pattern": "^([1-9][0-9]?[smh]|[1-9][0-9]?h[1-9][0-9]?m|[1-7]d)$",
    "examples": ["30m", "1h30m"],
}
"""Every text of this shape is within the bounds; others are read, too."""

For = Annotated[
    float,
    BeforeValidator(_duration),
    WithJsonSchema({"anyOf": [_IN_UNITS, {"type": "number", "minimum": 1, "maximum": LONGEST}]}),
    Query(alias="for", description="How long: `30m`, `1h30m`, or seconds; from 1s to 7d."),
]
Why = Annotated[str, Query(max_length=LONGEST_REASON, description="What for, in words for the others.")]
Project = Annotated[str, Path(description="The compose project.", examples=["shop"])]


class ProjectAnswer(BaseModel):
    """It was done for every service that the project has now."""

    success: bool = True
    message: str = Field(examples=["project shop is held for 30m: db, web"])
    services: list[schemas.Service]


class HoldRoutes:
    """``hold`` and ``release`` under ``/api/system/services/{name}`` and ``/api/system/projects/{project}``."""

    def __init__(self, orchestrator: Supervisor, services: ServiceRoutes) -> None:
        self._orchestrator = orchestrator
        self._services = services

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["services"])
        one, all_ = "/services/{name}", "/projects/{project}"
        router.post(f"{one}/hold", summary="Leave it alone for a while", responses=CHANGE)(self.hold_service)
        router.post(f"{one}/release", summary="End a hold early", responses=CHANGE)(self.release_service)
        router.post(f"{all_}/hold", summary="Leave a project alone", responses=CHANGE)(self.hold_project)
        router.post(f"{all_}/release", summary="End its holds early", responses=CHANGE)(self.release_project)
        return router

    async def hold_service(
        self, request: Request, name: Name, seconds: For = USUAL, why: Why = ""
    ) -> schemas.ActionAnswer:
        return await self._services.command(request, name, Hold(_actor(request), seconds, _one_line(why)))

    async def release_service(self, request: Request, name: Name) -> schemas.ActionAnswer:
        return await self._services.command(request, name, Release(_actor(request)))

    async def hold_project(
        self, request: Request, project: Project, seconds: For = USUAL, why: Why = ""
    ) -> ProjectAnswer:
        command = Hold(_actor(request), seconds, _one_line(why))
        return await self._all_of(request, project, command, f"held for {span(command.seconds)}")

    async def release_project(self, request: Request, project: Project) -> ProjectAnswer:
        return await self._all_of(request, project, Release(_actor(request)), "released")

    async def _all_of(self, request: Request, project: str, command: Command, done: str) -> ProjectAnswer:
        """One after the other: each is decided within a turn."""
        views = self._orchestrator.services()
        names = [view.name for view in views if view.project == project]
        if not names:
            raise UnknownProject(project, {view.project for view in views if view.project is not None})
        answers = [await self._services.command(request, name, command) for name in names]
        message = f"project {project} is {done}: {', '.join(names)}"
        return ProjectAnswer(message=message, services=[answer.service for answer in answers])


def _actor(request: Request) -> str:
    return str(requester_of(request.scope))
