"""``DockerClient``: Docker or Podman behind the port :class:`orchestrator.ports.ContainerEngine`."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from aiodocker.exceptions import DockerError

from orchestrator.adapters.engine import cgroups, configured, processes, translate
from orchestrator.adapters.engine.connection import ADMIT, LIBPOD, Connection, NotLetThrough, guarded, named
from orchestrator.adapters.engine.creation import create_like
from orchestrator.adapters.engine.deaths import Deaths
from orchestrator.adapters.engine.endpoint import EndpointInvalid, candidates, parse
from orchestrator.adapters.engine.execute import Executor
from orchestrator.adapters.engine.health import HealthChecks
from orchestrator.adapters.engine.logs import LogRequest, read_logs
from orchestrator.adapters.engine.stream import EventStream
from orchestrator.core.evidence import ContainerProcess, LogLine, Usage
from orchestrator.core.model import ContainerSnapshot, ContainerState, ContainerSummary, EngineHealth
from orchestrator.errors import (
    ActionRefused,
    ContainerNotFound,
    EngineAway,
    EngineForbidden,
    EngineUnavailable,
    EngineUnsuitable,
)
from orchestrator.ports import EngineEvent, EngineIdentity, ExecResult

CALL_TIMEOUT: Final = 10.0
START_TIMEOUT: Final = 60.0
"""A start prepares mounts, networks and devices: longer than a question."""
RESERVE: Final = 30.0
"""What a stop or restart is given beyond the container's own stop time-out."""
_ONCE: Final = {"stream": "false", "one-shot": "true"}
_WITHHELD: Final = {403, 404, 405}
"""How a proxy in front of Podman answers that lets through nothing but Docker's paths."""
_ALIVE: Final = {ContainerState.RUNNING, ContainerState.PAUSED}


