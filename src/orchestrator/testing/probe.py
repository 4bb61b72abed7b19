"""Probes without a network: one that asks a fake engine's workloads, one that reads from a list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import assert_never

from orchestrator.core.model import (
    Check,
    CommandCheck,
    ContainerState,
    EngineCheck,
    EngineHealth,
    HttpCheck,
    PostgresCheck,
    RedisCheck,
    RunningCheck,
    TcpCheck,
    Verdict,
)
from orchestrator.errors import EngineError
from orchestrator.ports import Reading, Target
from orchestrator.testing.container import FakeContainer
from orchestrator.testing.engine import FakeEngine
from orchestrator.testing.workload import Condition


class WorkloadProbe:
    """Answers every kind of check as the real probes would, from how the container's process is.

    Network checks do not need the engine: they work while it is away. Command and engine checks do.
    """

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.asked: list[tuple[float, str]] = []
        """Moment and container id of every question, for counting."""

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        self.asked.append((asyncio.get_running_loop().time(), target.container_id))
        match check:
            case HttpCheck() | RedisCheck() | PostgresCheck():
                return await self._over_network(target, timeout, open_is_enough=False)
            case TcpCheck():
                return await self._over_network(target, timeout, open_is_enough=True)
            case CommandCheck(command=command):
                return await self._command(command, target, timeout)
            case EngineCheck():
                return await self._engine_health(target)
            case RunningCheck():
                return await self._running(target)
            case _:
                assert_never(check)

    async def close(self) -> None:
        return

    async def _over_network(self, target: Target, timeout: float, *, open_is_enough: bool) -> Reading:
        container = self._engine.daemon.containers.get(target.container_id)
        condition = self._condition(container)
        if container is None or condition is None:
            return Reading(Verdict.FAIL, "connection refused")
        if open_is_enough:
            return Reading(Verdict.PASS, "connected")
        takes = container.workload.answer_after
        if condition in (Condition.DEADLOCKED, Condition.FROZEN) or takes > timeout:
            await asyncio.sleep(timeout)
            return Reading(Verdict.FAIL, f"no answer within {timeout:g} s")
        await asyncio.sleep(takes)
        if container.process is None or container.process.dead:
            return Reading(Verdict.FAIL, "connection reset")
        if condition is Condition.SICK:
            return Reading(Verdict.FAIL, "HTTP 500")
        return Reading(Verdict.PASS, "HTTP 200", {"status": "healthy"})

    def _condition(self, container: FakeContainer | None) -> Condition | None:
        return None if container is None else container.answers(self._engine.daemon.clock.now().moment)

    async def _command(self, command: str | tuple[str, ...], target: Target, timeout: float) -> Reading:
        try:
            result = await self._engine.execute(target.container_id, command, timeout)
        except TimeoutError:
            return Reading(Verdict.FAIL, f"no answer within {timeout:g} s")
        except EngineError as error:
            return Reading(Verdict.UNKNOWN, str(error))
        if result.exit_code == 0:
            return Reading(Verdict.PASS, "exit code 0")
        return Reading(Verdict.FAIL, f"exit code {result.exit_code}: {result.output.strip()}")

    async def _engine_health(self, target: Target) -> Reading:
        try:
            health = await self._engine.health(target.container_id)
        except EngineError as error:
            return Reading(Verdict.UNKNOWN, str(error))
        return _reading_of(health)

    async def _running(self, target: Target) -> Reading:
        try:
            container = await self._engine.inspect(target.container_id)
        except EngineError as error:
            return Reading(Verdict.UNKNOWN, str(error))
        runs = container.state is ContainerState.RUNNING
        return Reading(Verdict.PASS if runs else Verdict.FAIL, f"the container is {container.state}")


def _reading_of(health: EngineHealth | None) -> Reading:
    if health is None:
        return Reading(Verdict.UNKNOWN, "no health check is configured")
    match health.status:
        case "healthy":
            return Reading(Verdict.PASS, "the engine says healthy")
        case "unhealthy":
            return Reading(Verdict.FAIL, f"the engine says unhealthy: {health.output}")
        case "starting" | "none":
            return Reading(Verdict.UNKNOWN, f"the engine says {health.status}")
        case _:
            assert_never(health.status)


class ScriptedProbe:
    """Reads its answers from a list and repeats the last one for ever; an answer that is a number of seconds
    followed by a reading, ``(2.0, reading)``, takes that long, but never longer than the time-out."""

    def __init__(self, readings: Iterable[Reading | tuple[float, Reading]]) -> None:
        self._readings = list(readings)
        if not self._readings:
            raise ValueError("a scripted probe needs at least one reading")
        self.asked: list[tuple[Check, Target]] = []

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        turn = min(len(self.asked), len(self._readings) - 1)
        self.asked.append((check, target))
        entry = self._readings[turn]
        takes, reading = entry if isinstance(entry, tuple) else (0.0, entry)
        await asyncio.sleep(min(takes, timeout))
        return reading if takes <= timeout else Reading(Verdict.FAIL, f"no answer within {timeout:g} s")

    async def close(self) -> None:
        return
