"""``FakeEngine``: one connection to a :class:`FakeDaemon`, behind the port :class:`orchestrator.ports.ContainerEngine`.

It passes the contract suite of the real engines, in virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Final

from orchestrator.core.evidence import ContainerProcess, LogLine, Usage
from orchestrator.core.model import ContainerSnapshot, ContainerState, ContainerSummary, EngineHealth, TieKind
from orchestrator.errors import ActionRefused, EngineAway, EngineHung
from orchestrator.ports import EngineEvent, EngineIdentity, ExecResult
from orchestrator.testing.container import FakeContainer
from orchestrator.testing.daemon import FakeDaemon
from orchestrator.testing.feed import Reader
from orchestrator.testing.ledger import What
from orchestrator.testing.shell import run_command
from orchestrator.testing.workload import Condition

CALL_TIMEOUT: Final = 10.0
START_TIMEOUT: Final = 60.0
RESERVE: Final = 30.0
"""What a stop is given beyond the container's own stop time-out."""
QUIET: Final = 15.0
"""Seconds without an event after which the stream is probed."""
RENEWAL: Final = 300.0
"""Seconds without an event after which a new stream is opened."""
CALL_TAKES: Final = 0.002
MEASURED_FOR: Final = 0.1

_ASKED: Final[Mapping[str, What]] = {
    "start": "asked to start",
    "stop": "asked to stop",
    "restart": "asked to restart",
    "kill": "asked to kill",
}

Step = Callable[[str], None]
"""Told of every step of every call: ``before restart web``, ``sent restart web``, ``answered restart web``."""


