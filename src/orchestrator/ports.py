"""What the runtime asks of the outside world: small protocols, each with its contract.

Every implementation, and its fake, passes the same contract suite (``tests/adapters/``). Adapters translate
foreign errors into :mod:`orchestrator.errors` at their edge; nothing else escapes them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from orchestrator.core.gpus import GpuReading
from orchestrator.core.model import (
    Check,
    ContainerSnapshot,
    ContainerSummary,
    EngineHealth,
    Instant,
    Verdict,
)
from orchestrator.core.sighting import Survey


class Clock(Protocol):
    def now(self) -> Instant:
        """The moment never goes back and is the event loop's own time; the wall may be stepped at any time."""
        ...


# --- the engine --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    kind: Literal["docker", "podman"]
    version: str
    api_version: str
    """The version negotiated for this connection."""


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """A wake-up, never a fact: engines replay, drop and reorder events. Look before acting."""

    container_id: str
    action: Literal[
        "create", "start", "die", "stop", "kill", "pause", "unpause", "destroy", "rename", "oom", "health", "connected",
        "other",
    ]  # fmt: skip
    """One vocabulary for both dialects. ``connected``: the stream is up (again); everything may have changed, so
    list. It comes first on every stream, with an empty ``container_id``. ``kill``: somebody had it send a signal that
    asks the container to end."""
    at: float
    """Wall time by the engine; old on a replay."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    output: str
    """The last 4 KiB of both streams."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a container wrote."""

    stream: Literal["stdout", "stderr"]
    """A container with a terminal has one stream: stdout."""
    at: float | None
    """Wall time by the engine; ``None`` where it does not tell."""
    text: str
    """Without its line end; at most 16 KiB: a longer line comes in pieces."""


class ContainerEngine(Protocol):
    """Docker or Podman. Every call has a deadline of its own and raises only :class:`EngineError`.

    A call that raises :class:`EngineUnavailable` observed nothing. A timed-out action may still happen.
    """

    @property
    def endpoint(self) -> str:
        """As configured or found, for people: ``unix:///run/docker.sock``."""
        ...

    @property
    def published_host(self) -> str:
        """Where published ports are reached from here: the loopback address, or the remote engine's host."""
        ...

    @property
    def colocated(self) -> bool:
        """Whether its containers' processes may be visible in our own process table (a local socket)."""
        ...

    async def identify(self) -> EngineIdentity:
        """Connect if necessary, negotiate, and say who answers."""
        ...

    async def containers(self) -> Sequence[ContainerSummary]:
        """All containers, stopped ones too, by exactly one call to the engine."""
        ...

    async def inspect(self, container_id: str) -> ContainerSnapshot:
        """One container as it is now; :class:`ContainerNotFound` when there is none."""
        ...

    def events(self) -> AsyncIterator[EngineEvent]:
        """Container events until the stream breaks: then it raises :class:`EngineUnavailable`.

        Ends never silently: a stream on which the engine went quiet is probed (ping) and ended when nobody
        answers. The caller reconnects.
        """
        ...

    async def start(self, container_id: str) -> None:
        """Already running is success."""
        ...

    async def stop(self, container_id: str, timeout: float) -> None:
        """Returns when it is down; already stopped is success. Killed after ``timeout`` seconds."""
        ...

    async def restart(self, container_id: str, timeout: float) -> None: ...

    async def kill(self, container_id: str) -> None:
        """SIGKILL; already dead is success."""
        ...

    async def rename(self, container_id: str, name: str) -> None: ...

    async def create_like(
        self, container_id: str, name: str, successors: Mapping[str, str], labels: Mapping[str, str]
    ) -> str:
        """Another container like this one, with its volumes, and ``labels`` besides; its id. It is not started.

        ``successors``: containers, by id, each with the one whose namespaces are joined instead. What the new one
        lacks of the old is no likeness: then :class:`ActionRefused` says what, and nothing was created."""
        ...

    async def remove(self, container_id: str) -> None:
        """Killed if it runs; its volumes stay. Gone already is success."""
        ...

    async def execute(self, container_id: str, command: str | Sequence[str], timeout: float) -> ExecResult:
        """Run a command inside. At most one at a time per container; ended when ``timeout`` passes, and then
        :class:`TimeoutError` is raised. A missing command is exit code 127, not an error.
        A container that is not running raises :class:`ActionRefused`."""
        ...

    async def process_states(self, container_id: str) -> Sequence[str]:
        """The kernel's state letter (R, S, D, T, Z, ...) of every process of the container."""
        ...

    async def health(self, container_id: str) -> EngineHealth | None:
        """The newest result of the engine's own health check; where nothing runs it (Podman without systemd
        timers), it is run now. ``None``: no check is configured."""
        ...

    def logs(
        self, container_id: str, *, tail: int, follow: bool = False, since: float | None = None
    ) -> AsyncIterator[LogLine]:
        """The newest ``tail`` lines that the container wrote (after the wall time ``since``), oldest first.

        ``follow``: then what it writes from now on, until it ends, waiting as long as that takes. Also of a container
        that is down, as far as the engine kept it. :class:`ActionRefused` when the engine keeps no logs of it.
        """
        ...

    async def close(self) -> None: ...


