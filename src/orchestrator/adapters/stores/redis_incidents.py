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
"""Their numbers. A set, and plain values: a user for this store needs no rights that it did not need before."""
OPEN: Final = "orchestrator:incidents:open"
HISTORIES: Final = "orchestrator:histories"
"""The names of the services that have one."""
_RETAINED: Final = RETAINED_DAYS * 86_400
_PAGE: Final = 100

Ask = Callable[..., Awaitable[Any]]


class Queue(Protocol):
    """Has a command carried out as part of the transaction."""

    def __call__(self, *words: str | int) -> None: ...


def summary_key(number: int) -> str:
    return f"orchestrator:incident:{number}:summary"


def details_key(number: int) -> str:
    return f"orchestrator:incident:{number}:details"


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

    async def outdated(self, ask: Ask) -> Sequence[int]:
        """The numbers of the closed incidents that are too many."""
        if not self._incidents:
            return ()
        numbers, still_open = await _numbers(ask, INCIDENTS), set(await _numbers(ask, OPEN))
        return [number for number in numbers[RETAINED_INCIDENTS:] if number not in still_open]

    def write(self, queue: Queue, outdated: Sequence[int]) -> None:
        for number, is_open, summary, details in self._incidents:
            lifetime = () if is_open else ("EX", _RETAINED)
            queue("SET", summary_key(number), summary, *lifetime)
            queue("SET", details_key(number), details, *lifetime)
            queue("SADD", INCIDENTS, number)
            queue("SADD" if is_open else "SREM", OPEN, number)
        if outdated:
            queue("DEL", *(key for number in outdated for key in (summary_key(number), details_key(number))))
            queue("SREM", INCIDENTS, *outdated)
        if self._kept:
            queue("MSET", *(word for name in self._kept for word in (history_key(name), self._kept[name])))
            queue("SADD", HISTORIES, *self._kept)
        if self._forgotten:
            queue("DEL", *map(history_key, self._forgotten))
            queue("SREM", HISTORIES, *self._forgotten)


async def read_open(ask: Ask) -> tuple[list[IncidentRecord], int]:
    """The open ones, oldest first, and the highest number given; what cannot be read is left out."""
    newest = await _numbers(ask, INCIDENTS)
    read = [await read_one(ask, number) for number in reversed(await _numbers(ask, OPEN))]
    return [record for record in read if record is not None], newest[0] if newest else 0


async def read_histories(ask: Ask) -> dict[str, Document]:
    names = sorted(await ask("SMEMBERS", HISTORIES))
    texts = await ask("MGET", *map(history_key, names)) if names else []
    read = ((name, decoded(text)) for name, text in zip(names, texts, strict=True))
    return {name: document for name, document in read if document is not None}


async def read_one(ask: Ask, number: int) -> IncidentRecord | None:
    summary, details = await ask("MGET", summary_key(number), details_key(number))
    head = decoded(summary)
    return None if head is None else IncidentRecord(number, head, decoded(details) or {})


async def read_summaries(
    ask: Ask, limit: int, before: int | None, service: str | None, status: str | None
) -> list[Document]:
    """Newest first; what expired is passed over. Of one service: reads through all of them at the most."""
    found: list[Document] = []
    numbers = [number for number in await _numbers(ask, INCIDENTS) if before is None or number < before]
    for begin in range(0, len(numbers), _PAGE):
        if len(found) >= limit:
            break
        page = numbers[begin : begin + _PAGE]
        read = map(decoded, await ask("MGET", *map(summary_key, page)))
        known = (each for each in read if each is not None)
        found.extend(each for each in known if status in (None, each.get("status")) and concerns(each, service))
    return found[: max(limit, 0)]


async def _numbers(ask: Ask, key: str) -> list[int]:
    """The highest first."""
    return sorted(map(int, await ask("SMEMBERS", key)), reverse=True)
