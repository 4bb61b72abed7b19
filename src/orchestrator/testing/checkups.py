"""The engine's own health checks (HEALTHCHECK), computed as Docker computes them."""

from __future__ import annotations

from typing import Literal

from orchestrator.core.model import ContainerState, EngineHealth, Instant
from orchestrator.testing.container import FakeContainer, Process
from orchestrator.testing.workload import Condition, EngineCheckup

WORDS = {
    None: "connection refused",
    Condition.HEALTHY: "ok",
    Condition.SICK: "HTTP 500",
    Condition.DEADLOCKED: "Health check exceeded timeout",
    Condition.FROZEN: "Health check exceeded timeout",
}


def duration(container: FakeContainer, checkup: EngineCheckup, moment: float) -> float:
    """How long one run of the check takes."""
    hangs = container.answers(moment) in (Condition.DEADLOCKED, Condition.FROZEN)
    return checkup.timeout if hangs else container.workload.answer_after


def examine(container: FakeContainer, process: Process, checkup: EngineCheckup, now: Instant) -> bool:
    """Write the result of one run of the check on record; whether the status changed."""
    if process.dead or container.process is not process or container.state is not ContainerState.RUNNING:
        return False
    condition = container.answers(now.moment)
    passed = condition is Condition.HEALTHY
    before = "starting" if process.checkup is None else process.checkup.status
    forgiven = now.moment - process.began < checkup.start_period and before == "starting"
    process.failed_checkups = 0 if passed or forgiven else process.failed_checkups + 1
    status: Literal["starting", "healthy", "unhealthy", "none"] = before
    if passed:
        status = "healthy"
    elif process.failed_checkups >= checkup.retries:
        status = "unhealthy"
    process.checkup = EngineHealth(status, now.wall, WORDS[condition], checkup.interval)
    return status != before
