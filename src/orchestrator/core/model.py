"""The nouns everything else speaks in: specifications, runs, snapshots, probe results, service state.

All values are frozen. Durations are seconds. Two kinds of time occur and are never mixed: a *moment* is a
reading of the process's monotonic timeline, used for every deadline; *wall* is seconds since the epoch, UTC,
used for what people and engines write down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of the clock: ``moment`` for delays and deadlines, ``wall`` for display and persistence."""

    moment: float
    wall: float


class Status(StrEnum):
    """What a service is, in the words its users see."""

    RUNNING = "running"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"
    DISABLED = "disabled"
    NOT_FOUND = "not_found"


class Category(StrEnum):
    INFRASTRUCTURE = "infrastructure"
    AI = "ai"
    MONITORING = "monitoring"
    APPLICATION = "application"


class ContainerState(StrEnum):
    """A container's state, one vocabulary for both engines; the adapter translates."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    """Between two runs, by the engine's own restart policy."""
    STOPPING = "stopping"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"
    """Docker's word for a container it failed to remove; it cannot be started."""


class ActionKind(StrEnum):
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RECREATE = "recreate"
    """Another container like it in its place, in the namespaces of those that took the place of its owners."""


class Kind(StrEnum):
    SERVICE = "service"
    JOB = "job"
    """Complete, not stopped, when it exits 0."""
    INFERRED = "inferred"
    """A job if its container looks like one: see :func:`orchestrator.core.policy.is_job`."""


# --- health checks -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HttpCheck:
    path: str
    expect_status: tuple[int, ...] = (200,)


@dataclass(frozen=True, slots=True)
class CommandCheck:
    """Run inside the container; exit code 0 passes. One string is given to the container's ``/bin/sh -c``."""

    command: str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RedisCheck:
    """A PING over the network. An answer that asks for authentication proves a live server."""


@dataclass(frozen=True, slots=True)
class PostgresCheck:
    """The server's answer to a start-up packet, the question ``pg_isready`` asks."""

    user: str = "postgres"


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """A completed connection. Stays green on a frozen process: the weakest of the network checks."""


@dataclass(frozen=True, slots=True)
class EngineCheck:
    """The health status that the engine's own health check computes."""


@dataclass(frozen=True, slots=True)
class RunningCheck:
    """The container runs: all that is known of a service without any configured check."""


Check = HttpCheck | CommandCheck | RedisCheck | PostgresCheck | TcpCheck | EngineCheck | RunningCheck


@dataclass(frozen=True, slots=True)
class HealthSpec:
    check: Check | None = None
    """``None``: the engine's own health status where the container has one, else running."""
    interval: float = 30.0
    timeout: float = 5.0
    failures: int = 1
    """Failed probes in a row that make the verdict unhealthy."""


@dataclass(frozen=True, slots=True)
class RecoverySpec:
    max_failures: int = 10
    backoff_base: float = 2.0
    backoff_max: float = 60.0
    stable_after: float | None = None
    """Healthy time after which strikes are forgiven; ``None``: twice the last backoff, at least 60 s."""
    stop_timeout: float = 10.0
    on_max_failures: Literal["disable", "keep_trying"] = "disable"
    on_manual_stop: Literal["restart", "respect"] = "restart"
    retry_disabled_after: float | None = None
    take_over: bool = False
    """Whether a crash loop of the engine's own restart policy is stopped, and ours begins."""
    recreate: bool = False
    """Whether it may be created anew where nothing else helps."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """Everything configured about one service, after all layers were merged and validated."""

    name: str
    display_name: str
    category: Category = Category.APPLICATION
    kind: Kind = Kind.SERVICE
    port: int | None = None
    """The port inside the container; how to reach it is worked out for each run."""
    host: str | None = None
    """An explicit address to probe instead of the one worked out."""
    grace: float = 10.0
    health: HealthSpec = HealthSpec()
    recovery: RecoverySpec = RecoverySpec()
    requires: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    restart_with: tuple[str, ...] = ()
    lane: str | None = None
    """Those of one lane are restarted one at a time, each verified before the next."""
    vram: int | None = None
    """GPU memory in bytes that it needs to start; ``None``: nobody said."""
    observe_only: str | None = None
    """Why this service is shown but never acted on (owned by systemd, by Swarm, our own container)."""


# --- what engines show ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """One life of a container. A restart keeps the id; only both together name a run."""

    container_id: str
    started_at: float
    """Wall time, by the engine's clock."""


