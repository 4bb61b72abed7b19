"""The incidents and the histories on a Redis server: their keys, and what is asked of them, for :class:`RedisStore`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from orchestrator.adapters.stores.documents import (
    RETAINED_DAYS,
    RETAINED_INCIDENTS,
    concerns,
    decoded,
    encoded,
    plain,
)
from orchestrator.ports import Document, IncidentRecord

INCIDENTS: Final = "orchestrator:incidents"
"""Their numbers, sorted."""
OPEN: Final = "orchestrator:incidents:open"
HISTORIES: Final = "orchestrator:histories"
"""The names of the services that have one."""
_RETAINED: Final = RETAINED_DAYS * 86_400
_PAGE: Final = 100

Ask = Callable[..., Awaitable[Any]]


class Queue(Protocol):
    """Has a command carried out as part of the transaction."""

    def __call__(self, *words: str | int) -> None: ...


def incident_key(number: int | str) -> str:
    return f"orchestrator:incident:{number}"


def history_key(service: str) -> str:
    return f"orchestrator:service:{service}:history"


class Batch:
    """Incidents and histories that are to be written, as text already."""

    def __init__(self, incidents: Sequence[IncidentRecord], histories: Mapping[str, Document | None]) -> None:
        self._incidents = [
            (each.id, each.summary.get("status") == "open", encoded(each.summary), encoded(each.details))
            for each in incidents
        ]
        self._kept = {plain(name): encoded(each) for name, each in histories.items() if each is not None}
        self._forgotten = [plain(name) for name, each in histories.items() if each is None]

    async def outdated(self, ask: Ask) -> Sequence[str]:
        """The numbers of the closed incidents that are too many."""
        if not self._incidents:
            return ()
        too_many = await ask("ZRANGE", INCIDENTS, 0, -(RETAINED_INCIDENTS + 1))
        still_open = set(await ask("SMEMBERS", OPEN)) if too_many else set[str]()
        return [number for number in too_many if number not in still_open]

    def write(self, queue: Queue, outdated: Sequence[str]) -> None:
        for number, is_open, summary, details in self._incidents:
            key = incident_key(number)
            queue("HSET", key, "summary", summary, "details", details)
            queue("ZADD", INCIDENTS, number, number)
            queue("SADD" if is_open else "SREM", OPEN, number)
            if is_open:
                queue("PERSIST", key)
            else:
                queue("EXPIRE", key, _RETAINED)
        if outdated:
            queue("DEL", *map(incident_key, outdated))
            queue("ZREM", INCIDENTS, *outdated)
        if self._kept:
            queue("MSET", *(word for name in self._kept for word in (history_key(name), self._kept[name])))
            queue("SADD", HISTORIES, *self._kept)
        if self._forgotten:
            queue("DEL", *map(history_key, self._forgotten))
            queue("SREM", HISTORIES, *self._forgotten)


async def read_open(ask: Ask) -> tuple[list[IncidentRecord], int]:
    """The open ones, oldest first, and the highest number given; what cannot be read is left out."""
    newest = await ask("ZREVRANGE", INCIDENTS, 0, 0)
    numbers = sorted(int(number) for number in await ask("SMEMBERS", OPEN))
    read = [await read_one(ask, number) for number in numbers]
    return [record for record in read if record is not None], int(newest[0]) if newest else 0


async def read_histories(ask: Ask) -> dict[str, Document]:
    names = sorted(await ask("SMEMBERS", HISTORIES))
    texts = await ask("MGET", *map(history_key, names)) if names else []
    read = ((name, decoded(text)) for name, text in zip(names, texts, strict=True))
    return {name: document for name, document in read if document is not None}


async def read_one(ask: Ask, number: int) -> IncidentRecord | None:
    summary, details = await ask("HMGET", incident_key(number), "summary", "details")
    head = decoded(summary)
    return None if head is None else IncidentRecord(number, head, decoded(details) or {})


async def read_summaries(
    ask: Ask, limit: int, before: int | None, service: str | None, status: str | None
) -> list[Document]:
    """Newest first; what expired is passed over. Of one service: reads through all of them at the most."""
    found: list[Document] = []
    below = "+inf" if before is None else f"({before}"
    offset = 0
    while len(found) < limit:
        numbers = await ask("ZREVRANGEBYSCORE", INCIDENTS, below, "-inf", "LIMIT", offset, _PAGE)
        for number in numbers:
            summary = decoded(await ask("HGET", incident_key(number), "summary"))
            if summary is not None and status in (None, summary.get("status")) and concerns(summary, service):
                found.append(summary)
        if len(numbers) < _PAGE:
            break
        offset += _PAGE
    return found[: max(limit, 0)]
