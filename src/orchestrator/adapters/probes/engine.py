"""The engine's own health check: its newest result, taken over as it is."""

from __future__ import annotations

import asyncio

from orchestrator.adapters.probes.command import last_line
from orchestrator.core.model import Check, Verdict
from orchestrator.errors import EngineError
from orchestrator.ports import ContainerEngine, Reading, Target


class EngineProbe:
    """healthy passes, unhealthy fails with the check's last words; starting and no result are no observation."""

    def __init__(self, engine: ContainerEngine) -> None:
        self._engine = engine

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        try:
            async with asyncio.timeout(timeout):
                health = await self._engine.health(target.container_id)
        except TimeoutError:
            # The engine is slow, or runs the check itself and it has a longer time-out than ours.
            return Reading(Verdict.UNKNOWN, f"the engine did not tell within {timeout:g} s")
        except EngineError as error:
            return Reading(Verdict.UNKNOWN, str(error))
        if health is None:
            return Reading(Verdict.UNKNOWN, "the container has no health check of the engine")
        if health.status == "healthy":
            return Reading(Verdict.PASS, "healthy by the engine's check")
        if health.status == "unhealthy":
            return Reading(Verdict.FAIL, last_line(health.output) or "unhealthy by the engine's check")
        if health.status == "starting":
            return Reading(Verdict.UNKNOWN, "the engine's check has not decided yet")
        return Reading(Verdict.UNKNOWN, "the engine's check has no result of this run")

    async def close(self) -> None:
        """The engine belongs to whoever made it."""
