"""The engine's event stream: wake-ups in one vocabulary, and never a silent end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import aiohttp

from orchestrator.adapters.engine.connection import (
    ADMIT,
    REFUSALS,
    Connection,
    NotLetThrough,
    away,
    date,
    guarded,
    spoken,
)
from orchestrator.adapters.engine.translate import DOCKER_EVENTS, event
from orchestrator.errors import EngineForbidden, EngineUnavailable
from orchestrator.ports import EngineEvent

QUIET: Final = 15.0
"""Seconds without a line after which the engine is asked whether it is alive."""
RENEWAL: Final = 300.0
"""Seconds without a line after which a new stream is opened: an engine can answer a ping, and its old stream be
dead (a lost TCP path, a Podman log that rotated)."""
LONGEST_LINE: Final = 1 << 20
"""Bytes; an event carries all labels of its container. A longer line is no event."""


class EventStream:
    """One subscription. Lists nothing, remembers nothing: the reader relists at every ``connected``."""

    def __init__(
        self,
        connection: Connection,
        call_timeout: float,
        deaths: Callable[[], Coroutine[None, None, EngineEvent]],
        quiet: float = QUIET,
        renewal: float = RENEWAL,
    ) -> None:
        """``deaths``: waits for the next death that was seen otherwise, to be told among the events."""
        self._connection = connection
        self._call_timeout = call_timeout
        self._deaths = deaths
        self._quiet = quiet
        self._renewal = renewal

    async def listen(self) -> AsyncGenerator[EngineEvent, None]:
        """Events until the engine is lost; then :class:`EngineUnavailable` is raised. Ends in no other way."""
        while True:
            async with self._subscribed() as response:
                yield EngineEvent("", "connected", date(response))
                async with aclosing(self._until_stale(Lines(response))) as events:
                    async for seen in events:
                        yield seen

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[aiohttp.ClientResponse]:
        connection = self._connection
        async with guarded(connection.address, self._call_timeout):
            identity = connection.identity or await connection.negotiate()
            filters: dict[str, list[str]] = {"type": ["container"]}
            if identity.kind == "docker":  # Podman 4 knows other names, and fails on some filters
                filters["event"] = list(DOCKER_EVENTS)
            response = await connection.session.get(connection.url("/events"), params={"filters": json.dumps(filters)})
        try:
            if response.status in REFUSALS:
                async with guarded(connection.address, self._call_timeout):
                    fact = NotLetThrough(response.status, spoken(await response.read())).fact
                raise EngineForbidden(connection.address, fact, ADMIT)
            if response.status != 200:
                fact = f"it answered {response.status} when asked for its events"
                raise EngineUnavailable(connection.address, fact, "See the engine's own log")
            yield response
        finally:
            response.close()

    async def _until_stale(self, lines: Lines) -> AsyncGenerator[EngineEvent, None]:
        loop = asyncio.get_running_loop()
        heard = loop.time()
        reading: asyncio.Task[bytes] | None = None
        dying: asyncio.Task[EngineEvent] | None = None
        try:
            while loop.time() - heard < self._renewal:
                reading = reading or asyncio.create_task(lines.next())
                dying = dying or asyncio.create_task(self._deaths())
                await asyncio.wait({reading, dying}, timeout=self._quiet, return_when=asyncio.FIRST_COMPLETED)
                if dying.done():
                    death, dying = dying.result(), None
                    yield death
                elif reading.done():
                    async with guarded(self._connection.address, self._call_timeout):
                        line = reading.result()
                    reading, heard = None, loop.time()
                    if not line:
                        raise away(self._connection.address, "it ended the event stream")
                    seen = _read(line)
                    if seen is not None:
                        yield seen
                else:
                    await self._ping()
        finally:
            await _ended(reading, dying)

    async def _ping(self) -> None:
        connection = self._connection
        async with (
            guarded(connection.address, self._call_timeout),
            connection.session.get(connection.url("/_ping")) as response,
        ):
            await response.read()


class Lines:
    """The lines of a response whose length nobody knows: aiohttp's own reader stops at 128 KiB."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._held = bytearray()

    async def next(self) -> bytes:
        """The next line that is not blank; empty at the end. Raises what :func:`guarded` translates."""
        while True:
            line, found, rest = self._held.partition(b"\n")
            if found:
                self._held = rest
                if line.strip():
                    return bytes(line)
                continue
            if len(self._held) > LONGEST_LINE:
                raise ValueError(f"a line of its event stream is longer than {LONGEST_LINE} bytes")
            chunk = await self._response.content.readany()
            if not chunk:
                return b""
            self._held += chunk


async def _ended(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel what still waits; what ended with an error nobody asked for is done with."""
    waiting = {task for task in tasks if task is not None}
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.gather(*waiting, return_exceptions=True)


def _read(line: bytes) -> EngineEvent | None:
    try:
        document: Any = json.loads(line)
    except ValueError:  # a line cut by a rotating log wakes nobody
        return None
    return event(document) if isinstance(document, dict) else None
