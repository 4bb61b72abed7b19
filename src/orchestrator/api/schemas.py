"""The JSON of the API. Fields as in the specification's event; what we add to them is optional for readers.

Times are ISO 8601 in UTC with milliseconds and ``Z``. A field that has no value is ``null``, never missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from orchestrator.core.gpus import Driver
from orchestrator.core.model import Category, ContainerState, Status, Verdict
from orchestrator.ports import EventRecord
from orchestrator.runtime.views import (
    ChannelView,
    EngineView,
    GpusView,
    HealthView,
    OwnView,
    ServiceView,
    StoreView,
    SystemView,
    WorkerView,
    engine_document,
    health_document,
    service_document,
    store_document,
    timestamp,
)

Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Overall = Literal["healthy", "degraded", "unhealthy"]


# --- services -----------------------------------------------------------------------------------------------


class Health(BaseModel):
    """The newest answered health question."""

    verdict: Verdict
    method: str = Field(examples=["http"])
    checked_at: Timestamp
    latency_ms: float | None
    detail: str = Field(examples=["HTTP 500"])

    @classmethod
    def of(cls, view: HealthView) -> Health:
        return cls.model_validate(health_document(view))


class Service(BaseModel):
    name: str
    display_name: str
    category: Category
    status: Status
    enabled: bool
    container_id: str | None = Field(description="The first 12 characters.")
    image: str | None
    port: int | None
    failure_count: int = Field(description="Failures in a row since the last healthy verdict.")
    restart_count: int
    last_restart_at: Timestamp | None
    uptime_seconds: int | None = Field(description="Age of this run by the engine; null unless the container runs.")
    container_name: str | None
    container_state: ContainerState | None = Field(description="null: not seen, or the engine is away.")
    health: Health | None
    reason: str = Field(description="Why it is in this status, or why nothing is done about it, in words.")
    strikes: int = Field(description="What drives backoff and the limit; forgiven after a stable run.")
    retry_at: Timestamp | None = Field(description="When the next attempt is due; null: none is.")
    waiting_on: list[str] = Field(description="Hard dependencies that do not run, or, of the host, are not there.")
    degraded_by: list[str] = Field(description="Soft dependencies that are not running; it goes on without them.")
    requires: list[str]
    wants: list[str]
    problems: list[str] = Field(description="What is wrong with its configuration, in words.")
    at_rest: bool = Field(description="Down on purpose: a completed job, stopped by a person, or in maintenance.")
    held: str = Field(description="Who or what wants it left alone for now, until when and why; empty: nobody.")
    held_until: Timestamp | None = Field(description="The end of a person's hold.")
    project: str | None = Field(description="The compose project of its container, or of the last one it had.")
    observed: bool = Field(
        description="false: it cannot be seen now (the engine is away, or was not asked yet): all this was known last."
    )
    last_seen_at: Timestamp | None = Field(
        description="When it ceased to be seen; null: it is seen, or was not yet since the orchestrator began."
    )

    @classmethod
    def of(cls, view: ServiceView) -> Service:
        return cls.model_validate(service_document(view))


class Tally(BaseModel):
    """How many services there are. Those that are still starting, or at rest, are in none of the others."""

    total: int
    healthy: int
    unhealthy: int
    unknown: int = Field(description="Those that cannot be seen now, whatever they were when they were seen last.")

    @classmethod
    def of(cls, views: Iterable[ServiceView]) -> Tally:
        conditions = [condition(view) for view in views]
        return cls(
            total=len(conditions),
            healthy=conditions.count("healthy"),
            unhealthy=conditions.count("unhealthy"),
            unknown=conditions.count("unknown"),
        )


def condition(view: ServiceView) -> Literal["healthy", "unhealthy", "starting", "at_rest", "unknown"]:
    """What cannot be seen is unknown, not down. A disabled service is judged by what is seen of it: nothing is done for
    it, but it may be doing well."""
    if view.at_rest:
        return "at_rest"
    if not view.observed:
        return "unknown"
    match view.status:
        case Status.RUNNING:
            return "healthy"
        case Status.STARTING:
            return "starting"
        case Status.DISABLED:
            runs = view.container_state is ContainerState.RUNNING
            passes = view.health is not None and view.health.verdict is Verdict.PASS
            return "healthy" if runs and passes else "unhealthy"
        case Status.UNHEALTHY | Status.STOPPED | Status.NOT_FOUND:
            return "unhealthy"


class ServiceList(BaseModel):
    services: list[Service] = Field(description="In the order of their names.")
    next_after: str | None = Field(description="Ask again with `after` set to this for more; null: that is all.")
    by_category: dict[Category, Tally] = Field(description="Every category, whatever the list was filtered by.")
    timestamp: Timestamp


class ActionAnswer(BaseModel):
    """A command was accepted. Whether it worked is told by the service's status and events, or waited for (`wait`)."""

    success: Literal[True] = True
    message: str = Field(examples=["Manual restart initiated"])
    service: Service


