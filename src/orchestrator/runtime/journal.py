"""The keeper between the brain and the store: the brain tells and goes on, the journal writes when it can.

A store that is away, full, hung or lost delays nothing but itself. Everything told meanwhile waits here, bounded:
one document a service, and the newest events. When the store is back it is read first, because it may hold what an
earlier process knew and this one could not load, or may have come back empty.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from orchestrator.errors import StoreError, StoreInUse, StoreUnavailable
from orchestrator.ports import Clock, Document, EventRecord, IncidentRecord, Kept, StateStore
from orchestrator.runtime.backlog import Backlog
from orchestrator.runtime.incident_shelf import IncidentShelf
from orchestrator.runtime.shelf import Shelf
from orchestrator.runtime.views import StoreView

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries while the store fails: doubled from the first to the longest."""
BEAT: Final = 2.0
"""Seconds after which an idle store gets an empty batch: one that went away, or was emptied or replaced, is noticed
without a change to write, and a lease is renewed."""
OPERATION_DEADLINE: Final = 15.0
"""Seconds for one opening with one write. Longer than the stores' own, whose messages say more."""
READ_DEADLINE: Final = 2.0
"""Seconds that somebody who asks for events waits for the store before memory answers alone."""

_log = structlog.get_logger(__name__)

Recovered = Callable[[Kept, Mapping[str, Document]], None]
"""Called when a store that could not be opened at the start opens later, before anything is written to it.

The first argument holds the services that this process has told nothing of: history to be adopted, and kept as it
is. The second holds what the store had of the services this process did tell of; it is overwritten unless the
callback remembers something better for them, such as that a person had disabled one.
"""


