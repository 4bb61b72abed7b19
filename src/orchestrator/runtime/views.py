"""What the orchestrator shows of itself: the read side, shared by every face (API, command line, events)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from orchestrator.core.foresight import Intention
from orchestrator.core.gpus import Driver
from orchestrator.core.messages import Event
from orchestrator.core.model import Category, ContainerState, Status, Verdict
from orchestrator.core.resources import Presence
from orchestrator.core.sighting import Origin


def timestamp(wall: float) -> str:
    """``2024-01-15T10:30:00.000Z`` from seconds since the epoch."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_time(wall: float) -> str:
    """``2024-01-15 10:30``, by the machine's own clock."""
    return datetime.fromtimestamp(wall).astimezone().strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class HealthView:
    verdict: Verdict
    method: str
    checked_at: float
    """Wall time."""
    latency_ms: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service as it is served. Times are wall times; the faces format them as ISO 8601 UTC."""

    name: str
    display_name: str
    category: Category
    status: Status
    enabled: bool
    container_id: str | None
    """The first 12 characters."""
    image: str | None
    port: int | None
    failure_count: int
    restart_count: int
    last_restart_at: float | None
    uptime_seconds: int | None
    """The age of the run by the engine; ``None`` unless the container runs."""
    container_name: str | None
    container_state: ContainerState | None
    """``None``: not seen (yet, or the engine is away)."""
    health: HealthView | None
    reason: str
    """Why it is in this status, or why nothing is done about it, in words."""
    strikes: int
    retry_at: float | None
    waiting_on: tuple[str, ...]
    degraded_by: tuple[str, ...]
    """Soft dependencies without which it runs."""
    requires: tuple[str, ...]
    wants: tuple[str, ...]
    problems: tuple[str, ...]
    at_rest: bool = False
    """Down on purpose: a completed job, stopped by a person, or in maintenance. Neither healthy nor a failure."""
    held: str = ""
    """Who or what wants it left alone for now, until when and why; empty: nobody."""
    held_until: float | None = None
    """The end of a person's hold, as wall time."""
    project: str | None = None
    """The compose project of its container, or of the last one it had."""


@dataclass(frozen=True, slots=True)
class GpuProcessView:
    pid: int
    memory: int | None
    """Bytes; ``None``: the driver does not tell."""
    service: str | None
    """``None``: of none that we manage, or it cannot be told."""


@dataclass(frozen=True, slots=True)
class GpuView:
    """One card. Sizes are bytes."""

    index: int
    name: str
    memory_total: int
    memory_used: int
    processes: tuple[GpuProcessView, ...] = ()