class FakeEngine:
    """``on_step`` may cut the connection (:meth:`sever`): the call then never returns, and the world goes on."""

    def __init__(self, daemon: FakeDaemon, *, on_step: Step | None = None) -> None:
        self.daemon = daemon
        self.calls: list[str] = []
        """Every call by name, for counting."""
        self._on_step = on_step
        self._severed = False
        self._execs: dict[str, asyncio.Lock] = {}
        self._lies: list[tuple[str, int, str]] = []

    @property
    def endpoint(self) -> str:
        return f"unix:///run/fake-{self.daemon.dialect}.sock"

    @property
    def published_host(self) -> str:
        return "127.0.0.1"

    @property
    def colocated(self) -> bool:
        """As its socket says. Its process ids are nobody's: only adapters look for those."""
        return True

    # --- the one who tells the story ----------------------------------------------------------------------

    def sever(self) -> None:
        """Whoever holds this connection is dead: nothing of theirs reaches the engine any more."""
        self._severed = True

    def lie_about_next(self, action: str, status: int = 500, text: str = "internal error") -> None:
        """The next ``start``, ``stop``, ``restart`` or ``kill`` happens, and is answered with an error."""
        self._lies.append((action, status, text))

    # --- questions ----------------------------------------------------------------------------------------

    async def identify(self) -> EngineIdentity:
        await self._question("identify")
        if self.daemon.dialect == "podman":
            return EngineIdentity("podman", "4.3.1", "1.41")
        return EngineIdentity("docker", "20.10.24", "1.41")

    async def containers(self) -> Sequence[ContainerSummary]:
        await self._question("list")
        wall = self.daemon.clock.now().wall
        told: tuple[TieKind, ...] = ("network",) if self.daemon.dialect == "docker" else ()
        return tuple(container.summary(wall, told) for container in self.daemon.containers.values())

    async def inspect(self, container_id: str) -> ContainerSnapshot:
        await self._question("inspect")
        seen = self.daemon.find(container_id).snapshot()
        silent = self.daemon.dialect == "podman" and seen.state is ContainerState.EXITED
        return replace(seen, stopped_by_user=None) if silent else seen

    async def health(self, container_id: str) -> EngineHealth | None:
        await self._question("health")
        container = self.daemon.find(container_id)
        checkup, process = container.blueprint.checkup, container.process
        runs = container.state is ContainerState.RUNNING
        if self.daemon.dialect == "podman" and runs and checkup is not None and process is not None:
            hangs = container.answers(self.daemon.clock.now().moment) in (Condition.DEADLOCKED, Condition.FROZEN)
            await asyncio.sleep(checkup.timeout if hangs else container.workload.answer_after)
            self.daemon.check_up(container, process, checkup)
        return container.health()

    async def processes(self, container_id: str) -> Sequence[ContainerProcess]:
        await self._question("processes")
        container = self.daemon.find(container_id)
        if not container.up or container.process is None:
            return ()
        letter = "T" if container.process.condition is Condition.FROZEN else "S"
        return (ContainerProcess(container.process.pid, letter, "workload", 2**20),)

    async def usage(self, container_id: str) -> Usage:
        await self._question("usage")
        container = self.daemon.find(container_id)
        if container.up:
            await asyncio.sleep(MEASURED_FOR)
            return Usage(memory=2**20, memory_limit=container.blueprint.memory_limit, processes=1, cpus=0.0)
        if self.daemon.dialect == "docker" or container.process is None:
            raise ActionRefused(409, "it is down, and what it used went with it")
        return Usage(out_of_memory_kills=int(container.killed_for_memory))

    async def environment(self, container_id: str) -> Mapping[str, str]:
        await self._question("environment")
        return self.daemon.find(container_id).blueprint.environment

    async def storage(self) -> str:
        await self._question("storage")
        return "/var/lib/fake"

    async def logs(
        self,
        container_id: str,
        *,
        tail: int,
        follow: bool = False,
        since: float | None = None,
        until: float | None = None,
    ) -> AsyncIterator[LogLine]:
        await self._question("logs")
        container, broken = self.daemon.find(container_id), self.daemon.reach.broken
        for line in container.output.newest(tail, since, until):
            yield line
        if not follow or container.process is None:
            return
        async with aclosing(container.output.follow(container.process.gone, broken)) as lines:
            async for line in lines:
                yield line
        if broken.done():
            raise self._away("it ended in the middle of a container's log")

    # --- actions ------------------------------------------------------------------------------------------

    async def start(self, container_id: str) -> None:
        await self._action("start", container_id, START_TIMEOUT, self.daemon.start)

    async def stop(self, container_id: str, timeout: float) -> None:
        await self._action("stop", container_id, timeout + RESERVE, self.daemon.stop, timeout)

    async def restart(self, container_id: str, timeout: float) -> None:
        await self._action("restart", container_id, timeout + START_TIMEOUT, self.daemon.restart, timeout)

    async def kill(self, container_id: str, signal: str = "SIGKILL") -> None:
        await self._action("kill", container_id, CALL_TIMEOUT + RESERVE, partial(self.daemon.kill, signal=signal))

    async def rename(self, container_id: str, name: str) -> None:
        await self._question("rename")
        self.daemon.rename(self.daemon.find(container_id), name, by="orchestrator")
        await self._step("done rename")

    async def create_like(
        self, container_id: str, name: str, successors: Mapping[str, str], labels: Mapping[str, str]
    ) -> str:
        await self._question("create_like")
        like = self.daemon.find(container_id)
        created = self.daemon.create_like(like, name, successors, labels, by="orchestrator")
        await self._step("done create_like")
        return created.container_id

    async def remove(self, container_id: str) -> None:
        await self._question("remove")
        self.daemon.remove_on_request(container_id, by="orchestrator")
        await self._step("done remove")

    async def execute(self, container_id: str, command: str | Sequence[str], timeout: float) -> ExecResult:
        await self._question("execute")
        container = self.daemon.find(container_id)
        if container.state is not ContainerState.RUNNING:
            raise ActionRefused(409, f"Container {container.name} is not running")
        async with self._execs.setdefault(container_id, asyncio.Lock()), asyncio.timeout(timeout):
            return await run_command(self.daemon, container, command)

    # --- events -------------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[EngineEvent]:
        while True:
            await self._question("events")
            broken = self.daemon.reach.broken
            reader = self.daemon.feed.subscribe()
            broken.add_done_callback(reader.wake)
            try:
                yield EngineEvent("", "connected", self.daemon.clock.now().wall)
                async for event in self._heard(reader, broken):
                    yield event
            finally:
                broken.remove_done_callback(reader.wake)
                self.daemon.feed.unsubscribe(reader)

    async def _heard(self, reader: Reader, broken: asyncio.Future[None]) -> AsyncIterator[EngineEvent]:
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while loop.time() - heard < RENEWAL:
            event = reader.take()
            if event is not None and self.daemon.reach.awake.is_set():
                heard = loop.time()
                yield event
                continue
            if broken.done():
                raise self._away("the event stream broke")
            try:
                async with asyncio.timeout(QUIET):
                    await reader.news.wait()
            except TimeoutError:
                await self._question("ping")

    async def close(self) -> None:
        return

    # --- how a call goes ----------------------------------------------------------------------------------

    async def _question(self, name: str) -> None:
        """Everything about a call but its answer: steps, refusal, latency, hang, deadline."""
        await self._send(name)
        reach = self.daemon.reach
        takes = CALL_TAKES * reach.slowness
        if not reach.awake.is_set() or takes > CALL_TIMEOUT:
            await self._answered(name, self.daemon.perform(self._think(reach.awake)), CALL_TIMEOUT)
            return
        await self._step(f"sent {name}")
        await asyncio.sleep(takes)
        await self._step(f"answered {name}")
        if not reach.listening:
            raise self._away("the connection broke")

    async def _think(self, awake: asyncio.Event) -> None:
        await asyncio.sleep(CALL_TAKES * self.daemon.reach.slowness)
        await awake.wait()

    async def _action(
        self, name: str, container_id: str, deadline: float, act: Callable[..., Coroutine[Any, Any, None]], *args: float
    ) -> None:
        await self._send(name)
        asked = self.daemon.containers.get(container_id)
        if asked is not None:
            within = f"within {args[0]:g} s" if args else ""
            self.daemon.write(asked, _ASKED[name], "orchestrator", within)
        work = self.daemon.perform(self._act(container_id, act, *args))
        await self._answered(name, work, deadline)
        for lie in self._lies:
            if lie[0] == name:
                self._lies.remove(lie)
                raise ActionRefused(lie[1], lie[2])

    async def _act(self, container_id: str, act: Callable[..., Awaitable[None]], *args: float) -> None:
        await self._think(self.daemon.reach.awake)
        container: FakeContainer = self.daemon.find(container_id)
        await act(container, *args, by="orchestrator")

    async def _send(self, name: str) -> None:
        self.calls.append(name)
        await self._step(f"before {name}")
        if not self.daemon.reach.listening:
            raise self._away(self.daemon.reach.fact)

    async def _answered(self, name: str, work: asyncio.Task[None], deadline: float) -> None:
        broken = self.daemon.reach.broken
        await self._step(f"sent {name}")
        done, _ = await asyncio.wait({work, broken}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
        await self._step(f"answered {name}")
        if not done:
            raise EngineHung(
                self.endpoint,
                f"it did not answer within {deadline:g} s",
                "Look at the engine's own log, or restart it.",
            )
        if work not in done:
            raise self._away("the connection broke")
        work.result()

    async def _step(self, step: str) -> None:
        if self._on_step is not None and not self._severed:
            self._on_step(step)
        if self._severed:
            await asyncio.get_running_loop().create_future()  # until cancelled

    def _away(self, fact: str) -> EngineAway:
        return EngineAway(self.endpoint, fact, "Start the engine.")
