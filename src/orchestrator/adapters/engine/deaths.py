"""Deaths seen at once: a handle on the first process of each running container.

Podman's events come about a quarter of a second late; the kernel tells at once. Only for co-located containers
whose process is visible here; elsewhere nothing is watched, and the events are all there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from orchestrator.adapters.engine import cgroups, processes
from orchestrator.core.evidence import Usage
from orchestrator.core.model import ContainerSnapshot, ContainerState
from orchestrator.errors import ContainerNotFound, EngineError
from orchestrator.limits import open_files
from orchestrator.ports import EngineEvent

MOST: Final = 4096
"""Containers watched at most; also never more than half the files this process may have open."""
_FIRST_LOOK: Final = 0.002
_LOOKS: Final = 8
"""Each look waits twice as long as the one before: about half a second in all."""

Look = Callable[[str], Awaitable[ContainerSnapshot]]


@dataclass(frozen=True, slots=True)
class _Watched:
    pid: int
    handle: int
    cgroup: cgroups.Cgroup | None


@dataclass(frozen=True, slots=True)
class _Death:
    container_id: str
    pid: int
    looks: int = 0


class Deaths:
    """Watches what it is shown; :meth:`next` tells each death once, when the engine knows of it too."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._seen: asyncio.Queue[_Death] = asyncio.Queue(MOST)
        self._room = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._last: dict[str, Usage] = {}

    def usage_at_end(self, container_id: str) -> Usage | None:
        """What a container that is down used when its first process died; ``None``: that was not seen."""
        return self._last.get(container_id)

    @property
    def watched(self) -> int:
        """How many containers."""
        return len(self._watched)

    def show(self, snapshot: ContainerSnapshot) -> None:
        """Watch a running container; forget one that is not."""
        alive = snapshot.state in {ContainerState.RUNNING, ContainerState.PAUSED}
        if not alive or snapshot.pid is None:
            self.forget(snapshot.container_id)
            return
        watched = self._watched.get(snapshot.container_id)
        if watched is not None and watched.pid == snapshot.pid:
            return
        self.forget(snapshot.container_id)
        self._watch(snapshot.container_id, snapshot.pid)

    def gone(self, container_id: str) -> None:
        """There is no such container any more."""
        self._last.pop(container_id, None)
        self.forget(container_id)

    def forget(self, container_id: str) -> None:
        watched = self._watched.pop(container_id, None)
        if watched is not None:
            asyncio.get_running_loop().remove_reader(watched.handle)
            os.close(watched.handle)

    async def next(self, look: Look) -> EngineEvent:
        """The death of the next container whose death the engine admits.

        Just after a death Podman's own look may still say running: it is repeated for about half a second, and
        the death told in any case then. ``look`` is an inspect.
        """
        while True:
            death = await self._seen.get()
            at = await _admitted(death, look)
            if at is None and death.looks < _LOOKS:
                self._later(death)
                continue
            return EngineEvent(death.container_id, "die", at or 0.0)

    def close(self) -> None:
        for container_id in tuple(self._watched):
            self.forget(container_id)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _watch(self, container_id: str, pid: int) -> None:
        self._room = self._room or min(MOST, open_files() // 2)
        if len(self._watched) >= self._room:
            return
        try:
            handle = os.pidfd_open(pid)
        except OSError:  # gone already, not visible here, or no such call in this kernel
            return
        # Opened first, confirmed then: whatever the number means from now on, the handle means this process.
        if not processes.belongs(pid, container_id):
            os.close(handle)
            return
        self._last.pop(container_id, None)
        self._watched[container_id] = _Watched(pid, handle, cgroups.of(pid, container_id))
        asyncio.get_running_loop().add_reader(handle, self._died, container_id, pid)

    def _died(self, container_id: str, pid: int) -> None:
        watched = self._watched[container_id]
        if watched.cgroup is not None:  # the engine is about to remove it: now or never, and a few small files
            self._last[container_id] = watched.cgroup.usage()
        self.forget(container_id)
        self._tell(_Death(container_id, pid))

    def _tell(self, death: _Death) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # nobody listens: the list tells, when somebody does
            self._seen.put_nowait(death)

    def _later(self, death: _Death) -> None:
        again = _Death(death.container_id, death.pid, death.looks + 1)

        def due() -> None:
            self._timers.discard(timer)
            self._tell(again)

        timer = asyncio.get_running_loop().call_later(_FIRST_LOOK * 2**death.looks, due)
        self._timers.add(timer)


async def _admitted(death: _Death, look: Look) -> float | None:
    """When it died, by the engine; ``None`` while the engine says that it runs."""
    try:
        snapshot = await look(death.container_id)
    except ContainerNotFound:
        return 0.0
    except EngineError:
        return None
    return (snapshot.finished_at or 0.0) if snapshot.pid != death.pid else None
