"""The engine's own health checks, run by us where nothing else runs them.

Docker runs them itself. Podman leaves them to systemd timers, and has none in a container, on Alpine, or without
a user session: then the newest result is old or missing, and is asked for here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Any, Final

from orchestrator.adapters.engine import processes, translate
from orchestrator.adapters.engine.connection import LIBPOD, Connection, NotLetThrough, named
from orchestrator.core.model import ContainerSnapshot, ContainerState, EngineHealth
from orchestrator.errors import ActionRefused, ContainerNotFound

Call = Callable[[float], AbstractAsyncContextManager[Connection]]

_INTERVALS: Final = 2
"""Results older than so many intervals: nobody runs the check."""
_TIMEOUT: Final = 30.0
"""Seconds of a check that sets no time-out, as both engines have it."""
_NANOSECONDS: Final = 1e9
_LOOKS: Final = 20
_PAUSE: Final = 0.05


class HealthChecks:
    def __init__(self, call: Call, call_timeout: float) -> None:
        self._call = call
        self._call_timeout = call_timeout

    async def newest(self, container_id: str, colocated: bool) -> EngineHealth | None:
        document, now, podman = await self._look(container_id)
        snapshot = translate.snapshot(document)
        if not podman or not _due(snapshot, now):
            return snapshot.health
        # Podman measures the check's time-out, and does not enforce it.
        limit = _limit(document)
        try:
            async with asyncio.timeout(limit), self._call(limit + self._call_timeout) as connection:
                await connection.ask(f"{LIBPOD}/containers/{named(container_id)}/healthcheck")
        except TimeoutError:
            return await self._hanging(snapshot, now + limit, limit, colocated)
        except NotLetThrough:
            raise  # the newest result is old: it says nothing
        except ActionRefused:  # it stopped running meanwhile
            pass
        return translate.snapshot((await self._look(container_id))[0]).health

    async def _look(self, container_id: str) -> tuple[dict[str, Any], float, bool]:
        async with self._call(self._call_timeout) as connection:
            document, now = await connection.ask_dated(f"/containers/{named(container_id)}/json")
            return document, now, connection.is_podman

    async def _hanging(
        self, snapshot: ContainerSnapshot, now: float, limit: float, colocated: bool
    ) -> EngineHealth | None:
        """A check that did not end is a failed one; its processes must not pile up."""
        # An engine that hangs says nothing about the container: then this look raises.
        document, _, _ = await self._look(snapshot.container_id)
        if colocated:
            await self._end(snapshot.container_id, document)
            for _ in range(_LOOKS):  # Podman counts the ended check as failed, by its own number of retries
                seen = translate.snapshot((await self._look(snapshot.container_id))[0]).health
                if seen is None or seen.checked_at != (snapshot.health and snapshot.health.checked_at):
                    return seen
                await asyncio.sleep(_PAUSE)
        text = f"the health check did not end within {limit:g} s"
        return snapshot.health and replace(snapshot.health, status="unhealthy", checked_at=now, output=text)

    async def _end(self, container_id: str, document: dict[str, Any]) -> None:
        """End what still runs of it, told from other people's commands by its words."""
        test = _test(document)
        for session in document.get("ExecIDs") or ():
            try:
                async with self._call(self._call_timeout) as connection:
                    seen = await connection.ask(f"/exec/{session}/json")
            except ContainerNotFound:
                continue
            process = seen.get("ProcessConfig") or {}
            words = [process.get("entrypoint"), *(process.get("arguments") or ())]
            if words[-len(test) :] == test:
                with suppress(PermissionError):  # a rootless engine of somebody else
                    await asyncio.to_thread(_end_session, container_id, session)


def _end_session(container_id: str, session: str) -> None:
    """Podman itself takes a health check's command for ended while it runs: only its monitor knows the process."""
    leader = processes.monitored_by(container_id, session)
    if leader is not None:
        processes.end(container_id, leader, "")


def _due(snapshot: ContainerSnapshot, now: float) -> bool:
    health = snapshot.health
    if health is None or snapshot.state is not ContainerState.RUNNING:
        return False
    return health.checked_at is None or now - health.checked_at > _INTERVALS * health.interval


def _limit(document: dict[str, Any]) -> float:
    check = (document.get("Config") or {}).get("Healthcheck") or {}
    return float(check.get("Timeout") or 0) / _NANOSECONDS or _TIMEOUT


def _test(document: dict[str, Any]) -> list[str]:
    """The last words of the check's command line: those after ``CMD`` or ``CMD-SHELL``."""
    check = (document.get("Config") or {}).get("Healthcheck") or {}
    return [str(word) for word in check.get("Test") or ()][1:]
