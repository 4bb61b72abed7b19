"""The engine as it is asked, with every call counted and timed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeVar

from orchestrator.core.evidence import ContainerProcess, LogLine, Usage
from orchestrator.core.model import ContainerSnapshot, ContainerSummary, EngineHealth
from orchestrator.errors import ContainerNotFound, EngineError, EngineUnavailable
from orchestrator.ports import Clock, ContainerEngine, EngineEvent, EngineIdentity, ExecResult
from orchestrator.runtime.telemetry import Telemetry

Answer = TypeVar("Answer")


class MeasuredEngine:
    """Implements :class:`ContainerEngine` by asking ``engine``; changes nothing but the figures."""

    def __init__(self, engine: ContainerEngine, telemetry: Telemetry, clock: Clock) -> None:
        self._engine = engine
        self._telemetry = telemetry
        self._clock = clock

    @property
    def endpoint(self) -> str:
        return self._engine.endpoint

    @property
    def published_host(self) -> str:
        return self._engine.published_host

    @property
    def colocated(self) -> bool:
        return self._engine.colocated

    async def identify(self) -> EngineIdentity:
        return await self._measured("identify", self._engine.identify())

    async def containers(self) -> Sequence[ContainerSummary]:
        return await self._measured("list", self._engine.containers())

    async def inspect(self, container_id: str) -> ContainerSnapshot:
        return await self._measured("inspect", self._engine.inspect(container_id))

    async def events(self) -> AsyncIterator[EngineEvent]:
        try:
            async with aclosing(self._engine.events()) as events:  # type: ignore[type-var]
                async for event in events:
                    self._telemetry.heard(event.action)
                    yield event
        finally:
            self._telemetry.stream_connected = False

    async def start(self, container_id: str) -> None:
        await self._measured("start", self._engine.start(container_id))

    async def stop(self, container_id: str, timeout: float) -> None:
        await self._measured("stop", self._engine.stop(container_id, timeout))

    async def restart(self, container_id: str, timeout: float) -> None:
        await self._measured("restart", self._engine.restart(container_id, timeout))

    async def kill(self, container_id: str, signal: str = "SIGKILL") -> None:
        await self._measured("kill", self._engine.kill(container_id, signal))

    async def rename(self, container_id: str, name: str) -> None:
        await self._measured("rename", self._engine.rename(container_id, name))

    async def create_like(
        self, container_id: str, name: str, successors: Mapping[str, str], labels: Mapping[str, str]
    ) -> str:
        return await self._measured("create", self._engine.create_like(container_id, name, successors, labels))

    async def remove(self, container_id: str) -> None:
        await self._measured("remove", self._engine.remove(container_id))

    async def execute(self, container_id: str, command: str | Sequence[str], timeout: float) -> ExecResult:
        return await self._measured("execute", self._engine.execute(container_id, command, timeout))

    async def processes(self, container_id: str) -> Sequence[ContainerProcess]:
        return await self._measured("processes", self._engine.processes(container_id))

    async def usage(self, container_id: str) -> Usage:
        return await self._measured("usage", self._engine.usage(container_id))

    async def environment(self, container_id: str) -> Mapping[str, str]:
        return await self._measured("environment", self._engine.environment(container_id))

    async def storage(self) -> str:
        return await self._measured("storage", self._engine.storage())

    async def health(self, container_id: str) -> EngineHealth | None:
        return await self._measured("health", self._engine.health(container_id))

    def logs(
        self,
        container_id: str,
        *,
        tail: int,
        follow: bool = False,
        since: float | None = None,
        until: float | None = None,
    ) -> AsyncIterator[LogLine]:
        """Not measured: it lasts as long as somebody reads."""
        return self._engine.logs(container_id, tail=tail, follow=follow, since=since, until=until)

    async def close(self) -> None:
        await self._engine.close()

    async def _measured(self, operation: str, call: Awaitable[Answer]) -> Answer:
        begun = self._clock.now().moment
        result = "cancelled"
        try:
            answer = await call
            result = "ok"
        except EngineUnavailable:
            result = "unavailable"
            raise
        except ContainerNotFound:
            result = "not_found"
            raise
        except EngineError:
            result = "refused"
            raise
        except TimeoutError:
            result = "timeout"
            raise
        finally:
            self._telemetry.called(operation, result, self._clock.now().moment - begun)
        return answer
