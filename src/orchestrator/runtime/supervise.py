"""Every task has a parent: the crew restarts a worker that fails, and says so.

One failure ends all of them: another orchestrator has our state, and two must not heal the same containers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from orchestrator.errors import StoreInUse
from orchestrator.runtime.views import WorkerView

logger: Final = logging.getLogger("orchestrator")

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_HEALTHY_AFTER: Final = 60.0


@dataclass(slots=True)
class _Worker:
    name: str
    work: Callable[[], Awaitable[None]]
    state: Literal["running", "degraded", "stopped"] = "stopped"
    detail: str = ""
    restarts: int = 0
    pause: float = _FIRST_PAUSE


@dataclass(slots=True)
class Crew:
    """A fixed set of endless workers under one parent."""

    _workers: dict[str, _Worker] = field(default_factory=dict)

    def add(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._workers[name] = _Worker(name, work)

    def views(self) -> tuple[WorkerView, ...]:
        return tuple(
            WorkerView(name=worker.name, state=worker.state, detail=worker.detail, restarts=worker.restarts)
            for worker in self._workers.values()
        )

    async def run(self) -> None:
        """Until cancelled, or :class:`StoreInUse`; a worker that fails otherwise never takes the others with it."""
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self._workers.values():
                    group.create_task(self._keep(worker), name=worker.name)
        except* StoreInUse as ended:
            in_use = ended.exceptions[0]
        else:
            return
        raise in_use

    async def _keep(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                worker.state = "running"
                begun = loop.time()
                try:
                    await worker.work()
                    worker.detail = "ended unexpectedly"
                    logger.error("Worker %s ended unexpectedly", worker.name)
                except StoreInUse:
                    raise
                except Exception as error:
                    worker.detail = f"{type(error).__name__}: {error}"
                    logger.exception("Worker %s failed", worker.name, extra={"worker": worker.name})
                if loop.time() - begun > _HEALTHY_AFTER:
                    worker.pause = _FIRST_PAUSE
                worker.state = "degraded"
                worker.restarts += 1
                await asyncio.sleep(worker.pause)
                worker.pause = min(worker.pause * 2, _LONGEST_PAUSE)
        finally:
            worker.state = "stopped"