class DockerClient:
    """The engine that answers first, found anew until one did and then kept.

    Once an engine has answered, this client stays with its address: another engine that is there while the first
    is away knows none of its containers. Making a client does no I/O.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        call_timeout: float = CALL_TIMEOUT,
    ) -> None:
        """``endpoint``: an explicit address instead of the search. ``environment``: instead of the process's own.
        ``call_timeout``: seconds for a question; actions have their own."""
        self._explicit = endpoint
        self._environment = MappingProxyType(dict(os.environ if environment is None else environment))
        self._call_timeout = call_timeout
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._executor = Executor(self._call, call_timeout)
        self._health = HealthChecks(self._call, call_timeout)
        self._deaths = Deaths()
        self._requires: dict[str, tuple[str, ...]] = {}

    @property
    def endpoint(self) -> str:
        return self._connection.address if self._connection is not None else self._candidates()[0]

    @property
    def published_host(self) -> str:
        if self._connection is not None:
            return self._connection.endpoint.host
        try:
            return parse(self.endpoint, self._environment).host
        except EndpointInvalid:
            return "127.0.0.1"

    @property
    def colocated(self) -> bool:
        return self.endpoint.startswith(("unix:", "/"))

    async def identify(self) -> EngineIdentity:
        fresh = self._connection is None
        async with guarded(self.endpoint, self._call_timeout):
            connection = await self._connected()
            if fresh and connection.identity is not None:
                return connection.identity  # Podman takes half a second to say its version: asked once is enough
            return await connection.negotiate()

    async def containers(self) -> Sequence[ContainerSummary]:
        async with self._question() as connection:
            rows = await connection.ask("/containers/json", all="true")
            listed = tuple(translate.summary(row) for row in rows or ())
        there = {row.container_id for row in listed}
        self._requires = {key: needed for key, needed in self._requires.items() if key in there}
        return listed

    async def inspect(self, container_id: str) -> ContainerSnapshot:
        try:
            async with self._question() as connection:
                document = await connection.ask(f"/containers/{named(container_id)}/json")
                seen = translate.snapshot(document, await self._required_by(str(document["Id"]), connection))
                if seen.state is ContainerState.EXITED and connection.is_podman:
                    seen = replace(seen, stopped_by_user=await self._stopped_by_user(seen.container_id, connection))
        except ContainerNotFound:
            self._deaths.gone(container_id)
            raise
        if self._watches(connection):
            self._deaths.show(seen)
        return seen

    async def events(self) -> AsyncIterator[EngineEvent]:
        async with guarded(self.endpoint, self._call_timeout):
            connection = await self._connected()
        stream = EventStream(connection, self._call_timeout, lambda: self._deaths.next(self.inspect))
        try:
            async with aclosing(stream.listen()) as events:
                async for event in events:
                    yield event
        except EngineUnavailable:
            connection.identity = None  # what comes back may be another version
            raise

    async def start(self, container_id: str) -> None:
        async with self._call(START_TIMEOUT) as connection:
            await connection.docker.containers.container(named(container_id)).start()

    async def stop(self, container_id: str, timeout: float) -> None:
        async with self._call(timeout + RESERVE) as connection:
            await connection.docker.containers.container(named(container_id)).stop(t=math.ceil(timeout))

    async def restart(self, container_id: str, timeout: float) -> None:
        async with self._call(timeout + START_TIMEOUT) as connection:
            await connection.docker.containers.container(named(container_id)).restart(t=math.ceil(timeout))

    async def kill(self, container_id: str, signal: str = "SIGKILL") -> None:
        try:
            async with self._call(self._call_timeout + RESERVE) as connection:
                await connection.docker.containers.container(named(container_id)).kill(signal=signal)
        except ActionRefused:
            # Docker says 409, Podman 500, for a container that is not running: look instead of trusting words.
            if signal != "SIGKILL" or (await self.inspect(container_id)).state in _ALIVE:
                raise

    async def rename(self, container_id: str, name: str) -> None:
        async with self._call(self._call_timeout) as connection:
            await connection.docker.containers.container(named(container_id)).rename(name)

    async def create_like(
        self, container_id: str, name: str, successors: Mapping[str, str], labels: Mapping[str, str]
    ) -> str:
        async with self._call(START_TIMEOUT) as connection:
            return await create_like(connection, container_id, name, successors, labels)

    async def remove(self, container_id: str) -> None:
        try:
            async with self._call(START_TIMEOUT) as connection:
                await connection.docker.containers.container(named(container_id)).delete(force=True)
        except ContainerNotFound:
            return

    async def execute(self, container_id: str, command: str | Sequence[str], timeout: float) -> ExecResult:
        return await self._executor.run(container_id, command, timeout, self.colocated)

    async def processes(self, container_id: str) -> Sequence[ContainerProcess]:
        seen = await self.inspect(container_id)
        if seen.pid is None:
            return ()
        if self.colocated:
            here = await asyncio.to_thread(processes.listed, seen.container_id, seen.pid)
            if here:
                return here
        async with self._question() as connection:
            # Podman's own column names; Docker hands the arguments to ps on its host.
            columns = "pid,state,comm" if connection.is_podman else "-eo pid,stat,comm"
            listed = await connection.ask(f"/containers/{named(container_id)}/top", ps_args=columns)
            return translate.processes(listed)

    async def usage(self, container_id: str) -> Usage:
        seen = await self.inspect(container_id)
        if seen.pid is None:
            at_end = self._deaths.usage_at_end(seen.container_id)
            if at_end is None:
                raise ActionRefused(409, "it is down, and what it used went with it")
            return at_end
        cgroup = await asyncio.to_thread(cgroups.of, seen.pid, seen.container_id) if self.colocated else None
        if cgroup is None:
            async with self._question() as connection:
                stats = await connection.ask(f"/containers/{named(container_id)}/stats", **_ONCE)
            return replace(translate.usage(stats), memory_limit=seen.memory_limit)
        return await cgroup.measured()

    async def environment(self, container_id: str) -> Mapping[str, str]:
        async with self._question() as connection:
            return configured.environment(await connection.ask(f"/containers/{named(container_id)}/json"))

    async def storage(self) -> str:
        async with self._question() as connection:
            return str((await connection.ask("/info"))["DockerRootDir"])

    async def health(self, container_id: str) -> EngineHealth | None:
        try:
            return await self._health.newest(container_id, self.colocated)
        except ActionRefused as error:
            raise self._unanswered(error) from error

    async def logs(
        self,
        container_id: str,
        *,
        tail: int,
        follow: bool = False,
        since: float | None = None,
        until: float | None = None,
    ) -> AsyncIterator[LogLine]:
        async with self._question() as connection:
            seen = await connection.ask(f"/containers/{named(container_id)}/json")
        request = LogRequest(
            path=f"/containers/{named(container_id)}/logs",
            terminal=bool(seen["Config"].get("Tty")),
            tail=tail,
            follow=follow,
            since=since,
            until=until,
        )
        async with aclosing(read_logs(connection, request, self._call_timeout)) as lines:
            async for line in lines:
                yield line

    async def close(self) -> None:
        self._deaths.close()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    # --- connecting -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _call(self, seconds: float) -> AsyncIterator[Connection]:
        """One call with its deadline, connecting first where necessary; what it raises is ours."""
        try:
            async with guarded(self.endpoint, seconds):
                connection = await self._connected()
                if connection.identity is None:
                    await connection.negotiate()
                yield connection
        except EngineAway:
            # What comes back may be another version: negotiate again.
            if self._connection is not None:
                self._connection.identity = None
            raise

    @asynccontextmanager
    async def _question(self) -> AsyncIterator[Connection]:
        """A call that only reads: an engine that answers it with an error told us nothing."""
        try:
            async with self._call(self._call_timeout) as connection:
                yield connection
        except ActionRefused as error:
            raise self._unanswered(error) from error

    def _unanswered(self, error: ActionRefused) -> EngineUnavailable:
        if isinstance(error, NotLetThrough):
            return EngineForbidden(self.endpoint, error.fact, ADMIT)
        return EngineUnavailable(self.endpoint, f"it answered {error.status}: {error}", "See the engine's own log")

    async def _required_by(self, container_id: str, connection: Connection) -> tuple[str, ...]:
        """The containers that Podman starts before this one: only its own API tells, once is enough."""
        if not connection.is_podman:
            return ()
        if container_id not in self._requires:
            account = await self._podmans_account(container_id, connection)
            if account is None:
                return ()
            self._requires[container_id] = tuple(map(str, account.get("Dependencies") or ()))
        return self._requires[container_id]

    async def _stopped_by_user(self, container_id: str, connection: Connection) -> bool | None:
        """Podman's record, of a container that is down; ``None``: it does not show one."""
        account = await self._podmans_account(container_id, connection) if connection.records_stops else None
        return None if account is None else (account.get("State") or {}).get("StoppedByUser") is True

    async def _podmans_account(self, container_id: str, connection: Connection) -> translate.Json | None:
        """What Podman's own API tells of a container; ``None`` where a proxy withholds it."""
        try:
            account: translate.Json = await connection.ask(f"{LIBPOD}/containers/{named(container_id)}/json")
        except DockerError as error:
            if error.status not in _WITHHELD:
                raise
            return None
        return account

    def _watches(self, connection: Connection) -> bool:
        """Docker tells deaths at once; a remote engine's processes are not ours to see."""
        return self.colocated and connection.is_podman

    async def _connected(self) -> Connection:
        if self._connection is not None:
            return self._connection
        async with self._connecting:
            if self._connection is None:
                self._connection = await self._first_that_answers()
            return self._connection

    async def _first_that_answers(self) -> Connection:
        """Try the candidates in order, past those that nobody serves or that refuse us; a hung one is waited for."""
        failures: list[EngineUnavailable] = []
        for address in self._candidates():
            try:
                return await self._reach(address)
            except (EngineAway, EngineForbidden, EngineUnsuitable) as error:
                failures.append(error)
        raise failures[0]

    async def _reach(self, address: str) -> Connection:
        connection = Connection(address, self._environment, self._call_timeout)
        try:
            async with guarded(address, self._call_timeout):
                await connection.negotiate()
        except BaseException:
            await connection.close()
            raise
        return connection

    def _candidates(self) -> tuple[str, ...]:
        return candidates(self._environment, _exists, os.getuid(), self._explicit)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a folder that we may not look into
        return False