@dataclass(frozen=True, slots=True)
class PublishedPort:
    container_port: int
    host_port: int | None
    """``None``: exposed, not published."""
    host_ip: str = ""
    protocol: str = "tcp"


TieKind = Literal["network", "pid", "ipc", "volumes", "podman"]
NAMESPACES: Final[tuple[TieKind, ...]] = ("network", "pid", "ipc")
"""What a container joins at its start, and what ends with the run of its owner."""


@dataclass(frozen=True, slots=True)
class Tie:
    """What a container was created to use of another one; it never changes."""

    kind: TieKind
    """The other's namespace, its volumes, or ``podman``: started after it, by ``--requires``."""
    container: str
    """The other one's id or name, as the engine tells it."""


@dataclass(frozen=True, slots=True)
class ContainerSummary:
    """One row of the engine's list: enough to say which service it is, too little to judge it."""

    container_id: str
    name: str
    image: str
    state: ContainerState
    created_at: float
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    network_mode: str = ""
    ties: tuple[Tie, ...] = ()
    """As far as they are told: a list tells at most of a shared network."""
    ports: tuple[PublishedPort, ...] = ()
    uptime_at_most: float | None = None
    """Upper bound of the run's age that the list's words allow (``Up 5 minutes`` is under 6); ``None``: not told."""
    health: str = ""
    """The engine's health word in the list: healthy, unhealthy, starting, or empty when it does not tell."""


@dataclass(frozen=True, slots=True)
class EngineHealth:
    status: Literal["starting", "healthy", "unhealthy", "none"]
    """``none``: a check is configured, the engine has no result of this run."""
    checked_at: float | None = None
    """Wall time of the newest result; ``None`` when there is none."""
    output: str = ""
    interval: float = 30.0


@dataclass(frozen=True, slots=True)
class ContainerSnapshot:
    """What one look (inspect) at a container showed."""

    container_id: str
    name: str
    image: str
    state: ContainerState
    created_at: float
    started_at: float | None = None
    """Wall time; ``None``: never started."""
    finished_at: float | None = None
    exit_code: int | None = None
    error: str = ""
    """The engine's own words on why the last start failed."""
    oom_killed: bool = False
    stopped_by_user: bool | None = False
    """The engine's own record that somebody asked for the end of this run. ``None``: it keeps none, and does not
    always tell of it otherwise."""
    pid: int | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ports: tuple[PublishedPort, ...] = ()
    addresses: tuple[str, ...] = ()
    """The container's own addresses on its networks."""
    network_mode: str = ""
    ties: tuple[Tie, ...] = ()
    restart_policy: str = "no"
    restart_count: int = 0
    """Restarts by the engine's own policy, as far as it counts them."""
    health: EngineHealth | None = None
    """``None``: the container has no health check of the engine."""

    @property
    def run(self) -> Run | None:
        return None if self.started_at is None else Run(self.container_id, self.started_at)


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    """The question could not be asked: no observation, counts nothing."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One answered (or unanswerable) health question, stamped with the run it was asked of."""

    run: Run
    verdict: Verdict
    method: str
    """``http``, ``command``, ``redis``, ``postgres``, ``tcp``, ``engine`` or ``running``."""
    detail: str
    """For people: ``HTTP 500``, ``no answer within 5 s``, ``exit code 1: could not connect``."""
    checked: Instant
    latency: float | None = None
    body: Mapping[str, object] | None = None
    """The JSON object a health endpoint answered with, if it did."""


