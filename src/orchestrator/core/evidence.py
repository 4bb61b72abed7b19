"""What is put on record about a failure before anything is done about it.

Every part either holds what was read or says why it could not be: see :class:`Unread`. All of it is bounded, so that a
container that writes without end, or a host with ten thousand processes, costs no more than another. Secrets are masked
(:mod:`orchestrator.core.masking`) before anything gets in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Final, Literal

from orchestrator.core.gpus import Gpu
from orchestrator.core.masking import mask, mask_lines
from orchestrator.core.model import Run, Status, Verdict

MOST_LINES: Final = 50
LONGEST_LINE: Final = 500
MOST_LOG: Final = 16 * 1024
"""Of a container's log: lines, characters of each, and characters in all."""
MOST_HEALTH_OUTPUTS: Final = 5
MOST_PROCESSES: Final = 50
MOST_EVENTS: Final = 20
MOST_VARIABLES: Final = 60
LONGEST_VALUE: Final = 200
"""Characters of a variable's value."""
REPEATS: Final = 5
"""Ends in a row that are compared."""

Confidence = Literal["certain", "likely", "possible"]


@dataclass(frozen=True, slots=True)
class Unread:
    """A part that is missing."""

    why: str
    """In words."""


NOT_YET: Final = Unread("not read yet")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a container wrote."""

    stream: Literal["stdout", "stderr"]
    """A container with a terminal has one stream: stdout."""
    at: float | None
    """Wall time by the engine; ``None`` where it does not tell."""
    text: str
    """Without its line end; at most 16 KiB: a longer line comes in pieces."""


@dataclass(frozen=True, slots=True)
class LogTail:
    """The newest lines of the run, of both streams, oldest first."""

    lines: tuple[LogLine, ...]
    cut: bool = False
    """Lines were left out or shortened to stay within the bounds."""


@dataclass(frozen=True, slots=True)
class HealthOutput:
    """One answer to the health question."""

    at: float
    """Wall time."""
    verdict: Verdict
    method: str
    detail: str


@dataclass(frozen=True, slots=True)
class ContainerProcess:
    pid: int
    """Outside the container, by whoever listed it."""
    state: str
    """The kernel's letter: R, S, D (uninterruptible), T (stopped), Z (dead, not reaped), ..."""
    name: str
    memory: int | None = None
    """Resident bytes; ``None``: not told."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container uses, and what it may; ``None``: not told, or, of a limit, none. Sizes are bytes."""

    memory: int | None = None
    memory_limit: int | None = None
    memory_peak: int | None = None
    out_of_memory_kills: int | None = None
    """By the kernel's counter, of this run."""
    processes: int | None = None
    """Threads too."""
    processes_limit: int | None = None
    cpus: float | None = None
    """In use: 1.5 is one and a half cores."""
    cpus_limit: float | None = None
    throttled: float | None = None
    """Share (0 to 1) of the scheduler's periods in which it was held back by its limit."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One of the engine's events about the container."""

    at: float
    """Wall time by the engine."""
    action: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is not as it was in the last stable run."""

    what: str
    """``image``, or a part of the configuration: ``environment``, ``command``, ``mounts``, ``limits``, ``network``."""
    at: float
    """Wall time at which the changed container was created."""
    before: str = ""
    after: str = ""
    """Of an image; of configuration only digests are remembered."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One that it needs, and that is not running."""

    name: str
    status: Status | None
    """``None``: not known, or no service."""
    hard: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    exit_code: int | None
    last_line: str


