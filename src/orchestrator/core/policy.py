"""Small arithmetic with names: backoff, grace, forgiveness, cadence, what an exit means."""

from __future__ import annotations

from typing import Final

from orchestrator.core.model import (
    Check,
    ContainerSnapshot,
    ContainerState,
    EngineCheck,
    Instant,
    Kind,
    RecoverySpec,
    RunningCheck,
    ServiceSpec,
    ServiceState,
    Status,
)

SHORTEST_STABLE_RUN: Final = 60.0
"""Seconds of health below which no strike is forgiven, however short the backoff was."""

ENGINE_PATIENCE: Final = 2.0
"""Seconds left to the engine's own restart policy before a dead container counts as staying down. Docker shows
``restarting`` at once; Podman restarts within a few hundred milliseconds after the death."""

STOP_EVENT_PATIENCE: Final = 1.0
"""Seconds left for the event that tells a manual stop: Podman's stream lags about 0.25 s behind the death."""

ONE_CAUSE: Final = 1.0
"""Seconds between the deaths of a service and of what it requires within which whatever ended both is one cause: a
project that is killed goes container by container, in any order."""

SHORTEST_PAUSE: Final = 0.1
"""Seconds between two tries of what keeps failing, also with a backoff of zero: Docker's own first pause."""

STOP_REPEAT: Final = 5.0
"""Seconds before a stop whose end is not known is asked for again."""

STOP_MARGIN: Final = 5.0
"""Seconds beyond the stop time-out in which an engine has killed a container and shows it: Docker goes on with a
restart whose caller has gone, and calls the container running until its process is dead."""
RESUME_AGAIN: Final = 60.0
"""Seconds between two attempts to take up the same interrupted recreation."""

POLITE_EXITS: Final = (0, 143)
"""Exit codes of what was asked to end (SIGTERM), and did."""

LANE_MARGIN: Final = 30.0
"""Seconds beyond its grace for which a service that nobody can judge keeps its lane from the others."""

_LARGEST_EXPONENT: Final = 64
_CONFIRMATIONS_WITHIN_WAIT: Final = 3
_SHORTEST_CONFIRMATION: Final = 0.25
_SIGNALS: Final = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
                   9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM"}  # fmt: skip
_EXIT_WORDS: Final = {125: "the engine could not run it", 126: "the command cannot be executed",
                      127: "command not found"}  # fmt: skip


def backoff(strikes: int, recovery: RecoverySpec) -> float:
    """The wait after the n-th failure: ``base * 2^(n-1)``, capped; 5, 10, 20, ... 300 s for the AI category."""
    if strikes <= 0:
        return 0.0
    return float(min(recovery.backoff_base * 2 ** min(strikes - 1, _LARGEST_EXPONENT), recovery.backoff_max))


def stable_after(recovery: RecoverySpec, last_backoff: float) -> float:
    """How long a service must stay healthy before its strikes are forgiven."""
    if recovery.stable_after is not None:
        return recovery.stable_after
    return max(2 * last_backoff, SHORTEST_STABLE_RUN)


def grace_end(spec: ServiceSpec, started_at: float, now: Instant) -> float | None:
    """The moment at which the grace of a run ends, counted from the engine's start time; ``None``: it is over.

    A start time in the future (a stepped or foreign clock) gives a full grace and no more.
    """
    age = max(now.wall - started_at, 0.0)
    if age >= spec.grace:
        return None
    return now.moment + spec.grace - age


def effective_check(spec: ServiceSpec, container: ContainerSnapshot) -> Check:
    """The one check that decides: the configured one, else the engine's own health, else running."""
    if spec.health.check is not None:
        return spec.health.check
    return RunningCheck() if container.health is None else EngineCheck()


def is_job(spec: ServiceSpec, container: ContainerSnapshot) -> bool:
    """Whether an exit with code 0 completes it.

    Inferred, where nothing was declared: the engine's policy would not restart it after success, and it serves
    nothing (neither port nor health check).
    """
    if spec.kind is not Kind.INFERRED:
        return spec.kind is Kind.JOB
    return container.restart_policy in ("no", "on-failure") and not container.ports and container.health is None


def is_young(container: ContainerSnapshot, now: Instant) -> bool:
    """Whether its run may still be one of a crash loop, and not the stable one after it."""
    return now.wall - (container.started_at or now.wall) < SHORTEST_STABLE_RUN


def engine_restarts(container: ContainerSnapshot) -> bool:
    """Whether the engine's own policy would start this dead container again."""
    match container.restart_policy:
        case "always" | "unless-stopped":
            return True
        case "on-failure":
            return container.exit_code != 0
        case _:
            return False


def probe_cadence(
    spec: ServiceSpec, state: ServiceState, container: ContainerSnapshot, now: Instant, *, waiting: bool = False
) -> float | None:
    """Seconds between two health questions; ``None`` when an answer would say nothing.

    ``waiting``: a hard dependency is not running, so nothing follows from another failure.
    """
    if container.state is not ContainerState.RUNNING or isinstance(effective_check(spec, container), RunningCheck):
        return None
    if state.status is Status.STARTING:
        return min(_starting_cadence(now.wall - (container.started_at or now.wall)), spec.health.interval)
    if state.status is Status.UNHEALTHY and spec.observe_only is None and not waiting:
        wait = state.last_backoff or backoff(max(state.strikes, 1), spec.recovery)
        return min(max(wait / _CONFIRMATIONS_WITHIN_WAIT, _SHORTEST_CONFIRMATION), spec.health.interval)
    return spec.health.interval


def _starting_cadence(age: float) -> float:
    """Dense while a quick starter is about to answer, sparse while a model of many gigabytes loads."""
    if age < 10:
        return 0.5
    return 2.0 if age < 60 else 5.0


def describe_exit(container: ContainerSnapshot) -> str:
    """Why a container is down, as far as the engine tells."""
    if container.state is ContainerState.CREATED:
        return f"never started: {container.error}" if container.error else "created, never started"
    code = container.exit_code
    words = "exited" if code is None else f"exited with code {code}"
    if code is not None and code > 128 and code - 128 in _SIGNALS:
        words += f" ({_SIGNALS[code - 128]})"
    elif code in _EXIT_WORDS:
        words += f" ({_EXIT_WORDS[code]})"
    if container.oom_killed:
        words += ", reported as out of memory by the engine"
    if container.error:
        words += f": {container.error}"
    return words
