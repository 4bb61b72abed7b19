"""One life of the orchestrator's process: started, and ended politely or by SIGKILL.

A killed life is cut off from the engine and the store before its tasks are cancelled, so that no cleanup code of
it reaches the world: what it had sent goes on, what it had not sent never happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import Context, ContextVar, copy_context
from types import MappingProxyType
from typing import Any, Final

from orchestrator.ports import Document, EventRecord, IncidentRecord, Kept
from orchestrator.runtime.orchestrator import ContainerOrchestrator
from orchestrator.testing.engine import FakeEngine, Step
from orchestrator.testing.store import MemoryStore

_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
_BURIAL: Final = 0.25
"""Seconds between two looks for tasks that outlive their process."""
_LONGEST_BURIAL: Final = 60.0


class BoundStore:
    """A store as one process holds it: ``on_step`` is told of every step, and :meth:`sever` cuts it off."""

    def __init__(self, store: MemoryStore, on_step: Step) -> None:
        self._store = store
        self._on_step = on_step
        self._severed = False

    @property
    def location(self) -> str:
        return self._store.location

    def sever(self) -> None:
        self._severed = True

    async def open(self) -> Kept:
        await self._step("before open")
        return await self._store.open()

    async def write(
        self,
        services: Mapping[str, Document | None],
        events: Sequence[EventRecord],
        *,
        incidents: Sequence[IncidentRecord] = (),
        histories: Mapping[str, Document | None] = MappingProxyType({}),
    ) -> None:
        await self._step("before write")
        await self._store.write(services, events, incidents=incidents, histories=histories)
        await self._step("answered write")

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        await self._step("before events")
        return await self._store.events(limit, service=service, before=before, since=since)

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        await self._step("before incidents")
        return await self._store.incidents(limit, before=before, service=service, status=status)

    async def incident(self, number: int) -> IncidentRecord | None:
        await self._step("before incident")
        return await self._store.incident(number)

    async def close(self) -> None:
        await self._step("before close")
        await self._store.close()

    async def _step(self, step: str) -> None:
        if not self._severed:
            self._on_step(step)
        if self._severed:
            await asyncio.get_running_loop().create_future()  # until cancelled


class Life:
    """``make`` builds the orchestrator on this life's engine and store."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: FakeEngine,
        store: BoundStore,
        make: Callable[[], ContainerOrchestrator],
    ) -> None:
        self._loop = loop
        self.engine = engine
        self._store = store
        self._tasks: set[asyncio.Task[Any]] = set()
        self.alive = True
        self.orchestrator = make()
        context = copy_context()
        context.run(_LIFE.set, self)
        self._main = loop.create_task(self.orchestrator.run(), name="orchestrator", context=context)

    @property
    def failure(self) -> BaseException | None:
        """What it ended with by itself."""
        if not self._main.done() or self._main.cancelled():
            return None
        return self._main.exception()

    def kill(self) -> None:
        """SIGKILL, now."""
        if not self.alive:
            return
        self.alive = False
        self.engine.sever()
        self._store.sever()
        self._bury(self._loop.time() + _LONGEST_BURIAL)

    def _bury(self, until: float) -> None:
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        if left and self._loop.time() < until:
            self._loop.call_later(_BURIAL, self._bury, until)

    async def buried(self) -> None:
        """Wait until nothing of a killed life is left; raises :class:`AssertionError` for what refuses to go."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_LONGEST_BURIAL)
        if self.orphans:
            raise AssertionError(f"tasks outlive their process: {self.orphans}")

    async def end(self) -> None:
        """SIGTERM: a polite end, which takes its time."""
        self.alive = False
        self._main.cancel()
        await asyncio.wait({self._main})

    @property
    def orphans(self) -> Sequence[asyncio.Task[Any]]:
        """Tasks of this life that are still there."""
        return [task for task in self._tasks if not task.done()]

    def adopt(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def tell_lives_apart(loop: asyncio.AbstractEventLoop) -> None:
    """Every task belongs to the life of the task that created it."""

    def make(
        at: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], *, context: Context | None = None, **named: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=at, context=context, **named)
        life = _LIFE.get() if context is None else context.get(_LIFE)
        if life is not None:
            life.adopt(task)
        return task

    loop.set_task_factory(make)  # type: ignore[arg-type]