# --- probes ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, worked out for one run."""

    container_id: str
    host: str | None = None
    port: int | None = None
    doubtful: bool = False
    """Nobody ever reached this address: silence at the connection attempt says nothing of the service."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one probe read. ``UNKNOWN`` when the question could not be asked."""

    verdict: Verdict
    detail: str
    body: Mapping[str, object] | None = None


class Probe(Protocol):
    """One way to ask for health. Never raises but for cancellation; never outlasts ``timeout`` by more than
    the time to clean up."""

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading: ...

    async def close(self) -> None: ...


# --- Prometheus --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One target as Prometheus itself sees it."""

    job: str
    instance: str
    host: str
    """Where it is scraped, as Prometheus names it: from within its own network."""
    port: int | None
    health: Literal["up", "down", "unknown"]
    last_error: str
    """Prometheus' own words on the last scrape; empty: it was fine, or there was none yet."""
    last_scrape: float | None
    """Wall time by Prometheus; ``None``: never."""


class Prometheus(Protocol):
    """A Prometheus server that is asked for its own view."""

    async def targets(self, target: Target, timeout: float) -> tuple[ScrapeTarget, ...] | str:
        """What the server at ``target`` scrapes; a string says in words why that cannot be told.

        Never raises but for cancellation, never outlasts ``timeout``, and reads a bounded answer only.
        """
        ...


# --- the host ----------------------------------------------------------------------------------------------


class GpuDriver(Protocol):
    """The driver of the host's GPUs, if it has any."""

    async def read(self) -> GpuReading:
        """Never raises but for cancellation, and answers within a few seconds, also when the driver hangs.

        Without any driver it costs next to nothing.
        """
        ...

    async def close(self) -> None: ...


class ResourceProbe(Protocol):
    """Asks for what services require that is no service: see :mod:`orchestrator.core.resources`."""

    async def ask(self, name: str, timeout: float) -> Reading:
        """``PASS``: it is there; ``FAIL``: it was asked for and is not, or has not answered within ``timeout`` seconds;
        ``UNKNOWN``: the question could not be asked. Never raises but for cancellation."""
        ...

    async def close(self) -> None: ...


# --- state -------------------------------------------------------------------------------------------------

Document = dict[str, object]
"""A JSON object: only strings, numbers, booleans, null, lists and objects."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event as it is kept and served."""

    sequence: int
    """Grows by one from event to event, across our own restarts."""
    service: str
    document: Document
    """The message as served: ``type``, ``data``, ``message``, ``cause``, ``timestamp``, ``sequence``."""


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """One incident as it is kept and served."""

    id: int
    """Grows by one from incident to incident, across our own restarts."""
    summary: Document
    """As lists serve it; ``status`` is open or closed, ``members`` are objects that each name a ``service``."""
    details: Document
    """What it has besides: its story, the evidence."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store held when it was opened."""

    services: Mapping[str, Document]
    last_sequence: int = 0
    notice: str = ""
    """Something a person should know (a corrupt file was set aside, and where); empty: nothing."""
    incidents: Sequence[IncidentRecord] = ()
    """The open ones, oldest first."""
    last_incident: int = 0
    histories: Mapping[str, Document] = field(default_factory=lambda: MappingProxyType({}))
    """When each service was in which status; under the empty name: when we were last seen alive."""


class StateStore(Protocol):
    """Durable memory. Raises only :class:`StoreError`; may be used again after it raised.

    What ``write`` returned for survives SIGKILL. A batch is kept whole or not at all.
    """

    @property
    def location(self) -> str: ...

    async def open(self) -> Kept:
        """:class:`StoreInUse` when another orchestrator has it."""
        ...

    async def write(
        self,
        services: Mapping[str, Document | None],
        events: Sequence[EventRecord],
        *,
        incidents: Sequence[IncidentRecord] = (),
        histories: Mapping[str, Document | None] = MappingProxyType({}),
    ) -> None:
        """Replace the named services' documents (``None``: forget the service), and their histories; replace or add
        the incidents, and append the events.

        Writing the same batch again changes nothing. Closed incidents are dropped some day, open ones never.
        """
        ...

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        """Newest first, at most ``limit``; ``before`` and ``since`` are exclusive sequence numbers."""
        ...

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        """Summaries, newest first, at most ``limit``; ``before`` is an exclusive id, ``service`` one of the members."""
        ...

    async def incident(self, number: int) -> IncidentRecord | None: ...

    async def close(self) -> None: ...


# --- configuration -----------------------------------------------------------------------------------------


class Surveyor(Protocol):
    """Says which container is which service: pure, from the configuration it was made with."""

    def survey(self, containers: Sequence[ContainerSummary]) -> Survey: ...
