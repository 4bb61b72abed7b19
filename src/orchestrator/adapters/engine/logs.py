"""What a container wrote, line by line, from the two shapes in which engines send it.

Without a terminal both streams come in frames: one byte for the stream, three empty ones, four for the length. With a
terminal it is the bare text, its lines ended as a terminal ends them. Every line begins with its time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp
from aiodocker.exceptions import DockerError

from orchestrator.adapters.engine.connection import Connection, away, guarded, spoken
from orchestrator.adapters.engine.translate import moment
from orchestrator.core.evidence import LogLine

LONGEST_LINE: Final = 16 * 1024
"""Bytes; engines themselves cut longer lines there."""
_HEADER: Final = 8
_CUT: Final = "it ended in the middle of a container's log"

StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class LogRequest:
    path: str
    terminal: bool
    tail: int
    follow: bool
    since: float | None
    until: float | None

    @property
    def parameters(self) -> dict[str, str]:
        asked = {"stdout": "true", "stderr": "true", "timestamps": "true", "tail": str(self.tail)}
        if self.follow:
            asked["follow"] = "true"
        if self.since is not None:
            asked["since"] = f"{self.since:.6f}"
        if self.until is not None:
            asked["until"] = str(int(self.until) + 1)  # Podman forgets fractions: the rest is left out here
        return asked

    def wants(self, line: LogLine) -> bool:
        return self.until is None or line.at is None or line.at <= self.until


async def read_logs(connection: Connection, request: LogRequest, patience: float) -> AsyncGenerator[LogLine, None]:
    """``patience``: seconds without a byte, where nobody follows; who follows waits for the container, not for us."""
    deadline = None if request.follow else patience
    lines = _Terminal() if request.terminal else _Frames()
    async with _asked(connection, request, deadline) as response:
        while True:
            async with guarded(connection.address, deadline):
                chunk = await response.content.readany()
            if not chunk:
                break
            for line in lines.feed(chunk):
                if request.wants(line):
                    yield line
        if lines.unfinished:
            raise away(connection.address, _CUT)
        for line in lines.end():
            if request.wants(line):
                yield line


@asynccontextmanager
async def _asked(
    connection: Connection, request: LogRequest, deadline: float | None
) -> AsyncIterator[aiohttp.ClientResponse]:
    # Podman sends its headers with the first line: also they may take as long as the container is silent.
    async with guarded(connection.address, deadline):
        response = await connection.session.get(connection.url(request.path), params=request.parameters)
    try:
        if response.status >= 400:
            async with guarded(connection.address, deadline):
                raise DockerError(response.status, spoken(await response.read()))
        yield response
    finally:
        response.close()


class _Lines:
    """The lines of one stream, from its pieces."""

    def __init__(self, stream: StreamName) -> None:
        self._stream = stream
        self._held = bytearray()
        self._at: float | None = None

    def begin(self, at: float | None) -> None:
        """The time of what comes next; a line keeps the one it began with."""
        if not self._held:
            self._at = at

    def add(self, text: bytes) -> Iterator[LogLine]:
        """``text`` holds no line end, or one at its end."""
        self._held += text
        while len(self._held) > LONGEST_LINE + 2:
            yield LogLine(self._stream, self._at, self._held[:LONGEST_LINE].decode("utf-8", "replace"))
            del self._held[:LONGEST_LINE]
        if self._held.endswith(b"\n"):
            yield from self.end()

    def end(self) -> Iterator[LogLine]:
        """What is held is a whole line."""
        if self._held:
            text = self._held.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
            self._held.clear()
            yield LogLine(self._stream, self._at, text)


class _Frames:
    """A long line comes in several frames, each with a time of its own."""

    def __init__(self) -> None:
        self._streams: dict[StreamName, _Lines] = {"stdout": _Lines("stdout"), "stderr": _Lines("stderr")}
        self._held = bytearray()

    @property
    def unfinished(self) -> bool:
        return bool(self._held)

    def feed(self, chunk: bytes) -> Iterator[LogLine]:
        self._held += chunk
        while len(self._held) >= _HEADER:
            length = int.from_bytes(self._held[4:_HEADER], "big")
            if len(self._held) < _HEADER + length:
                return
            stream: StreamName = "stderr" if self._held[0] == 2 else "stdout"
            frame = bytes(self._held[_HEADER : _HEADER + length])
            del self._held[: _HEADER + length]
            yield from self._frame(self._streams[stream], frame)

    def _frame(self, lines: _Lines, frame: bytes) -> Iterator[LogLine]:
        at, text = _dated(frame)
        lines.begin(at)
        yield from lines.add(text)

    def end(self) -> Iterator[LogLine]:
        for lines in self._streams.values():
            yield from lines.end()


class _Terminal:
    """Bare text: a line begins with its time, and what comes before the line's end belongs to it."""

    unfinished = False

    def __init__(self) -> None:
        self._lines = _Lines("stdout")
        self._held = bytearray()
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[LogLine]:
        self._held += chunk
        while self._held:
            line, ended, rest = self._held.partition(b"\n")
            if not ended and len(line) <= LONGEST_LINE:
                return
            yield from self._piece(bytes(line + ended), ended=bool(ended))
            self._held = rest

    def _piece(self, piece: bytes, *, ended: bool) -> Iterator[LogLine]:
        at, text = (None, piece) if self._begun else _dated(piece)
        if not self._begun:
            self._lines.begin(at)
        self._begun = not ended
        yield from self._lines.add(text)

    def end(self) -> Iterator[LogLine]:
        if self._held:
            yield from self._piece(bytes(self._held), ended=True)
        yield from self._lines.end()


def _dated(text: bytes) -> tuple[float | None, bytes]:
    """The time at its beginning, and the rest; no time: all of it is the rest."""
    word, _, rest = text.partition(b" ")
    try:
        at = moment(word.decode("ascii"))
    except ValueError:
        at = None
    return (None, text) if at is None else (at, rest)
