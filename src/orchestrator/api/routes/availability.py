"""``/api/system/availability`` and a service's ``history``: what of its time it was up."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from orchestrator.api.answers import ONE
from orchestrator.api.schemas import Timestamp
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.history import Figures, Stretch
from orchestrator.core.model import Category
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock
from orchestrator.runtime.views import ServiceView, timestamp

Window = Literal["1h", "24h", "7d", "30d"]
WINDOWS: Final[dict[Window, float]] = {"1h": 3600.0, "24h": 86_400.0, "7d": 7 * 86_400.0, "30d": 30 * 86_400.0}
MOST_HOURS: Final = 720


class Availability(BaseModel):
    availability: float | None = Field(
        description="0 to 1, of the time that is known and counts; null: there is none.", examples=[0.9987]
    )
    unknown: float = Field(
        description="0 to 1, of the whole window: nobody could see it, because we or the engine were away."
    )
    down_seconds: float
    mean_seconds_to_recover: float | None = Field(description="Of the outages that ended in it; null: none did.")
    incidents: int = Field(description="That it became a member of.")

    @classmethod
    def of(cls, figures: Figures, window: float) -> Availability:
        mean = figures.mean_seconds_to_recover
        return cls(
            availability=None if figures.availability is None else round(figures.availability, 6),
            unknown=round(min(figures.unknown / window, 1.0), 6),
            down_seconds=round(figures.down, 3),
            mean_seconds_to_recover=None if mean is None else round(mean, 3),
            incidents=figures.incidents,
        )


class ServiceAvailability(BaseModel):
    name: str
    category: Category
    windows: dict[Window, Availability]


class AvailabilityList(BaseModel):
    services: list[ServiceAvailability] = Field(description="In the order of their names.")
    timestamp: Timestamp


class Segment(BaseModel):
    """One stretch of a service's past."""

    status: str = Field(
        description="As of a service; `unknown`: nobody could see it; `mixed`: an hour of which only sums are kept.",
        examples=["running"],
    )
    available: bool | None = Field(description="Whether it counts as up; null: neither as up nor as down.")
    begin: Timestamp = Field(serialization_alias="from")
    end: Timestamp = Field(serialization_alias="to")

    @classmethod
    def of(cls, stretch: Stretch) -> Segment:
        return cls(
            status=stretch.status,
            available=stretch.available,
            begin=timestamp(stretch.begin),
            end=timestamp(stretch.end),
        )


class History(BaseModel):
    service: str
    segments: list[Segment] = Field(description="Oldest first, without a gap.")
    timestamp: Timestamp


class AvailabilityRoutes:
    """``/api/system/availability`` and ``/api/system/services/{name}/history``."""

    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["incidents"])
        every = "What of its time each service was up"
        router.get("/availability", summary=every, responses=ONE)(self.availability)
        past = "When a service was in which status"
        router.get("/services/{name}/history", summary=past, responses=ONE)(self.history)
        return router

    async def availability(
        self, service: Annotated[str | None, Query(description="Only of this one.")] = None
    ) -> AvailabilityList:
        views = self._orchestrator.services() if service is None else (self._require(service),)
        listed = [
            ServiceAvailability(
                name=view.name,
                category=view.category,
                windows={
                    name: Availability.of(self._orchestrator.availability(view.name, window), window)
                    for name, window in WINDOWS.items()
                },
            )
            for view in views
        ]
        return AvailabilityList(services=listed, timestamp=self._now())

    async def history(
        self,
        name: Annotated[str, Path(description="The service's name.", examples=["ai-yolo26"])],
        hours: Annotated[int, Query(ge=1, le=MOST_HOURS, description="Up to now.")] = 24,
    ) -> History:
        self._require(name)
        found = self._orchestrator.history(name, hours * 3600.0)
        return History(service=name, segments=[Segment.of(each) for each in found], timestamp=self._now())

    def _require(self, name: str) -> ServiceView:
        view = self._orchestrator.service(name)
        if view is None:
            raise UnknownService(name, [one.name for one in self._orchestrator.services()])
        return view

    def _now(self) -> str:
        return timestamp(self._clock.now().wall)
