"""``/api/system/incidents``: what went wrong, each cause once, with all that came of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from orchestrator.api.answers import ACCESS, READ, problems
from orchestrator.api.schemas import Timestamp
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.incidents import Confidence, EntryKind, Role, Severity
from orchestrator.core.model import Status
from orchestrator.errors import UnknownIncident
from orchestrator.ports import Clock
from orchestrator.runtime.views import timestamp

State = Literal["open", "closed"]


class Cause(BaseModel):
    service: str = Field(description="Empty: it is the host's.")
    subject: str = Field(description="What of the host: `engine`, `storm`, `gpu`, `mount:/data`; empty: a service's.")
    sentence: str
    confidence: Confidence
    rule: str = Field(description="The diagnosis rule that says so; empty: none does.")
    remedy: str = Field(description="What a person can do; empty: nothing is known.")


class Member(BaseModel):
    """One service that it took down."""

    service: str
    role: Role
    status: Status = Field(description="As it was last, while it was a member.")
    joined_at: Timestamp
    left_at: Timestamp | None = Field(
        description="Since when it counts no more: well for long enough, in a person's hands, or of another incident."
    )


class IncidentSummary(BaseModel):
    id: int
    status: State
    severity: Severity = Field(
        description="critical: a service was given up, or nothing can be healed; the worst that it has been."
    )
    title: str = Field(examples=["postgres exited with code 137 (SIGKILL)"])
    cause: Cause
    members: list[Member]
    began_at: Timestamp | None = Field(description="The failure itself, by the engine or the check; null: not known.")
    opened_at: Timestamp = Field(description="The first sign that was seen.")
    acted_at: Timestamp | None = Field(description="The first action.")
    recovered_at: Timestamp | None = Field(description="Since when all members are well.")
    closed_at: Timestamp | None
    merged_into: int | None = Field(description="The incident that it turned out to be part of.")
    seconds_to_detect: float | None = Field(description="From `began_at`; null where that is not known.")
    seconds_to_act: float | None = Field(description="From `began_at`, or from `opened_at` where that is not known.")
    seconds_to_recover: float | None = Field(description="As `seconds_to_act`.")


class Entry(BaseModel):
    """One line of the story."""

    at: Timestamp
    kind: EntryKind
    service: str = Field(description="Empty: it concerns none, or all.")
    text: str


class Incident(IncidentSummary):
    timeline: list[Entry] = Field(description="Oldest first; of more than 200 lines the beginning and the end.")
    omitted: int = Field(description="Lines that were left out between them.")
    evidence: list[dict[str, Any]] = Field(description="What was collected before it was acted on, oldest first.")


class IncidentList(BaseModel):
    incidents: list[IncidentSummary] = Field(description="Newest first.")
    next_before: int | None = Field(description="Ask again with `before` set to this for more; null: that is all.")
    timestamp: Timestamp


class IncidentRoutes:
    """``/api/system/incidents``."""

    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system/incidents", tags=["incidents"])
        away = problems(s503="The store cannot be read.")
        one = {**READ, **away, **problems(s404="No such incident, or not any more.")}
        router.get("", summary="What went wrong, newest first", responses={**ACCESS, **READ})(self.list_incidents)
        router.get("/{id}", summary="One incident, with its story", responses=one)(self.get_incident)
        return router

    async def list_incidents(
        self,
        limit: Annotated[int, Query(ge=1, le=500, description="At most so many.")] = 50,
        before: Annotated[int | None, Query(ge=1, description="Only those with a smaller `id`.")] = None,
        service: Annotated[str | None, Query(description="Only those that this service is a member of.")] = None,
        status: Annotated[State | None, Query(description="Only open ones, or only closed ones.")] = None,
    ) -> IncidentList:
        found = await self._orchestrator.incidents(limit, before=before, service=service, status=status)
        listed = [IncidentSummary.model_validate(document) for document in found]
        return IncidentList(
            incidents=listed,
            next_before=listed[-1].id if len(listed) == limit else None,
            timestamp=timestamp(self._clock.now().wall),
        )

    async def get_incident(self, number: Annotated[int, Path(ge=1, alias="id", examples=[7])]) -> Incident:
        document = await self._orchestrator.incident(number)
        if document is None:
            raise UnknownIncident(number)
        return Incident.model_validate(document)