# --- the system ---------------------------------------------------------------------------------------------


class SystemHealth(BaseModel):
    status: Overall = Field(
        description="unhealthy: a critical (infrastructure) service is down; degraded: another one, or a part of us."
    )
    services: Tally
    engine_reachable: bool
    engine_detail: str = Field(description="Why the engine is not reachable, and what to do; empty when it is.")
    restarts_paused: str = Field(description="Why nothing is restarted by itself; empty: nothing is paused.")
    dry_run: bool = Field(description="What would be done is told, and nothing is changed.")
    version: str
    timestamp: Timestamp


class Liveness(BaseModel):
    status: Literal["alive"] = "alive"
    turns: int = Field(description="Decisions taken since the start.")
    timestamp: Timestamp


class Worker(BaseModel):
    """One internal task."""

    name: str
    state: Literal["running", "degraded", "stopped"]
    detail: str
    restarts: int

    @classmethod
    def of(cls, view: WorkerView) -> Worker:
        return cls(name=view.name, state=view.state, detail=view.detail, restarts=view.restarts)


class Engine(BaseModel):
    endpoint: str
    reachable: bool
    kind: str | None = Field(examples=["docker", "podman"])
    version: str | None
    api_version: str | None
    detail: str = Field(description="Why it is not reachable, and what to do.")
    since: Timestamp = Field(description="When it became, or ceased to be, reachable.")

    @classmethod
    def of(cls, view: EngineView) -> Engine:
        return cls.model_validate(engine_document(view))


class Store(BaseModel):
    location: str
    healthy: bool
    detail: str
    pending_writes: int

    @classmethod
    def of(cls, view: StoreView) -> Store:
        return cls.model_validate(store_document(view))


class GpuProcess(BaseModel):
    pid: int
    memory_bytes: int | None = Field(description="null: the driver does not tell.")
    service: str | None = Field(description="null: of none that is managed here, or it cannot be told.")


class Gpu(BaseModel):
    index: int
    name: str = Field(examples=["NVIDIA GeForce RTX 4090"])
    memory_total_bytes: int
    memory_used_bytes: int
    processes: list[GpuProcess]


class Gpus(BaseModel):
    driver: Driver = Field(description="unknown: none was ever seen here; missing: it was, and does not answer.")
    version: str
    detail: str = Field(description="Why it does not answer, or cannot be asked.")
    since: Timestamp | None = Field(description="Of the last change of `driver`; null: it never changed.")
    gpus: list[Gpu]

    @classmethod
    def of(cls, view: GpusView) -> Gpus:
        return cls(
            driver=view.driver,
            version=view.version,
            detail=view.detail,
            since=timestamp(view.since) if view.since else None,
            gpus=[
                Gpu(
                    index=gpu.index,
                    name=gpu.name,
                    memory_total_bytes=gpu.memory_total,
                    memory_used_bytes=gpu.memory_used,
                    processes=[
                        GpuProcess(pid=one.pid, memory_bytes=one.memory, service=one.service) for one in gpu.processes
                    ],
                )
                for gpu in view.gpus
            ],
        )


class DeadMan(BaseModel):
    """The ping that somebody else misses when the orchestrator is dead."""

    address: str = Field(description="Without its path, which may be secret.")
    last_ping_at: Timestamp | None = Field(description="The last that was taken; null: none was yet.")
    detail: str = Field(description="Why the newest was not taken, or not sent; empty: it was taken.")


