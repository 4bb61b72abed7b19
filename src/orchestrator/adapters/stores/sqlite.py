"""The embedded store: one SQLite file, one thread that does everything to it in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from orchestrator.adapters.stores.custody import unavailable
from orchestrator.adapters.stores.database import Database
from orchestrator.errors import StoreUnavailable
from orchestrator.ports import Clock, Document, EventRecord, IncidentRecord, Kept

T = TypeVar("T")

MOST_WAITING: Final = 32
"""Calls that may wait for their turn; callers that went away have left theirs there."""
RETAINED_EVENTS: Final = 100_000
"""About 50 MB with all the words that an event carries."""


class SqliteStore:
    """Implements :class:`orchestrator.ports.StateStore` on a local file.

    The directory is made (0700) and the file (0600) where they are missing. A file that is damaged, or is no
    database, is set aside as ``NAME.corrupt-YYYYmmdd-HHMMSS`` and never deleted; one of another program or of a newer
    version is left alone and refused. Two processes never use one file: the second is told the first one's id.

    Every call ends within ``deadline`` seconds, in :class:`StoreUnavailable` where the disk hangs; until the hung
    call has come back, further ones are refused at once, so that none pile up behind it.
    """

    def __init__(
        self, path: Path, clock: Clock, *, retained_events: int = RETAINED_EVENTS, deadline: float = 10.0
    ) -> None:
        self._path = path
        self._clock = clock
        self._deadline = deadline
        self._database = Database(path, clock, retained_events)
        self._thread: ThreadPoolExecutor | None = None
        self._overdue: asyncio.Future[Any] | None = None
        self._jobs: set[asyncio.Future[Any]] = set()

    @property
    def location(self) -> str:
        return str(self._path)

    async def open(self) -> Kept:
        return await self._in_turn(self._database.open)

    async def write(
        self,
        services: Mapping[str, Document | None],
        events: Sequence[EventRecord],
        *,
        incidents: Sequence[IncidentRecord] = (),
        histories: Mapping[str, Document | None] = MappingProxyType({}),
    ) -> None:
        wall = self._clock.now().wall
        await self._in_turn(lambda: self._database.write(services, events, incidents, histories, wall))

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        return await self._in_turn(lambda: self._database.events(limit, service, before, since))

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        return await self._in_turn(lambda: self._database.incidents(limit, before, service, status))

    async def incident(self, number: int) -> IncidentRecord | None:
        return await self._in_turn(lambda: self._database.incident(number))

    async def close(self) -> None:
        """Also releases the file to other processes, unless the disk hangs: then the end of this process does."""
        if self._thread is None:
            return
        try:
            await self._in_turn(self._database.close)
        finally:
            self._thread.shutdown(wait=False)
            self._thread = None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if len(self._jobs) >= MOST_WAITING or (self._overdue is not None and not self._overdue.done()):
            raise self._hung()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "state-store")
        job = asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._jobs.add(job)
        job.add_done_callback(self._came_back)
        await asyncio.wait({job}, timeout=self._deadline)
        if not job.done():
            self._overdue = job
            self._database.interrupt()
            raise self._hung()
        return job.result()

    def _hung(self) -> StoreUnavailable:
        return unavailable(
            self._path, f"the disk has not answered within {self._deadline:g} s", "Check the disk and its load"
        )

    def _came_back(self, job: asyncio.Future[Any]) -> None:
        self._jobs.discard(job)
        # Nobody may wait any more for a job that came too late: its error must not be reported as forgotten.
        if not job.cancelled():
            job.exception()