# --- what we remember ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """An action on its way to being verified: a start or restart is closed by a pass, a death or a failed verdict."""

    action_id: str
    kind: ActionKind
    manual: bool
    cause: str
    run_before: Run | None
    """The run it was to end or follow: still seeing this one afterwards means that it did not happen."""
    in_flight: bool = True
    """The hands have not reported yet; nothing else is decided for the service until they do."""
    pauses: bool = False
    """A restart whose two halves are ours: stopped first, started when the backoff is over."""
    patience_ends: float | None = None
    """The moment until which the engine may still be about to end ``run_before``, although nobody will tell us how
    that went; ``None``: it told us, or there is nothing to wait for."""
    queued: bool = False
    """It was announced and waits for its turn in its lane; the hands do not have it yet."""
    lane_until: float | None = None
    """The moment until which it keeps its lane: carried out, and not verified yet; ``None``: it does not."""


@dataclass(frozen=True, slots=True)
class Held:
    """A person's wish that nothing is done to a service by itself, for a while."""

    until: float
    """The moment at which it ends by itself."""
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What the brain remembers of one service between turns. Deadlines are moments."""

    status: Status = Status.NOT_FOUND
    reason: str = ""
    discovered: bool = False
    disabled_by: Literal["human", "max_failures"] | None = None
    disabled_at: float | None = None
    """The moment it was disabled."""
    stopped_by: str | None = None
    """Who wants it stopped, in words (``orchestrator stop``); kept until somebody starts it."""
    leaving: Literal["in_order", "forced"] | None = None
    """It is stopped as soon as those that require it are down (``orchestrator down``)."""
    wanted_by: str | None = None
    """Who wants it up, in words (``orchestrator up``), until it is started for that."""
    due_since: float | None = None
    """The moment from which nothing but soft dependencies kept it from its start, where they are waited for."""
    hold: Held | None = None
    """A maintenance (``orchestrator hold``)."""
    failure_count: int = 0
    """Consecutive failures since the last healthy verdict; public."""
    strikes: int = 0
    """What drives backoff and the limit; forgiven only after a stable run."""
    restart_count: int = 0
    last_restart_at: float | None = None
    """Wall time."""
    run: Run | None = None
    container_id: str | None = None
    """The container looked at last, also when it never ran."""
    engine_restarts: int = 0
    """The engine's own restart counter as last seen for this container."""
    grace_ends: float | None = None
    """``None``: the grace of this run is over, by time or by a pass."""
    healthy_since: float | None = None
    retry_at: float | None = None
    """When the counted failure is acted on; ``None``: nothing counted, nothing due."""
    last_backoff: float = 0.0
    confirmations: int = 0
    """Failed probes since the unhealthy verdict."""
    failed_probes: int = 0
    """Failed probes in a row, toward the verdict."""
    probe_seen: float = float("-inf")
    """The moment of the newest probe result already taken in."""
    counted: bool = False
    """The failure of this run, its ill health or its death, is among the strikes."""
    failed_at: float | None = None
    """Wall time of that failure: of a death, by the engine's clock."""
    attempt: Attempt | None = None
    completed: bool = False
    """A job that exited 0."""
    waiting: bool = False
    """It is down, or ill, and waits for a dependency."""
    wait_told: bool = False
    """It was told that it waits; of what the host lacks, the host's own event tells for all who wait for it."""
    taken_over: bool = False
    """A crash loop of the engine's own policy was stopped, and it has not run stably since."""
    owners: tuple[tuple[str, str], ...] = ()
    """The containers whose namespaces it uses, by id, each with the service that it was."""
    severed: bool = False
    """It was told that those are gone."""
    resume_at: float | None = None
    """The moment before which what a recreation left half done is not taken up once more; ``None``: at once."""
    companions: tuple[tuple[str, float], ...] = ()
    """Those it is restarted with, each with the start (wall time) of its run that was taken into account last."""

    @property
    def enabled(self) -> bool:
        return self.disabled_by is None