@dataclass(frozen=True, slots=True)
class GpusView:
    driver: Driver = Driver.UNKNOWN
    version: str = ""
    detail: str = ""
    since: float = 0.0
    """Wall time of the last change of ``driver``; 0: it never changed."""
    gpus: tuple[GpuView, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeView:
    """One service needs another, or a resource of the host."""

    dependent: str
    dependency: str
    hard: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class ResourceView:
    """What services require that is no service, but the host's."""

    name: str
    state: Driver | Presence
    detail: str


@dataclass(frozen=True, slots=True)
class GraphView:
    nodes: tuple[ServiceView, ...]
    edges: tuple[EdgeView, ...]
    phases: tuple[tuple[str, ...], ...]
    """In the order in which they can start."""
    cycles: tuple[str, ...]
    """``a -> b -> a``; the last step of each is not waited for, and not among the edges."""
    resources: tuple[ResourceView, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanView:
    """What would be done next for one service."""

    service: str
    status: Status
    intention: Intention
    at: float | None
    """Wall time; ``None``: no moment is known."""
    cause: str
    blocked_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One internal task."""

    name: str
    state: Literal["running", "degraded", "stopped"]
    detail: str
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class EngineView:
    endpoint: str
    reachable: bool
    kind: str | None
    version: str | None
    api_version: str | None
    detail: str
    """The whole message when it is not reachable."""
    since: float
    """Wall time of the last change of ``reachable``."""


@dataclass(frozen=True, slots=True)
class StoreView:
    location: str
    healthy: bool
    detail: str
    pending_writes: int


@dataclass(frozen=True, slots=True)
class SystemView:
    """Everything ``/health/full`` tells."""

    status: Literal["healthy", "degraded", "unhealthy"]
    """unhealthy: a critical (infrastructure) service is down; degraded: any other enabled one is, or a part of us."""
    services: tuple[ServiceView, ...]
    workers: tuple[WorkerView, ...]
    engine: EngineView
    store: StoreView
    version: str
    started_at: float
    turns: int
    last_turn_at: float
    restarts_paused: str = ""
    """Why nothing is restarted by itself, in words; empty: nothing is paused."""
    gpus: GpusView = GpusView()
    preconditions: tuple[ResourceView, ...] = ()
    """What services require or want of the host, by name; but for the GPUs."""
    surveyed: bool = True
    """Whether the engine has listed its containers since we began; until then nothing is known of them."""


def event_document(view: ServiceView, event: Event) -> dict[str, object]:
    """The specification's event message: what happened, and the service as it was then."""
    return {
        "type": "service_status",
        "data": {
            "name": view.name,
            "display_name": view.display_name,
            "category": view.category.value,
            "status": event.status.value,
            "enabled": view.enabled,
            "container_id": view.container_id,
            "image": view.image,
            "port": view.port,
            "failure_count": view.failure_count,
            "restart_count": view.restart_count,
            "last_restart_at": None if view.last_restart_at is None else timestamp(view.last_restart_at),
            "uptime_seconds": view.uptime_seconds,
        },
        "message": event.message.value,
        "cause": event.cause,
        "timestamp": timestamp(event.at.wall),
    }


def host_document(subject: str, message: str, cause: str, wall: float) -> dict[str, object]:
    """What is worth an event and no single service's; ``subject`` says what of: ``project:shop``, ``restarts``."""
    return {
        "type": "host",
        "data": {"subject": subject},
        "message": message,
        "cause": cause,
        "timestamp": timestamp(wall),
    }


def health_document(view: HealthView) -> dict[str, object]:
    return {
        "verdict": view.verdict.value,
        "method": view.method,
        "checked_at": timestamp(view.checked_at),
        "latency_ms": view.latency_ms,
        "detail": view.detail,
    }


def service_document(view: ServiceView) -> dict[str, object]:
    """The whole service, as every face serves it."""
    return {
        "name": view.name,
        "display_name": view.display_name,
        "category": view.category.value,
        "status": view.status.value,
        "enabled": view.enabled,
        "container_id": view.container_id,
        "image": view.image,
        "port": view.port,
        "failure_count": view.failure_count,
        "restart_count": view.restart_count,
        "last_restart_at": None if view.last_restart_at is None else timestamp(view.last_restart_at),
        "uptime_seconds": view.uptime_seconds,
        "container_name": view.container_name,
        "container_state": None if view.container_state is None else view.container_state.value,
        "health": None if view.health is None else health_document(view.health),
        "reason": view.reason,
        "strikes": view.strikes,
        "retry_at": None if view.retry_at is None else timestamp(view.retry_at),
        "waiting_on": list(view.waiting_on),
        "degraded_by": list(view.degraded_by),
        "requires": list(view.requires),
        "wants": list(view.wants),
        "problems": list(view.problems),
        "at_rest": view.at_rest,
        "held": view.held,
        "held_until": None if view.held_until is None else timestamp(view.held_until),
        "project": view.project,
    }


def engine_document(view: EngineView) -> dict[str, object]:
    return {
        "endpoint": view.endpoint,
        "reachable": view.reachable,
        "kind": view.kind,
        "version": view.version,
        "api_version": view.api_version,
        "detail": view.detail,
        "since": timestamp(view.since),
    }


def store_document(view: StoreView) -> dict[str, object]:
    return {
        "location": view.location,
        "healthy": view.healthy,
        "detail": view.detail,
        "pending_writes": view.pending_writes,
    }
