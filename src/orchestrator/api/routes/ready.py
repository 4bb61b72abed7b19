"""``/api/system/health/ready``: whether what work needs is there, and the workers of the application around us."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from orchestrator.api import schemas
from orchestrator.api.answers import ACCESS
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.model import Category
from orchestrator.runtime.views import ServiceView

WorkerState = Literal["running", "degraded", "stopped"]
Condition = Literal["healthy", "starting", "unhealthy"]

_WORST_FIRST: Final[tuple[Condition, ...]] = ("unhealthy", "starting", "healthy")


class Workers:
    """The workers of the application that we are part of, for its readiness."""

    def __init__(self) -> None:
        self._states: dict[str, Callable[[], WorkerState]] = {}

    def register(self, name: str, state: Callable[[], WorkerState]) -> None:
        """``state`` is called at every question, and answers at once; a name registered again is replaced."""
        self._states[name] = state

    def states(self) -> dict[str, WorkerState]:
        return {name: state() for name, state in self._states.items()}


class ReadyServices(BaseModel):
    """The worst of each; null: there is no such service."""

    database: Condition | None = Field(description="The service `postgres`.")
    redis: Condition | None = Field(description="The service `redis`.")
    ai_services: Condition | None = Field(description="The category `ai`. Work goes on without them, degraded.")


class Readiness(BaseModel):
    ready: bool
    status: Literal["ready", "degraded", "not_ready"]
    services: ReadyServices
    workers: dict[str, WorkerState] = Field(description="Those that the application around us has registered.")


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
        views = self._orchestrator.services()
        services = ReadyServices(
            database=_worst(view for view in views if view.name == "postgres"),
            redis=_worst(view for view in views if view.name == "redis"),
            ai_services=_worst(view for view in views if view.category is Category.AI),
        )
        workers = self._workers.states()
        ready = {services.database, services.redis} <= {"healthy", None} and "stopped" not in workers.values()
        response.status_code = 200 if ready else 503
        full = services.ai_services in ("healthy", None) and "degraded" not in workers.values()
        status: Literal["ready", "degraded"] = "ready" if full else "degraded"
        return Readiness(ready=ready, status=status if ready else "not_ready", services=services, workers=workers)


def _worst(views: Iterable[ServiceView]) -> Condition | None:
    """What is down on purpose does not work either."""
    found = {"unhealthy" if (seen := schemas.condition(view)) == "at_rest" else seen for view in views}
    return next((condition for condition in _WORST_FIRST if condition in found), None)
