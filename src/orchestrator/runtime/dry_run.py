"""The engine as a dry run sees it: everything can be looked at, and nothing can be changed.

Nothing is passed on that is not written here, so that a call that is new to the port is refused until somebody says
that it only looks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NoReturn

from orchestrator.core.evidence import ContainerProcess, LogLine, Usage
from orchestrator.core.model import ContainerSnapshot, ContainerSummary, EngineHealth
from orchestrator.errors import ActionRefused
from orchestrator.ports import ContainerEngine, EngineEvent, EngineIdentity, ExecResult


class DryRunEngine:
    """Implements :class:`ContainerEngine`; every call that changes a container raises :class:`ActionRefused`."""

    def __init__(self, engine: ContainerEngine) -> None:
        self._engine = engine

    @property
    def endpoint(self) -> str:
        return self._engine.endpoint

    @property
    def published_host(self) -> str:
        return self._engine.published_host

    @property
    def colocated(self) -> bool:
        return self._engine.colocated

    # --- what only looks -------------------------------------------------------------------------------------

    async def identify(self) -> EngineIdentity:
        return await self._engine.identify()

    async def containers(self) -> Sequence[ContainerSummary]:
        return await self._engine.containers()

    async def inspect(self, container_id: str) -> ContainerSnapshot:
        return await self._engine.inspect(container_id)

    def events(self) -> AsyncIterator[EngineEvent]:
        return self._engine.events()

    async def processes(self, container_id: str) -> Sequence[ContainerProcess]:
        return await self._engine.processes(container_id)

    async def usage(self, container_id: str) -> Usage:
        return await self._engine.usage(container_id)

    async def environment(self, container_id: str) -> Mapping[str, str]:
        return await self._engine.environment(container_id)

    async def storage(self) -> str:
        return await self._engine.storage()

    async def health(self, container_id: str) -> EngineHealth | None:
        """Where nothing else runs the engine's own check, this runs it: a question, as it was configured."""
        return await self._engine.health(container_id)

    def logs(
        self,
        container_id: str,
        *,
        tail: int,
        follow: bool = False,
        since: float | None = None,
        until: float | None = None,
    ) -> AsyncIterator[LogLine]:
        return self._engine.logs(container_id, tail=tail, follow=follow, since=since, until=until)

    async def close(self) -> None:
        await self._engine.close()

    # --- what changes something ------------------------------------------------------------------------------

    async def start(self, container_id: str) -> None:
        _refuse("start", container_id)

    async def stop(self, container_id: str, timeout: float) -> None:
        _refuse("stop", container_id)

    async def restart(self, container_id: str, timeout: float) -> None:
        _refuse("restart", container_id)

    async def kill(self, container_id: str, signal: str = "SIGKILL") -> None:
        _refuse("kill", container_id)

    async def rename(self, container_id: str, name: str) -> None:
        _refuse("rename", container_id)

    async def create_like(
        self, container_id: str, name: str, successors: Mapping[str, str], labels: Mapping[str, str]
    ) -> str:
        _refuse("copy", container_id)

    async def remove(self, container_id: str) -> None:
        _refuse("remove", container_id)

    async def execute(self, container_id: str, command: str | Sequence[str], timeout: float) -> ExecResult:
        """Nobody knows what a command does; who asks for health has :class:`CheckingEngine`."""
        _refuse("run a command in", container_id)


class CheckingEngine(DryRunEngine):
    """For the probes alone: a service's own health command is a question, and is run in a dry run, too."""

    async def execute(self, container_id: str, command: str | Sequence[str], timeout: float) -> ExecResult:
        return await self._engine.execute(container_id, command, timeout)


def _refuse(verb: str, container_id: str) -> NoReturn:
    raise ActionRefused(403, f"it is a dry run, which does not {verb} container {container_id[:12]}")
