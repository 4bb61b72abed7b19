"""What goes into a decision and what comes out: facts, commands, outcomes; actions, events, decisions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Literal

from orchestrator.core.model import (
    ActionKind,
    ContainerSnapshot,
    ContainerSummary,
    Instant,
    ProbeResult,
    Run,
    ServiceState,
    Status,
    TieKind,
)


class NoEvidence(Enum):
    """The type of :data:`UNSEEN`."""

    UNSEEN = "unseen"


UNSEEN: Final = NoEvidence.UNSEEN
"""Nobody could look (the engine is away, or has not been asked yet): different from ``None``, seen to be absent."""


# --- in ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Restart:
    actor: str
    reset_failures: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    actor: str


@dataclass(frozen=True, slots=True)
class Stop:
    actor: str


@dataclass(frozen=True, slots=True)
class Enable:
    actor: str


@dataclass(frozen=True, slots=True)
class Disable:
    actor: str


@dataclass(frozen=True, slots=True)
class Up:
    """Run again, when what it depends on does: a wish, and no action."""

    actor: str
    named: bool = True
    """The service or its project was named; else what nobody declared and somebody left down is not meant."""


@dataclass(frozen=True, slots=True)
class Down:
    """Stop, and stay so, when those that require it are down: a wish, and no action."""

    actor: str
    force: bool = False
    """Also where one that requires it runs and is to go on."""


@dataclass(frozen=True, slots=True)
class Hold:
    actor: str
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    actor: str


Command = Restart | Start | Stop | Enable | Disable | Hold | Release | Up | Down
"""What a person asked for; ``actor`` says who, in words that go to the journal."""


class Result(StrEnum):
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The engine could not be asked how it ended: the next look decides."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one action ended; posted exactly once for each action, also when it was cancelled."""

    action_id: str
    result: Result
    detail: str
    """The engine's own words on failure; on success what was done, where it differs from what was asked."""
    container: ContainerSnapshot | None = None
    """The look taken after the action, where one succeeded."""
    looked_at: float | None = None
    """The moment that look began."""


@dataclass(frozen=True, slots=True)
class Companion:
    """A service after whose restart another one is restarted too."""

    name: str
    run: Run
    shared: TieKind | None = None
    """The other joined this namespace of it, which ends with its run: a network or an IPC namespace."""


@dataclass(frozen=True, slots=True)
class Severed:
    """Containers whose namespaces it joined are gone, or were left for others: it cannot be started as it is."""

    gone: tuple[str, ...]
    """Their ids."""
    parents: tuple[str, ...] = ()
    """The services that they were, as far as that is known."""
    places: tuple[str, ...] = ()
    """The names of the containers that those have now, as far as they have any, else their own."""
    successors: tuple[tuple[str, str], ...] = ()
    """Each of ``gone`` with the container in its place, by id; empty unless all of those run and are well."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A soft dependency that is coming up, or will be started by itself."""

    name: str
    grace: float
    """Seconds."""
    grace_ends: float | None
    """The moment, of its run; ``None``: it does not run yet."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known from outside about one service at one turn.

    All but ``outcome`` and ``command``, which are delivered once, are levels: the newest known, repeated at every turn.
    """

    container: ContainerSnapshot | NoEvidence | None = UNSEEN
    probe: ProbeResult | None = None
    unmet: tuple[str, ...] = ()
    """Hard dependencies that are not running, by name."""
    stop_requested: bool = False
    """The engine's events tell that somebody asked for this run to be stopped, and it was not us."""
    outcome: Outcome | None = None
    command: Command | None = None
    jitter: float = 0.0
    """By how much to stretch a backoff that is armed in this turn: a fraction, 0 to 0.1, drawn by the brain."""
    roots: tuple[str, ...] = ()
    """What ``unmet`` is down for in the end: those of it, and of what it waits for itself, that wait for nothing."""
    held: str = ""
    """Why nobody may act on it by itself now, in words, though nothing is wrong with its dependencies: a maintenance
    window, an update of its project, a storm. Empty: nothing of that. A person's hold is in the state."""
    dependencies_asked: float = math.inf
    """The moment of the oldest among the newest answers of its hard dependencies, services and what the host has;
    infinite where none can be asked."""
    companions: tuple[Companion, ...] = ()
    """Those it is restarted with, as far as they run and are well."""
    lane_taken_by: str = ""
    """Another service of its lane that is being restarted and not verified yet, by name."""
    make_room: str = ""
    """Why a restart of it has to begin with its stop alone, in words; empty: it has not to."""
    remark: str = ""
    """What has to be said with whatever is done for it by itself now: that it is tried although ..."""
    owners: tuple[tuple[str, str], ...] = ()
    """The containers whose namespaces it uses, by id, each with the service that it is, as far as it is managed."""
    severed: Severed | None = None
    leftover: ContainerSummary | None = None
    """The container that it was, renamed by a recreation that did not come to its end."""
    crowded: bool = False
    """Others come first: as many actions are under way as the engine is given at once. What a person asks for does not
    wait."""
    unwatched: bool = False
    """Nobody looked when its last run ended: the engine was away, or we were."""
    dependencies_seen: bool = True
    """All that it requires or wants was looked at since we began, or the engine is back; and what of it is the host's
    was asked for."""
    awaited: tuple[Awaited, ...] = ()
    """The soft dependencies that do not run yet and are worth waiting for."""
    needed_by: tuple[str, ...] = ()
    """Services that require it, are up, and are not to be stopped."""
    leaving: tuple[str, ...] = ()
    """Services that require it, are up, and are to be stopped."""
    in_window: bool = False
    """A maintenance window is among what holds it: that lasts, as what a person wants does."""
    unmet_ended: float = math.inf
    """Wall time, by the engine, when the first of those of ``unmet`` that are down went down; infinite: none is."""