@dataclass(frozen=True, slots=True)
class Counts:
    failures: int = 0
    strikes: int = 0
    restarts: int = 0
    """Of ours."""
    engine_restarts: int = 0
    """By the engine's own policy, as far as it counts them."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """How much work waited for one resource, in per cent of the last 10 s (the kernel's PSI)."""

    resource: Literal["cpu", "memory", "io"]
    some: float
    """Some of it waited."""
    full: float
    """All of it did."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system under a path. Sizes are bytes."""

    path: str
    size: int
    free: int
    """To everybody, without what is reserved."""
    files_free: int | None
    """``None``: it has no fixed number of them."""


@dataclass(frozen=True, slots=True)
class HostPressure:
    load: float
    """Of the last minute."""
    cores: int
    memory: int
    memory_available: int
    pressure: tuple[Pressure, ...] | Unread
    disk: Disk | Unread
    """Where the engine keeps its containers."""


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """Whether the kernel killed it for want of memory. See :mod:`orchestrator.core.oom`."""

    verdict: Literal["yes", "no", "unknown"]
    confidence: Confidence
    grounds: tuple[str, ...]
    """What speaks for it, in words."""
    limit: int | None = None
    """Bytes; ``None``: it has none, or nobody told."""


@dataclass(frozen=True, slots=True)
class Evidence:
    service: str
    run: Run | None
    """The one that failed."""
    taken_at: float
    """Wall time."""
    fact: str
    """What was seen, in the plain words that are told in any case."""
    image: str = ""
    exit_code: int | None = None
    """``None``: it runs, or never ran."""
    error: str = ""
    """The engine's own words."""
    oom_flag: bool = False
    """What the engine has on record; it can be false after such a kill, and true after a later clean one."""
    memory_limit: int | None = None
    """As configured, in bytes."""
    health: tuple[HealthOutput, ...] = ()
    """The newest answers, oldest first."""
    counts: Counts = Counts()
    changes: tuple[Change, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    events: tuple[Happened, ...] = ()
    """Of the engine, oldest first."""
    endings: tuple[Ending, ...] = ()
    """How the last runs ended, without a stable one in between, oldest first, this one included."""
    gpus: tuple[Gpu, ...] | Unread = NOT_YET
    """As the driver told last."""
    log: LogTail | Unread = NOT_YET
    environment: tuple[tuple[str, str], ...] | Unread = NOT_YET
    processes: tuple[ContainerProcess, ...] | Unread = NOT_YET
    usage: Usage | Unread = NOT_YET
    host: HostPressure | Unread = NOT_YET
    out_of_memory: OutOfMemory = OutOfMemory("unknown", "possible", ())

    @property
    def lines(self) -> tuple[LogLine, ...]:
        return () if isinstance(self.log, Unread) else self.log.lines

    @property
    def last_line(self) -> str:
        """The last that says something."""
        return next((line.text.strip() for line in reversed(self.lines) if line.text.strip()), "")

    @property
    def letters(self) -> tuple[str, ...]:
        """The states of its processes."""
        return () if isinstance(self.processes, Unread) else tuple(each.state for each in self.processes)


def tail_of(lines: Sequence[LogLine], secrets: Iterable[str]) -> LogTail:
    """The newest lines that fit in, masked, then shortened: a secret is never cut in two and kept by half."""
    texts = mask_lines([line.text for line in lines], tuple(secrets))
    kept: list[LogLine] = []
    room, cut = MOST_LOG, len(lines) > MOST_LINES
    for line, text in zip(reversed(lines[-MOST_LINES:]), reversed(texts), strict=False):
        short = text[:LONGEST_LINE]
        if len(short) > room:
            cut = True
            break
        cut, room = cut or len(short) < len(text), room - len(short)
        kept.append(LogLine(line.stream, line.at, short))
    return LogTail(tuple(reversed(kept)), cut)


def told(text: str, secrets: Iterable[str] = ()) -> str:
    """Somebody else's words, masked and shortened."""
    return mask(text, tuple(secrets))[:LONGEST_LINE]


def variables(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A masked environment within its bounds, by name."""
    return tuple((name, environment[name][:LONGEST_VALUE]) for name in sorted(environment)[:MOST_VARIABLES])


def to_document(value: object) -> object:
    """Evidence, or any part of it, as JSON: an unread part is ``{"unread": why}``."""
    if isinstance(value, Unread):
        return {"unread": value.why}
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_document(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [to_document(each) for each in value]
    return value
