"""A proxy before an engine's socket that lets pass what ``docs/security.md`` lists, and remembers what it was asked.

One request a connection; after a request that passes, bytes go both ways until one side ends, so that hijacked execs
and event streams work. What does not pass is answered as HAProxy answers it.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
_ROW = re.compile(r"^\| (GET|POST) \| `(\S+)` \| ([^|]+) \|$", re.MULTILINE)
_REFUSED = b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n"
_BLOCK = 65536


class Rule(NamedTuple):
    method: str
    path: str
    """A regular expression for the whole path."""
    purposes: frozenset[str]

    def allows(self, method: str, path: str) -> bool:
        return method == self.method and re.fullmatch(self.path, path) is not None


def documented(*purposes: str) -> tuple[Rule, ...]:
    """The rows of the table that serve one of the purposes."""
    table = _ROW.findall(SECURITY.read_text(encoding="utf-8"))
    rows = [Rule(method, path, frozenset(told.split(", "))) for method, path, told in table]
    assert rows, f"no table of calls in {SECURITY}"
    known = frozenset().union(*(row.purposes for row in rows))
    assert known.issuperset(purposes), f"{SECURITY} knows {sorted(known)}"
    return tuple(row for row in rows if row.purposes.intersection(purposes))


EVERYTHING = tuple(Rule(method, ".*", frozenset()) for method in ("GET", "POST", "DELETE"))


class Timed(NamedTuple):
    at: float
    """Wall time."""
    method: str
    path: str


class SocketProxy:
    """Listens while it is entered, on a port of the loopback interface or, with ``at``, on a socket there."""

    def __init__(self, engine: Path, rules: Sequence[Rule], at: Path | None = None) -> None:
        self.rules = tuple(rules)
        self.passed: list[tuple[str, str]] = []
        self.timed: list[Timed] = []
        """What passed, with the moments."""
        self.refused: list[tuple[str, str]] = []
        self.url = ""
        self._engine = engine
        self._at = at
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._serving: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def unused(self) -> list[str]:
        """The paths of the rules that nothing was let pass by."""
        return [rule.path for rule in self.rules if not any(rule.allows(*call) for call in self.passed)]

    @contextmanager
    def with_rules(self, rules: Sequence[Rule]) -> Iterator[None]:
        before, self.rules = self.rules, tuple(rules)
        try:
            yield
        finally:
            self.rules = before

    async def _listen(self) -> None:
        if self._at is not None:
            self._serving = await asyncio.start_unix_server(self._attend, self._at)
            self.url = f"unix://{self._at}"
            return
        self._serving = await asyncio.start_server(self._attend, "127.0.0.1", 0)
        self.url = f"tcp://127.0.0.1:{self._serving.sockets[0].getsockname()[1]}"

    async def _end(self) -> None:
        assert self._serving is not None
        self._serving.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            call = (method, target.partition("?")[0])
            if any(rule.allows(*call) for rule in self.rules):
                self.passed.append(call)
                self.timed.append(Timed(time.time(), *call))
                await self._pass(head, reader, writer)
            else:
                self.refused.append(call)
                await _refuse(head, reader, writer)
        writer.close()

    async def _pass(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_unix_connection(str(self._engine))
        if b"\r\nupgrade:" not in head.lower():
            head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head)[:-2] + b"Connection: close\r\n\r\n"
        asks.write(head)
        both = {asyncio.create_task(_pour(reader, asks)), asyncio.create_task(_pour(answers, writer))}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            asks.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()


async def _refuse(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    announced = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    await reader.readexactly(int(announced[1]) if announced else 0)
    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nConnection: close\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n" % len(_REFUSED) + _REFUSED)
    await writer.drain()
