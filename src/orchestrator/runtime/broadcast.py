"""The live view: every message once, in order, to however many clients; none of them is waited for.

An event is whatever the journal numbers, requests too. It is told when the store has it, so that a number that a client
was told of is never given again after our own death. A store that does not take it in ``LONGEST_HELD`` seconds is not
waited for any longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from orchestrator.core.incidents import Incident
from orchestrator.core.model import Instant
from orchestrator.ports import Clock, EventRecord
from orchestrator.runtime.incident_document import summary_document
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.views import (
    ServiceView,
    SystemView,
    engine_document,
    service_document,
    store_document,
    timestamp,
)

HISTORY: Final = 1000
"""Events that can be resumed from."""
MOST_WAITING: Final = 4096
"""Messages that may wait for one client."""
MOST_CLIENTS: Final = 1000
LONGEST_HELD: Final = 0.25
"""Seconds that an event waits for the store."""
START_DEADLINE: Final = 10.0
"""Seconds that a client waits for what the store remembers when we just started."""
FAREWELL: Final = 1.5
SNAPSHOT_AGE: Final = 1.0
"""Seconds for which one text of a snapshot serves all, if nothing changed: ages and latencies in it move on."""

Ending = Literal["left", "too_slow", "shutdown"]
Recall = Callable[[int], Awaitable[Sequence[EventRecord]]]


class TooManyClients(Exception):
    """As many clients as may be are served already."""


class NotStarted(Exception):
    """What the store remembers is not known yet."""


class Subscription:
    """One client: what waits for it, bounded. A newer level of a service takes the older one's place."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._opening: list[str] = []
        self._waiting: dict[object, str] = {}
        self._ready = asyncio.Event()
        self._ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def open_with(self, texts: Sequence[str]) -> None:
        """What comes before everything live."""
        self._opening = list(texts)

    def put(self, key: object, text: str) -> None:
        self._waiting.pop(key, None)
        self._waiting[key] = text
        if len(self._waiting) > self._limit:
            self.end("too_slow")
        self._ready.set()

    def end(self, ending: Ending) -> None:
        """The first ending counts; what waits is let go."""
        if not self._ended.done():
            self._ended.set_result(ending)
            self._waiting.clear()

    async def take(self) -> list[str]:
        """Everything that waits, as soon as something does."""
        await self._ready.wait()
        texts = [*self._opening, *self._waiting.values()]
        self._opening.clear()
        self._waiting.clear()
        self._ready.clear()
        return texts

    async def ended(self) -> Ending:
        return await asyncio.shield(self._ended)

    @property
    def over(self) -> bool:
        return self._ended.done()

    def begin(self) -> None:
        self._ready.set()


@dataclass(slots=True)
class _Message:
    """Its text is made when somebody wants it, and once."""

    key: object
    document: Mapping[str, object]
    sequence: int | None = None
    _text: str | None = None

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = _json(self.document)
        return self._text


@dataclass(slots=True)
class _Snapshot:
    text: str
    revision: int
    moment: float


@dataclass(slots=True)
class _History:
    """The newest events, oldest first."""

    messages: deque[_Message] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def between(self, since: int, last: int) -> list[str] | None:
        """``None``: not all of them are here."""
        found = [one for one in self.messages if one.sequence is not None and since < one.sequence <= last]
        return [one.text for one in found] if len(found) == last - since else None

    def reach_back(self, records: Sequence[EventRecord], last: int) -> None:
        """Newest first, from the journal, which is right where both know of an event."""
        older = [_event(record) for record in reversed(records) if record.sequence <= last]
        newest = records[0].sequence if records else 0
        later = [one for one in self.messages if one.sequence is not None and one.sequence > min(newest, last)]
        self.messages = deque([*older, *later], maxlen=HISTORY)


