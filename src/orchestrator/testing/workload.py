"""What runs inside a fake container, and how it falls ill."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Condition(StrEnum):
    """How the process of one run is."""

    HEALTHY = "healthy"
    SICK = "sick"
    """Answers, and says that it is ill: HTTP 500, exit code 1."""
    DEADLOCKED = "deadlocked"
    """Accepts connections and never answers; still dies on SIGTERM."""
    FROZEN = "frozen"
    """SIGSTOP, state T: accepts connections, answers nothing, and cannot see SIGTERM."""


@dataclass(frozen=True, slots=True)
class Workload:
    """How every new run of a container behaves. Durations are virtual seconds."""

    condition: Condition = Condition.HEALTHY
    """The condition each run begins with: anything but healthy is an illness that no restart cures."""
    warm_up: float = 0.0
    """Connections are refused until this long after the start."""
    crash_after: float | None = None
    """The process ends by itself this long after its start."""
    exit_code: int = 1
    """With what it ends then."""
    answer_after: float = 0.002
    """How long one health question takes."""
    stop_after: float = 0.05
    """How long it takes to end politely after SIGTERM."""
    ignores_sigterm: bool = False
    exit_code_on_sigterm: int = 0
    says: tuple[str, ...] = ()
    """What every run writes to stdout as it begins."""
    complains: tuple[str, ...] = ()
    """And to stderr."""
    ticks_every: float | None = None
    """How often it writes ``tick`` to stdout, from then on."""
    missing_commands: frozenset[str] = frozenset({"no-such-command"})
    """Programs the image does not have; every other command asks the process how it is."""
    cured_by: frozenset[str] = frozenset()
    """Commands, run in whichever container, and signals, by which a process that is ill gets well."""


HEALTHY: Final = Workload()


@dataclass(frozen=True, slots=True)
class EngineCheckup:
    """A HEALTHCHECK as written into an image. Durations are virtual seconds."""

    interval: float = 30.0
    timeout: float = 5.0
    retries: int = 3
    start_period: float = 0.0