class Journal:
    """Told by the brain (``remember``, ``record``: plain functions, never wait), written by :meth:`run`.

    ``pending_limit`` bounds the events that wait for the store: beyond it the oldest are dropped and counted.
    ``recent_limit`` is the number of events also held in memory once they are written. ``on_recorded`` is told of every
    event at once, ``on_kept`` of the number up to which the store has them.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        *,
        on_recovered: Recovered | None = None,
        on_recorded: Callable[[EventRecord], None] | None = None,
        on_kept: Callable[[int], None] | None = None,
        pending_limit: int = 10_000,
        recent_limit: int = 1_000,
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_recovered = on_recovered
        self._on_recorded = on_recorded
        self._on_kept = on_kept
        self._backlog = Backlog(pending_limit, recent_limit)
        self._services: Shelf[str, Document] = Shelf()
        self._histories: Shelf[str, Document] = Shelf()
        self._incidents = IncidentShelf()
        self._joined = False
        """The store was read since it last failed."""
        self._ever_joined = False
        self._failure: str | None = "not opened yet"
        self._failing_since: float | None = None
        self._notice = ""
        self._waiting_since: float | None = None
        """The moment at which the oldest of what is not written yet was told, or somewhat earlier."""
        self._told = self._taken = 0
        """How often something was told, in all and as far as the store has it."""
        self._changed = asyncio.Event()
        self._attempted = asyncio.Event()
        """Another one for every attempt to write: set at its end."""
        self._turn = asyncio.Lock()

    # --- the brain's side ------------------------------------------------------------------------------------

    def remember(self, name: str, document: Document) -> None:
        """Keep this as the service's newest document; what was told before and not yet written is superseded."""
        if self._services.put(name, document):
            self._note_waiting()

    def forget(self, name: str) -> None:
        """Keep nothing of this service any more but its events."""
        self._services.put(name, None)
        self._histories.put(name, None)
        self._note_waiting()

    def remember_history(self, name: str, document: Document) -> None:
        """When it was in which status; with an empty name, when we were last alive."""
        if self._histories.put(name, document):
            self._note_waiting()

    def history(self, name: str) -> Document | None:
        return self._histories.get(name)

    def remember_incident(self, incident: IncidentRecord) -> None:
        if self._incidents.put(incident.id, incident):
            self._note_waiting()

    def record(self, service: str, document: Mapping[str, object]) -> EventRecord:
        """Keep an event; the answer carries the next sequence number, in the document too.

        Only while the store was never read can the number turn out to be taken: then the event is kept under a higher
        one, and later events go on from there.
        """
        event = self._backlog.append(service, document)
        self._note_waiting()
        if self._on_recorded is not None:
            self._on_recorded(event)
        return event

    def _note_waiting(self) -> None:
        self._told += 1
        if self._waiting_since is None:
            self._waiting_since = self._clock.now().moment
        self._changed.set()

    @property
    def last_sequence(self) -> int:
        return self._backlog.sequence

    @property
    def dropped_events(self) -> int:
        """Events that the store never got because it was away for too many of them."""
        return self._backlog.dropped

    @property
    def lag(self) -> float:
        """Seconds since the oldest of what the store does not have yet was told; 0: it has everything."""
        return 0.0 if self._waiting_since is None else self._clock.now().moment - self._waiting_since

    def view(self) -> StoreView:
        """``pending_writes`` counts documents and events that are only in memory."""
        return StoreView(self._store.location, self._failure is None, self._detail(), self._pending())

    # --- reading ---------------------------------------------------------------------------------------------

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        """Newest first, from the store and from memory; from memory alone where the store does not answer."""
        found: dict[int, EventRecord] = {}
        if self._ever_joined:
            try:
                async with asyncio.timeout(READ_DEADLINE):
                    kept = await self._store.events(limit, service=service, before=before, since=since)
                found.update((event.sequence, event) for event in kept)
            except (StoreError, TimeoutError) as error:
                _log.debug("State store did not answer a question", location=self._store.location, detail=str(error))
        found.update((event.sequence, event) for event in self._backlog.matching(service, before, since))
        newest = sorted(found.values(), key=lambda event: event.sequence, reverse=True)
        return newest[: max(limit, 0)]

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        """Summaries, newest first, from the store and from memory, which is newer."""
        found: dict[int, Document] = {}
        if self._ever_joined:
            try:
                async with asyncio.timeout(READ_DEADLINE):
                    kept = await self._store.incidents(limit, before=before, service=service, status=status)
                found.update((int(str(summary["id"])), summary) for summary in kept)
            except (StoreError, TimeoutError) as error:
                _log.debug("State store did not answer a question", location=self._store.location, detail=str(error))
        for record in self._incidents:
            found.pop(record.id, None)
        found.update(self._incidents.matching(before, service, status))
        return [found[number] for number in sorted(found, reverse=True)][: max(limit, 0)]

    async def incident(self, number: int) -> IncidentRecord | None:
        """The whole of it; :class:`StoreError` where it is not in memory and the store cannot be asked."""
        known = self._incidents.get(number)
        if known is not None or not self._ever_joined:
            return known
        try:
            async with asyncio.timeout(READ_DEADLINE):
                return await self._store.incident(number)
        except TimeoutError:
            words = f"State store {self._store.location}: it has not answered within {READ_DEADLINE:g} s. Ask again."
            raise StoreUnavailable(words) from None

    # --- writing ---------------------------------------------------------------------------------------------

    async def secure(self, patience: float) -> None:
        """Wait until the store has all that was told so far: ``patience`` seconds at most, and not while it fails."""
        told = self._told
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._taken < told and self._failure is None:
                    await self._attempted.wait()

    async def open(self, deadline: float = 5.0) -> Kept:
        """What was kept, or nothing where the store cannot be opened in time: :meth:`run` goes on trying.

        Raises :class:`StoreInUse`, the one failure that going on would make worse.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(deadline):
                    kept = await self._store.open()
            except StoreInUse:
                raise
            except (StoreError, TimeoutError) as error:
                self._broke(_words(error, deadline))
                self._changed.set()
                return Kept({})
            self._join(kept)
            self._mended()
            return kept

    async def run(self) -> None:
        """Write whatever is told, at once and as one batch; after a failure try again, less and less often.

        With nothing to write, look every :data:`BEAT` seconds whether the store is still there. Raises
        :class:`StoreInUse` when another orchestrator took it while it could not be opened or written to.
        """
        pause = FIRST_PAUSE
        while True:
            if self._settled():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await self._changed.wait()
            if await self._attempt():
                pause = FIRST_PAUSE
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def flush(self, deadline: float) -> bool:
        """Write what waits, trying again until ``deadline`` seconds have passed; whether nothing waits any more."""
        try:
            async with asyncio.timeout(deadline):
                while not self._settled():
                    if not await self._attempt():
                        await asyncio.sleep(FIRST_PAUSE)
        except (TimeoutError, StoreInUse):
            _log.warning(
                "State store did not take everything in time",
                location=self._store.location,
                pending=self._pending(),
                detail=self._detail(),
            )
        return self._settled()

    async def close(self, deadline: float = 5.0) -> None:
        """Close the store; what still waits is lost, so :meth:`flush` comes first."""
        try:
            async with asyncio.timeout(deadline):
                await self._store.close()
        except (StoreError, TimeoutError) as error:
            _log.warning("State store did not close", location=self._store.location, detail=_words(error, deadline))

    async def _attempt(self) -> bool:
        try:
            return await self._write()
        finally:
            self._attempted.set()
            self._attempted = asyncio.Event()

    async def _write(self) -> bool:
        """One opening, where the store failed before, and one write of everything that waits."""
        async with self._turn:
            try:
                async with asyncio.timeout(OPERATION_DEADLINE):
                    if not self._joined:
                        self._rejoin(await self._store.open())
                    services, histories = self._services.waiting(), self._histories.waiting()
                    incidents = self._incidents.waiting()
                    events, told = self._backlog.waiting(), self._told
                    begun = self._clock.now().moment
                    changed = [record for record in incidents.values() if record is not None]
                    await self._store.write(services, events, incidents=changed, histories=histories)
            except (StoreError, TimeoutError) as error:
                # Told at a write it may be of one that is gone; an opening looks whether it lives.
                lost = isinstance(error, StoreInUse) and not self._joined
                self._joined = False
                self._broke(_words(error, OPERATION_DEADLINE))
                if lost:
                    raise
                return False
            self._services.written(services)
            self._histories.written(histories)
            self._incidents.written(incidents)
            self._incidents.trim()
            self._backlog.written(events)
            self._taken = told
            if events and self._on_kept is not None:
                self._on_kept(events[-1].sequence)
            self._waiting_since = begun if self._pending() else None
            self._mended()
            return True

    def _settled(self) -> bool:
        return self._joined and not self._pending()

    def _pending(self) -> int:
        shelves = self._services.pending + self._histories.pending + self._incidents.pending
        return shelves + self._backlog.pending()

    # --- meeting the store -----------------------------------------------------------------------------------

    def _rejoin(self, kept: Kept) -> None:
        """Hand over what nobody could load at the start, and mark what the store does not have (any more)."""
        first, told = not self._ever_joined, self._services.waiting()
        if first:
            self._incidents.number_above(kept.last_incident)
        self._services.rejoin(kept.services)
        self._histories.rejoin(kept.histories)
        self._incidents.rejoin({incident.id: incident for incident in kept.incidents})
        self._join(kept)
        if first and self._on_recovered is not None:
            untouched = {name: document for name, document in kept.services.items() if name not in told}
            outrun = {name: document for name, document in kept.services.items() if name in told}
            self._on_recovered(replace(kept, services=untouched), outrun)

    def _join(self, kept: Kept) -> None:
        if kept.notice and kept.notice != self._notice:
            _log.warning("State store has something to say", location=self._store.location, detail=kept.notice)
        self._notice = kept.notice
        self._backlog.meet(kept.last_sequence)
        self._services.join(kept.services)
        self._histories.join(kept.histories)
        self._incidents.join({incident.id: incident for incident in kept.incidents})
        self._joined = self._ever_joined = True

    # --- edges -----------------------------------------------------------------------------------------------

    def _broke(self, words: str) -> None:
        if self._failing_since is None:
            self._failing_since = self._clock.now().moment
            _log.warning(
                "State store unavailable, going on from memory",
                location=self._store.location,
                detail=words,
                pending=self._pending(),
            )
        self._failure = words

    def _mended(self) -> None:
        if self._failing_since is not None:
            _log.info(
                "State store available again",
                location=self._store.location,
                after_seconds=round(self._clock.now().moment - self._failing_since, 1),
                dropped_events=self._backlog.dropped,
            )
        self._failure, self._failing_since = None, None

    def _detail(self) -> str:
        words = [self._failure or self._notice]
        if self._backlog.dropped:
            words.append(f"{self._backlog.dropped} events were dropped while it was away.")
        return " ".join(filter(None, words))


def _words(error: Exception, deadline: float) -> str:
    return str(error) if isinstance(error, StoreError) else f"it has not answered within {deadline:g} s"
