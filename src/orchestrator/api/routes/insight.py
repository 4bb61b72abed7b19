"""``/api/system/plan`` and a service's ``explanation``: what would be done next, and what was decided so far."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from orchestrator.api.answers import ACCESS, ONE, problems
from orchestrator.api.schemas import Service, Timestamp
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.foresight import Intention
from orchestrator.core.model import Status
from orchestrator.core.story import Chapter
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock, EventRecord
from orchestrator.runtime.views import PlanView, ServiceView, timestamp

DECISIONS: Final = 20
"""So many of the newest, in an explanation."""
_ACTIONS: Final = (Intention.RESTART, Intention.START, Intention.STOP, Intention.RECREATE)


class Entry(BaseModel):
    """Provided that nothing changes, and that its check goes on answering what it answered last."""

    service: str
    status: Status
    intention: Intention
    at: Timestamp | None = Field(description="null: no moment is known.")
    cause: str
    blocked_by: list[str] = Field(
        description="`engine_unseen`, `paused`, `disabled`, `stopped_by_person`, `observe_only`, `held`, "
        "`quarantined`, `queue` (it waits for its turn), `waiting_on:NAME`, `lane_taken_by:NAME`."
    )

    @classmethod
    def of(cls, view: PlanView) -> Entry:
        return cls(
            service=view.service,
            status=view.status,
            intention=view.intention,
            at=None if view.at is None else timestamp(view.at),
            cause=view.cause,
            blocked_by=list(view.blocked_by),
        )


class Plan(BaseModel):
    entries: list[Entry] = Field(description="In the order of the services' names.")
    timestamp: Timestamp


class Next(BaseModel):
    action: Intention = Field(description="restart, start, stop or recreate.")
    at: Timestamp | None
    cause: str


class DecisionTaken(BaseModel):
    at: Timestamp
    message: str
    cause: str
    status: str | None
    sequence: int

    @classmethod
    def of(cls, record: EventRecord) -> DecisionTaken:
        document = record.document
        data = document.get("data")
        status = data.get("status") if isinstance(data, dict) else None
        return cls(
            at=str(document["timestamp"]),
            message=str(document["message"]),
            cause=str(document.get("cause", "")),
            status=None if status is None else str(status),
            sequence=record.sequence,
        )


class Step(BaseModel):
    """One decision that changed something, in plain words. A text is empty where there is nothing to say."""

    at: Timestamp
    status: Status = Field(description="After it.")
    seen: str = Field(examples=["container web-1 runs, for 3 h; its http check failed: HTTP 500"])
    decided: str = Field(examples=["unhealthy, it was running; failure 1 of 10"])
    why: str = Field(examples=["HTTP 500"])
    waiting: str = Field(description="What it waits for from then on.", examples=["its backoff, 2.0 s"])
    upcoming: str = Field(
        description="What would come next, if nothing changed.", examples=["restart in 2.0 s, unless something changes"]
    )
    upcoming_at: Timestamp | None

    @classmethod
    def of(cls, telling: Chapter) -> Step:
        return cls(
            at=timestamp(telling.at.wall),
            status=telling.status,
            seen=telling.seen,
            decided=telling.decided,
            why=telling.why,
            waiting=telling.waiting,
            upcoming=telling.upcoming,
            upcoming_at=None if telling.upcoming_at is None else timestamp(telling.upcoming_at),
        )


class Explanation(BaseModel):
    service: Service
    now: str = Field(examples=["ai-llm is unhealthy: HTTP 500"])
    next: Next | None = Field(description="null: nothing will be done unless something changes.")
    dry_run: bool = Field(description="`next` would only be told: nothing is changed.")
    story: list[Step] = Field(
        description="The newest 20 decisions that changed something, with what was seen, newest first; "
        "none of before the orchestrator's start."
    )
    decisions: list[DecisionTaken] = Field(description="The newest 20 events, newest first.")


class Setting(BaseModel):
    key: str = Field(examples=["recovery.backoff_max"])
    value: str = Field(description="In words; empty: nothing is set.", examples=["300 s"])
    source: str = Field(
        description="Where it was written, and under which key there; or `catalog`, `category ai`, `default`.",
        examples=["orchestrator.yaml: services.ai-llm.recovery.backoff_max"],
    )


class Settings(BaseModel):
    service: str
    settings: list[Setting]


class InsightRoutes:
    """``/api/system/plan`` and a service's ``explanation`` and ``configuration``."""

    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["services"])
        whole = ACCESS
        one = {**ONE, **problems(s503="The store cannot be read.")}
        router.get("/plan", summary="What would be done next, for every service", responses=whole)(self.plan)
        router.get("/services/{name}/explanation", summary="Why a service is as it is", responses=one)(self.explanation)
        configured = "What a service is configured with, and where that is written"
        router.get("/services/{name}/configuration", summary=configured, responses=ONE)(self.configuration)
        return router

    async def configuration(
        self, name: Annotated[str, Path(description="The service's name.", examples=["ai-yolo26"])]
    ) -> Settings:
        settings = self._orchestrator.settings_of(name)
        return Settings(
            service=name, settings=[Setting(key=one.key, value=one.value, source=one.source) for one in settings]
        )

    async def plan(self) -> Plan:
        now = self._clock.now().wall
        return Plan(entries=[Entry.of(view) for view in self._orchestrator.plan()], timestamp=timestamp(now))

    async def explanation(
        self, name: Annotated[str, Path(description="The service's name.", examples=["ai-yolo26"])]
    ) -> Explanation:
        records = await self._orchestrator.events(DECISIONS, service=name)
        service, planned = self._orchestrator.service(name), self._orchestrator.plan_of(name)
        if service is None or planned is None:
            raise UnknownService(name, [one.name for one in self._orchestrator.services()])
        acts = planned.intention in _ACTIONS
        at = None if planned.at is None else timestamp(planned.at)
        return Explanation(
            service=Service.of(service),
            now=_sentence(service, planned),
            next=Next(action=planned.intention, at=at, cause=planned.cause) if acts else None,
            dry_run=self._orchestrator.system().dry_run,
            story=[Step.of(telling) for telling in self._orchestrator.story_of(name)],
            decisions=[DecisionTaken.of(record) for record in records],
        )


def _sentence(service: ServiceView, planned: PlanView) -> str:
    words = f"{service.name} is {service.status}"
    if service.reason:
        words += f": {service.reason}"
    if service.held and not service.reason.startswith("held"):
        words += f"; held {service.held}"
    elif service.held_until is not None:
        words += f"; the hold ends at {timestamp(service.held_until)}"
    match planned.intention:
        case Intention.HELD:
            words += f"; nothing is done for it ({', '.join(planned.blocked_by)})"
        case Intention.WAIT if planned.blocked_by:
            words += f"; it waits ({', '.join(planned.blocked_by)})"
        case Intention.NOTHING if planned.at is not None:
            words += f"; at {timestamp(planned.at)} {planned.cause}"
        case _:
            pass
    return words
