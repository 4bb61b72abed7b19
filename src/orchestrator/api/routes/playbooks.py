"""Playbooks: which there are, how one would be run, and running it. Only what was declared is ever run: a request names
a playbook, and says nothing of what is in it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from orchestrator.api import schemas
from orchestrator.api.answers import ACCESS, CHANGE, ONE
from orchestrator.api.routes.services import Name, ServiceRoutes
from orchestrator.api.schemas import Timestamp
from orchestrator.api.security import requester_of
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.messages import RunPlaybook
from orchestrator.core.rehearsal import Rehearsed
from orchestrator.errors import UnknownPlaybook
from orchestrator.ports import Clock
from orchestrator.runtime.repertoire import PlaybookView
from orchestrator.runtime.views import timestamp

PlaybookName = Annotated[str, Path(description="The playbook's name.", examples=["redis-memory"])]


class Running(BaseModel):
    step: int = Field(description="The present one, from 1.")
    cause: str
    verifying: bool = Field(description="It was done; whether it helped is waited for.")


class Playbook(BaseModel):
    service: str
    name: str
    source: str = Field(description="Where it was declared.", examples=["the catalog"])
    texts: list[str] = Field(description="One of these in the words of the failure begins it.")
    rules: list[str] = Field(description="Or one of these diagnosis rules.")
    instead: bool = Field(description="Never followed by an ordinary restart.")
    steps: list[str] = Field(examples=[["purge the cache of redis", "restart redis"]])
    running: Running | None = Field(description="null: it is not run now.")

    @classmethod
    def of(cls, view: PlaybookView) -> Playbook:
        playbook, course = view.playbook, view.course
        running = None
        if course is not None:
            running = Running(step=course.step + 1, cause=course.cause, verifying=course.verifying)
        return cls(
            service=view.service,
            name=playbook.name,
            source=playbook.source,
            texts=list(playbook.when.texts),
            rules=list(playbook.when.rules),
            instead=playbook.instead,
            steps=list(view.steps),
            running=running,
        )


class PlaybookList(BaseModel):
    playbooks: list[Playbook] = Field(description="By service, in the order in which they are tried.")
    timestamp: Timestamp


class Step(BaseModel):
    text: str
    services: list[str] = Field(description="Who is touched, or waited for.")
    container_id: str = Field(description="In which it is done; empty: in none.")
    command: str = Field(description="Shortened, and secrets masked; empty: none is run.")
    timeout: float | None = Field(description="Seconds for the command.")
    verify: float | None = Field(description="Seconds in which the service's own check may show that it helped.")
    refusal: str = Field(description="Why it would not be done now; empty: it would.")

    @classmethod
    def of(cls, step: Rehearsed) -> Step:
        return cls(
            text=step.text,
            services=list(step.services),
            container_id=step.container_id[:12],
            command=step.command,
            timeout=step.timeout,
            verify=step.verify,
            refusal=step.refusal,
        )


class Rehearsal(BaseModel):
    """What would be done now; nothing of it is."""

    service: str
    playbook: str
    steps: list[Step]
    timestamp: Timestamp


class PlaybookRoutes:
    """``/api/system/playbooks``, and ``/api/system/services/{name}/playbooks/{playbook}``."""

    def __init__(self, orchestrator: Supervisor, services: ServiceRoutes, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._services = services
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["playbooks"])
        one = "/services/{name}/playbooks/{playbook}"
        router.get("/playbooks", summary="What is tried for whom", responses=ACCESS)(self.list_playbooks)
        router.get(one, summary="How a playbook would be run now", responses=ONE)(self.rehearse_playbook)
        router.post(f"{one}/run", summary="Run a playbook now", responses=CHANGE)(self.run_playbook)
        return router

    async def list_playbooks(self) -> PlaybookList:
        listed = [Playbook.of(view) for view in self._orchestrator.playbooks()]
        return PlaybookList(playbooks=listed, timestamp=timestamp(self._clock.now().wall))

    async def rehearse_playbook(self, name: Name, playbook: PlaybookName) -> Rehearsal:
        steps = [Step.of(step) for step in self._require(name, playbook)]
        now = timestamp(self._clock.now().wall)
        return Rehearsal(service=name, playbook=playbook, steps=steps, timestamp=now)

    async def run_playbook(self, request: Request, name: Name, playbook: PlaybookName) -> schemas.ActionAnswer:
        self._require(name, playbook)
        return await self._services.command(request, name, RunPlaybook(str(requester_of(request.scope)), playbook))

    def _require(self, name: str, playbook: str) -> tuple[Rehearsed, ...]:
        self._services.require(name)
        steps = self._orchestrator.rehearsal(name, playbook)
        if steps is None:
            known = [view.playbook.name for view in self._orchestrator.playbooks() if view.service == name]
            raise UnknownPlaybook(name, playbook, known)
        return steps