# --- out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Action:
    """One thing for the hands to do. Same service and same turn always give the same id."""

    action_id: str
    service: str
    kind: ActionKind
    container_id: str
    run: Run | None
    """The run it is to end or to follow."""
    cause: str
    manual: bool
    stop_timeout: float
    successors: tuple[tuple[str, str], ...] = ()
    """Of a recreation: see :class:`Severed`."""


class Message(StrEnum):
    """The event texts of the specification, and those it has no word for."""

    DISCOVERED = "Service discovered"
    RECOVERED = "Service recovered"
    HEALTH_CHECK_FAILED = "Health check failed"
    MANUAL_RESTART = "Manual restart initiated"
    RESTART_COMPLETED = "Restart completed"
    RESTART_FAILED = "Restart failed"
    MAX_FAILURES = "Service disabled - max failures reached"
    ENABLED = "Service enabled"
    DISABLED = "Service disabled"
    STOPPED = "Container stopped"
    NOT_FOUND = "Container not found"
    NEW_RUN = "Container started"
    COMPLETED = "Job completed"
    MANUAL_START = "Manual start initiated"
    MANUAL_STOP = "Manual stop initiated"
    STOP_FAILED = "Stop failed"
    HEALTHY = "Health check passed"
    RESTARTING = "Restart initiated"
    WAITING = "Waiting for dependency"
    RESUMED = "Dependency is back"
    GIVEN_BACK = "Given back to the engine's restart policy"
    HELD = "Service held"
    RELEASED = "Service released"
    SEVERED = "Shared namespace is gone"


@dataclass(frozen=True, slots=True)
class Event:
    """One change worth telling: emitted on the change, never repeated."""

    service: str
    message: Message
    status: Status
    cause: str
    at: Instant


class Failure(StrEnum):
    """What is counted, for programs; an event's ``cause`` says it in words."""

    EXITED = "exited"
    OOM_KILLED = "oom_killed"
    UNHEALTHY = "unhealthy"
    ACTION_FAILED = "action_failed"
    """A start or restart of ours that did not work."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command."""

    accepted: bool
    message: str
    conflict: Literal[
        "",
        "disabled",
        "in_flight",
        "no_container",
        "severed",
        "paused",
        "observe_only",
        "engine_away",
        "required",
        "left",
    ] = ""
    """Why it was refused, for machines."""


@dataclass(frozen=True, slots=True)
class Decision:
    state: ServiceState
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    failures: tuple[Failure, ...] = ()
    """Those counted in this turn."""
    wake_at: float | None = None
    """The moment of the next decision that no fact will announce."""
    probe_every: float | None = None
    """How often the health question is worth asking now, in seconds; ``None``: not at all."""
    reply: Reply | None = None
    due: bool = False
    """It would be acted on now, were it its turn."""
