"""The shared store: a Redis server, version 6.2 or newer.

Each batch is one transaction that is carried out only while the lease is ours. Nothing is tried twice here: the
journal decides when to come back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from orchestrator.adapters.stores import lease, redis_incidents, refusals
from orchestrator.adapters.stores.documents import bounded, decoded, encoded, plain
from orchestrator.errors import StoreInUse
from orchestrator.ports import Document, EventRecord, IncidentRecord, Kept

LEASE: Final = "orchestrator:lease"
SERVICES: Final = "orchestrator:services"
"""The names: looking for keys would read through everything else that the server holds."""
EVENTS: Final = "orchestrator:events"
RETAINED_EVENTS: Final = 10_000
"""Some 5 MB of the server's memory."""

_CONNECT_TIMEOUT: Final = 1.0
_ANSWER_TIMEOUT: Final = 1.5
_DEADLINE: Final = 4.5
"""Seconds for an opening or a question, the watching of a foreign lease included."""
_WRITE_DEADLINE: Final = 10.0
_CONNECTIONS: Final = 8
_PAGE: Final = 1000
_GLANCE: Final = 0.25


def state_key(service: str) -> str:
    return f"orchestrator:service:{service}:state"


def public(url: str) -> str:
    """The address without user, password and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class RedisStore:
    """Implements :class:`orchestrator.ports.StateStore` on ``url`` (``redis``, ``rediss`` or ``unix``).

    A lease keeps a second orchestrator out. It ends ten seconds after its owner's last word, and at once where the
    owner was a process of this machine that is gone. Without it nothing is written.
    """

    def __init__(self, url: str, *, retained_events: int = RETAINED_EVENTS) -> None:
        self._url = url
        self._location = public(url)
        self._retained = retained_events
        self._owner = lease.new_owner()
        self._client: Redis | None = None
        self._last: int | None = None
        """The newest sequence number there, while it is surely known: nobody writes beside us."""

    @property
    def location(self) -> str:
        return self._location

    async def open(self) -> Kept:
        """Everything kept, but events and closed incidents. What cannot be written any more is still read, and
        ``notice`` says so."""
        async with self._edge(_DEADLINE):
            notice = ""
            try:
                await self._take()
            except ResponseError as error:
                if not refusals.refuses_writing(error):
                    raise
                words = refusals.translated(self._location, error)
                notice = f"Kept state was read, but nothing can be written. {words}"
            return await self._read(notice)

    async def write(
        self,
        services: Mapping[str, Document | None],
        events: Sequence[EventRecord],
        *,
        incidents: Sequence[IncidentRecord] = (),
        histories: Mapping[str, Document | None] = MappingProxyType({}),
    ) -> None:
        kept = {plain(name): encoded(document) for name, document in services.items() if document is not None}
        forgotten = [plain(name) for name, document in services.items() if document is None]
        entries = [(event.sequence, plain(event.service), encoded(event.document)) for event in events]
        batch = redis_incidents.Batch(incidents, histories)
        async with self._edge(_WRITE_DEADLINE), self._connected().pipeline(transaction=True) as transaction:
            await self._hold(transaction)
            last = await self._newest() if self._last is None else self._last
            outdated = await batch.outdated(self._ask)
            _begin(transaction)
            _queue(transaction, "PEXPIRE", LEASE, lease.LIFETIME)
            if kept:
                _queue(transaction, "MSET", *(word for name in kept for word in (state_key(name), kept[name])))
                _queue(transaction, "SADD", SERVICES, *kept)
            if forgotten:
                _queue(transaction, "DEL", *map(state_key, forgotten))
                _queue(transaction, "SREM", SERVICES, *forgotten)
            for sequence, service, text in sorted(entries):
                if sequence > last:
                    entry = ("service", service, "document", text)
                    _queue(transaction, "XADD", EVENTS, "MAXLEN", "~", self._retained, f"{sequence}-0", *entry)
            batch.write(partial(_queue, transaction), outdated)
            self._last = None
            await transaction.execute()
            self._last = max([last, *(sequence for sequence, _, _ in entries)])

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        """Of one service: reads through the whole stream at the most, which is capped."""
        newest = bounded(before) - 1 if before is not None else bounded(10**30)
        oldest = max(0, bounded(since) + 1) if since is not None else 0
        wanted = None if service is None else plain(service)
        found: list[EventRecord] = []
        async with self._edge(_DEADLINE):
            while newest >= oldest and len(found) < limit:
                count = _PAGE if wanted is not None else min(_PAGE, limit - len(found))
                page = await self._ask("XREVRANGE", EVENTS, newest, oldest, "COUNT", count)
                records = [record for record in map(_record, page) if record is not None]
                found.extend(record for record in records if wanted is None or record.service == wanted)
                if len(page) < count:
                    break
                newest = _sequence(page[-1][0]) - 1
        return found[: max(limit, 0)]

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        async with self._edge(_DEADLINE):
            return await redis_incidents.read_summaries(self._ask, limit, before, service, status)

    async def incident(self, number: int) -> IncidentRecord | None:
        async with self._edge(_DEADLINE):
            return await redis_incidents.read_one(self._ask, bounded(number))

    async def close(self) -> None:
        """Also gives the lease back, where it is ours."""
        client = self._client
        if client is None:
            return
        try:
            async with self._edge(_DEADLINE), client.pipeline(transaction=True) as transaction:
                await _at_once(transaction, "WATCH", LEASE)
                if await _at_once(transaction, "GET", LEASE) == self._owner:
                    _begin(transaction)
                    _queue(transaction, "DEL", LEASE)
                    await transaction.execute()
        finally:
            self._client = None
            await client.aclose()
            await client.connection_pool.disconnect()

    # --- the lease -------------------------------------------------------------------------------------------

    async def _take(self) -> None:
        """Until the lease is ours; :class:`StoreInUse` when its owner lives."""
        while True:
            holder = await self._ask("GET", LEASE)
            if holder is None:
                if await self._ask("SET", LEASE, self._owner, "NX", "PX", lease.LIFETIME):
                    return
            elif holder == self._owner:
                if await self._ask("PEXPIRE", LEASE, lease.LIFETIME):
                    return
            elif lease.ended(holder):
                await self._evict(holder)
            else:
                await self._outwatch(holder)

    async def _evict(self, holder: str) -> None:
        async with self._connected().pipeline(transaction=True) as transaction:
            await _at_once(transaction, "WATCH", LEASE)
            if await _at_once(transaction, "GET", LEASE) == holder:
                _begin(transaction)
                _queue(transaction, "DEL", LEASE)
                await transaction.execute()

    async def _outwatch(self, holder: str) -> None:
        """Returns when the lease has changed hands or ended; a renewed one has a living owner."""
        left = await self._ask("PTTL", LEASE)
        for _ in range(round(lease.OBSERVED / _GLANCE)):
            await asyncio.sleep(_GLANCE)
            current, now_left = await self._ask("GET", LEASE), await self._ask("PTTL", LEASE)
            if current != holder:
                return
            if now_left > left or now_left < 0:
                raise self._in_use(holder)
            left = now_left
        raise refusals.unavailable(
            self._location,
            f"another orchestrator ({lease.in_words(holder)}) had it and does not renew its lease",
            f"It is taken over in {left / 1000:.0f} s",
        )

    async def _hold(self, transaction: Pipeline) -> None:
        """From here on the transaction fails if the lease is lost."""
        await _at_once(transaction, "WATCH", LEASE)
        holder = await _at_once(transaction, "GET", LEASE)
        if holder == self._owner:
            return
        if holder is not None:
            raise self._in_use(holder)
        await self._ask("SET", LEASE, self._owner, "NX", "PX", lease.LIFETIME)
        raise refusals.unavailable(
            self._location,
            "its lease was gone: it was flushed, restarted without its data, or away for long",
            "It is read anew before anything is written",
        )

    def _in_use(self, holder: str) -> StoreInUse:
        return StoreInUse(
            f"Redis {self._location}: another orchestrator ({lease.in_words(holder)}) uses it. "
            "Stop that one, or give this one another database number in ORCHESTRATOR_REDIS_URL."
        )

    # --- contents --------------------------------------------------------------------------------------------

    async def _read(self, notice: str) -> Kept:
        names = sorted(await self._ask("SMEMBERS", SERVICES))
        texts = await self._ask("MGET", *map(state_key, names)) if names else []
        written = {name: text for name, text in zip(names, texts, strict=True) if text is not None}
        read = {name: decoded(text) for name, text in written.items()}
        services = {name: document for name, document in read.items() if document is not None}
        notices = [notice]
        if len(services) < len(read):
            unread = ", ".join(sorted(read.keys() - services.keys()))
            notices.append(f"Redis {self._location}: what it keeps of {unread} cannot be read and is begun anew.")
        self._last = await self._newest()
        incidents, last_incident = await redis_incidents.read_open(self._ask)
        histories = await redis_incidents.read_histories(self._ask)
        return Kept(services, self._last, " ".join(filter(None, notices)), incidents, last_incident, histories)

    async def _newest(self) -> int:
        """The newest number ever given there, also where its event was deleted."""
        try:
            told = await self._ask("XINFO STREAM", EVENTS)
        except ResponseError as error:
            if "no such key" in str(error):
                return 0
            raise
        return _sequence(told["last-generated-id"])

    # --- the connection --------------------------------------------------------------------------------------

    def _connected(self) -> Redis:
        if self._client is None:
            pool = BlockingConnectionPool.from_url(
                self._url,
                max_connections=_CONNECTIONS,
                timeout=_ANSWER_TIMEOUT,
                socket_connect_timeout=_CONNECT_TIMEOUT,
                socket_timeout=_ANSWER_TIMEOUT,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
                encoding_errors="replace",
                protocol=2,
                driver_info=None,  # it would need a right of its own
            )
            self._client = Redis(connection_pool=pool)
        return self._client

    async def _ask(self, command: str, *words: str | int) -> Any:
        return await self._connected().execute_command(command, *words)  # type: ignore[no-untyped-call]

    @contextlib.asynccontextmanager
    async def _edge(self, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(deadline):
                yield
        except (RedisError, OSError) as error:
            raise refusals.translated(self._location, error) from error


def _begin(transaction: Pipeline) -> None:
    transaction.multi()  # type: ignore[no-untyped-call]


def _queue(transaction: Pipeline, *words: str | int) -> None:
    transaction.pipeline_execute_command(*words)  # type: ignore[no-untyped-call]


async def _at_once(transaction: Pipeline, *words: str) -> Any:
    return await transaction.immediate_execute_command(*words)  # type: ignore[no-untyped-call]


def _sequence(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


def _record(entry: tuple[str, Mapping[str, str]]) -> EventRecord | None:
    entry_id, fields = entry
    document = decoded(fields.get("document"))
    return None if document is None else EventRecord(_sequence(entry_id), fields.get("service", ""), document)
