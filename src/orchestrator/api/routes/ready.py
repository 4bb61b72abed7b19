"""``/api/system/health/ready``: whether what work needs is there, and the workers of the application around us."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from orchestrator.api import schemas
from orchestrator.api.answers import ACCESS
from orchestrator.api.supervisor import Supervisor
from orchestrator.api.workers import WorkerReport, Workers, WorkerState
from orchestrator.core.model import Category, Status
from orchestrator.runtime.views import ServiceView, SystemView

Condition = Literal["healthy", "unknown", "starting", "unhealthy"]

_WORST_FIRST: Final[tuple[Condition, ...]] = ("unhealthy", "starting", "unknown", "healthy")
_GOOD_ENOUGH: Final = {"healthy", "unknown", None}


class ReadyServices(BaseModel):
    """The worst of each; null: there is no such service. `unknown`: it was well when it was last seen, and cannot be
    seen now."""

    database: Condition | None = Field(description="The service `postgres`.")
    redis: Condition | None = Field(description="The service `redis`.")
    ai_services: Condition | None = Field(description="The category `ai`. Work goes on without them, degraded.")


class Readiness(BaseModel):
    ready: bool
    status: Literal["ready", "degraded", "not_ready"]
    services: ReadyServices
    workers: dict[str, WorkerState] = Field(description="Those that the application around us has registered.")
    detail: str = Field(description="Why it is not `ready`, in words; empty when it is.")


class ReadyRoutes:
    """``/api/system/health/ready``."""

    def __init__(self, orchestrator: Supervisor, workers: Workers) -> None:
        self._orchestrator = orchestrator
        self._workers = workers

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system/health", tags=["health"])
        not_ready = {"model": Readiness, "description": "Not ready. The body is that of 200."}
        responses = {**ACCESS, 503: not_ready}
        router.get("/ready", summary="Whether work can be done", responses=responses)(self.readiness)
        return router

    async def readiness(self, response: Response) -> Readiness:
        system, workers = self._orchestrator.system(), self._workers.reports()
        views = system.services
        services = ReadyServices(
            database=_worst(view for view in views if view.name == "postgres"),
            redis=_worst(view for view in views if view.name == "redis"),
            ai_services=_worst(view for view in views if view.category is Category.AI),
        )
        states = {name: report.state for name, report in workers.items()}
        there = {services.database, services.redis} <= _GOOD_ENOUGH and "stopped" not in states.values()
        ready = system.surveyed and there
        detail = "; ".join(_shortcomings(system, services, workers))
        status: Literal["ready", "degraded"] = "degraded" if detail else "ready"
        response.status_code = 200 if ready else 503
        return Readiness(
            ready=ready,
            status=status if ready else "not_ready",
            services=services,
            workers=states,
            detail=detail,
        )


def _shortcomings(system: SystemView, services: ReadyServices, workers: Mapping[str, WorkerReport]) -> Iterator[str]:
    if not system.surveyed:
        yield "no container was seen yet"
    if not system.engine.reachable:
        yield system.engine.detail
    for kind, condition in services:
        if condition not in ("healthy", None):
            yield f"{kind} is {condition}"
    for name, report in workers.items():
        if report.state != "running":
            yield f"{name} is {report.state}" + (f": {report.fault}" if report.fault else "")


def _worst(views: Iterable[ServiceView]) -> Condition | None:
    found = {_condition(view) for view in views}
    return next((condition for condition in _WORST_FIRST if condition in found), None)


def _condition(view: ServiceView) -> Condition:
    if view.container_state is None and view.status is Status.RUNNING:
        # What was remembered from before our own start was not seen by anybody now alive.
        return "starting" if view.container_name is None else "unknown"
    last_known = schemas.condition(replace(view, observed=True))
    # What is down on purpose does not work either; and what was ill when it was seen last is no ground to send work to.
    return "unhealthy" if last_known == "at_rest" else last_known