class Own(BaseModel):
    """How the orchestrator itself keeps up."""

    loop_lag_seconds: float
    worst_loop_lag_seconds: float = Field(description="In the minute past.")
    posts_waiting: int = Field(description="Facts and commands that wait for the brain.")
    stream_connected: bool = Field(description="Whether the engine's events are followed.")
    stream_age_seconds: float | None = Field(description="Since the newest word on them; an idle engine is silent.")
    store_lag_seconds: float = Field(description="Since the oldest of what the store does not have yet was told.")
    strains: list[str] = Field(description="What is too much, in words; empty: it keeps up.")
    dead_man: DeadMan | None = Field(description="null: nobody is pinged.")

    @classmethod
    def of(cls, view: OwnView) -> Own:
        man = view.dead_man
        return cls(
            loop_lag_seconds=view.loop_lag,
            worst_loop_lag_seconds=view.worst_loop_lag,
            posts_waiting=view.posts_waiting,
            stream_connected=view.stream_connected,
            stream_age_seconds=view.stream_age,
            store_lag_seconds=view.store_lag,
            strains=list(view.strains),
            dead_man=None
            if man is None
            else DeadMan(
                address=man.address,
                last_ping_at=None if man.last_ping_at is None else timestamp(man.last_ping_at),
                detail=man.detail,
            ),
        )


class Channel(BaseModel):
    """One way to tell people of incidents. Counts are since the start."""

    name: str
    address: str = Field(description="Without anything that may be secret.", examples=["https://hooks.example.com"])
    working: bool = Field(description="Whether the last message was accepted, or none was sent yet.")
    detail: str = Field(description="Why the last attempt was in vain; empty: it was not.")
    undelivered: int = Field(description="Incidents of which something should have been told by now.")
    retry_at: Timestamp | None = Field(description="The next attempt, while it is put off.")
    delivered_at: Timestamp | None = Field(description="The last message that was accepted.")
    delivered: int
    failed: int = Field(description="Attempts in vain.")

    @classmethod
    def of(cls, view: ChannelView) -> Channel:
        return cls(
            name=view.name,
            address=view.address,
            working=view.working,
            detail=view.detail,
            undelivered=view.undelivered,
            retry_at=None if view.retry_at is None else timestamp(view.retry_at),
            delivered_at=None if view.delivered_at is None else timestamp(view.delivered_at),
            delivered=view.delivered,
            failed=view.failed,
        )


class FullHealth(BaseModel):
    status: Overall
    services: list[Service]
    by_category: dict[Category, Tally]
    workers: list[Worker]
    engine: Engine
    store: Store
    restarts_paused: str = Field(description="Why nothing is restarted by itself; empty: nothing is paused.")
    dry_run: bool = Field(description="What would be done is told, and nothing is changed.")
    gpus: Gpus
    own: Own
    notifications: list[Channel]
    version: str
    started_at: Timestamp
    turns: int
    last_turn_at: Timestamp
    clients: int = Field(description="Who follows the live stream now.")
    timestamp: Timestamp

    @classmethod
    def of(cls, view: SystemView, clients: int, now: float) -> FullHealth:
        return cls(
            status=view.status,
            services=[Service.of(one) for one in view.services],
            by_category=by_category(view.services),
            workers=[Worker.of(one) for one in view.workers],
            engine=Engine.of(view.engine),
            store=Store.of(view.store),
            restarts_paused=view.restarts_paused,
            dry_run=view.dry_run,
            gpus=Gpus.of(view.gpus),
            own=Own.of(view.own),
            notifications=[Channel.of(each) for each in view.notifications],
            version=view.version,
            started_at=timestamp(view.started_at),
            turns=view.turns,
            last_turn_at=timestamp(view.last_turn_at),
            clients=clients,
            timestamp=timestamp(now),
        )


def by_category(views: Iterable[ServiceView]) -> dict[Category, Tally]:
    sorted_in: dict[Category, list[ServiceView]] = {category: [] for category in Category}
    for view in views:
        sorted_in[view.category].append(view)
    return {category: Tally.of(members) for category, members in sorted_in.items()}


# --- events -------------------------------------------------------------------------------------------------


class HealthEvent(BaseModel):
    """One change, as it was told when it happened; ``data`` is the service at that moment."""

    model_config = ConfigDict(extra="allow")

    type: str = "service_status"
    data: dict[str, object]
    message: str = Field(examples=["Service recovered"])
    cause: str = ""
    timestamp: Timestamp
    sequence: int = Field(description="Grows by one from event to event, across restarts of the orchestrator.")


class EventList(BaseModel):
    events: list[HealthEvent]
    next_before: int | None = Field(
        description="Ask again with `before` set to this for older ones; null: that is all."
    )

    @classmethod
    def of(cls, records: Sequence[EventRecord], limit: int) -> EventList:
        return cls(
            events=[HealthEvent.model_validate({**one.document, "sequence": one.sequence}) for one in records],
            next_before=records[-1].sequence if len(records) == limit else None,
        )