class Broadcast(Observer):
    """Told by the brain and the journal (plain functions that never wait), read by each client's subscription.

    ``recall`` answers the newest events of the journal, newest first, at most so many.
    """

    def __init__(
        self,
        clock: Clock,
        system: Callable[[], SystemView],
        recall: Recall,
        *,
        most_clients: int = MOST_CLIENTS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._clock = clock
        self._system = system
        self._recall = recall
        self._most_clients = most_clients
        self._most_waiting = most_waiting
        self._subscriptions: set[Subscription] = set()
        self._history = _History()
        self._held: deque[_Message] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0
        """The newest event that clients may have been told of."""
        self._begun = asyncio.Event()
        self._recalling = asyncio.Lock()
        self._revision = 0
        self._snapshot: _Snapshot | None = None
        self._closed = False
        self._left = asyncio.Event()

    # --- told ------------------------------------------------------------------------------------------------

    def begin(self, last_sequence: int) -> None:
        """The journal was read: events are numbered on from here."""
        self._last = max(self._last, last_sequence)
        self._begun.set()

    async def begun(self) -> None:
        """Waits for that: the orchestrator is under way."""
        await self._begun.wait()

    def recorded(self, record: EventRecord) -> None:
        """The journal was told of an event, which the store does not have yet."""
        self._tell(_event(record))

    def kept(self, sequence: int) -> None:
        """The store has every event up to this number."""
        while self._held and (self._held[0].sequence is None or self._held[0].sequence <= sequence):
            self._release(self._held.popleft())
        self._last = max(self._last, sequence)
        self._quieten()

    def changed(self, view: ServiceView) -> None:
        self._level(("service", view.name), "service", lambda: service_document(view))

    def gone(self, name: str) -> None:
        self._level(("service", name), "service_gone", lambda: {"name": name})

    def system_changed(self) -> None:
        self._level("system", "system", lambda: _surroundings(self._system()))

    def incident_changed(self, incident: Incident) -> None:
        self._level(("incident", incident.id), "incident", lambda: summary_document(incident))

    def _level(self, key: object, kind: str, describe: Callable[[], Mapping[str, object]]) -> None:
        self._revision += 1
        if self._subscriptions:
            self._tell(_Message(key, {"type": kind, "data": describe(), "timestamp": timestamp(self._now().wall)}))

    def _tell(self, message: _Message) -> None:
        self._revision += 1
        if message.sequence is None and not self._held:
            self._release(message)
            return
        self._held.append(message)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LONGEST_HELD, self._release_all)

    def _release_all(self) -> None:
        while self._held:
            self._release(self._held.popleft())
        self._quieten()

    def _quieten(self) -> None:
        if not self._held and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self, message: _Message) -> None:
        if message.sequence is not None:
            self._last = max(self._last, message.sequence)
            self._history.messages.append(message)
        if not self._subscriptions:
            return
        for subscription in tuple(self._subscriptions):
            subscription.put(message.key, message.text)
            if subscription.over:
                self._subscriptions.discard(subscription)

    @property
    def clients(self) -> int:
        """How many follow now."""
        return len(self._subscriptions)

    # --- clients ---------------------------------------------------------------------------------------------

    async def subscribe(self, since: int | None = None) -> Subscription:
        """A snapshot, the events after ``since`` where all of them are known, then everything live.

        Raises :class:`TooManyClients` and :class:`NotStarted`. Every subscription has to :meth:`leave`.
        """
        try:
            async with asyncio.timeout(START_DEADLINE):
                await self._begun.wait()
        except TimeoutError:
            raise NotStarted from None
        if len(self._subscriptions) >= self._most_clients:
            raise TooManyClients
        subscription = Subscription(self._most_waiting)
        if self._closed:
            subscription.end("shutdown")
            return subscription
        self._subscriptions.add(subscription)
        last, data = self._last, self._snapshot_text()
        try:
            missed = None if since is None else await self._between(since, last)
        except BaseException:
            self.leave(subscription)
            raise
        resumed = missed is not None
        told: dict[str, object] = {"sequence": last, "timestamp": timestamp(self._now().wall), "resumed": resumed}
        if since is not None and not resumed:
            told["missed"] = True
        snapshot = f'{{"type":"snapshot","data":{data},{_json(told)[1:]}'
        subscription.open_with([snapshot, *(missed or ())])
        subscription.begin()
        return subscription

    def leave(self, subscription: Subscription) -> None:
        subscription.end("left")
        self._subscriptions.discard(subscription)
        self._left.set()

    async def close(self) -> None:
        """Every client is told that we end, in ``FAREWELL`` seconds at most; nobody is served any more."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                while self._subscriptions:
                    self._left.clear()
                    await self._left.wait()

    async def _between(self, since: int, last: int) -> list[str] | None:
        if not 0 <= last - since <= HISTORY:
            return None
        async with self._recalling:
            texts = self._history.between(since, last)
            if texts is None:
                self._history.reach_back(await self._recall(HISTORY), self._last)
                texts = self._history.between(since, last)
            return texts

    def _snapshot_text(self) -> str:
        """One text for all who come while nothing changes."""
        moment, kept = self._now().moment, self._snapshot
        if kept is None or kept.revision != self._revision or moment - kept.moment > SNAPSHOT_AGE:
            system = self._system()
            services = [service_document(one) for one in system.services]
            data = {"services": services, **_surroundings(system), "version": system.version}
            self._snapshot = kept = _Snapshot(_json(data), self._revision, moment)
        return kept.text

    def _now(self) -> Instant:
        return self._clock.now()


def _event(record: EventRecord) -> _Message:
    return _Message(record.sequence, {**record.document, "sequence": record.sequence}, record.sequence)


def _surroundings(system: SystemView) -> dict[str, object]:
    return {
        "status": system.status,
        "engine": engine_document(system.engine),
        "store": store_document(system.store),
        "restarts_paused": system.restarts_paused,
        "dry_run": system.dry_run,
    }


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"))
