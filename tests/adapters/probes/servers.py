"""Small servers on the loopback address that say exactly what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Served:
    """What a server saw."""

    host: str
    port: int
    heard: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """The first bytes of a question are there."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """A client hung up."""
    farewells: list[bytes] = field(default_factory=list)
    """What clients said after the answer, before they hung up."""


@asynccontextmanager
async def serving(pieces: Sequence[bytes], *, hold: bool = False, host: str = "127.0.0.1") -> AsyncIterator[Served]:
    """Answer the first bytes of every question with these pieces, each in a packet of its own, then hang up.

    With ``hold`` the connection stays open until the client leaves.
    """
    served: Served

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            served.heard.append(await reader.read(65536))
            served.asked.set()
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if hold:
                served.farewells.append(await reader.read())
                served.left.set()
        except ConnectionError:
            served.left.set()
        finally:
            writer.close()

    server = await asyncio.start_server(handle, host, 0)
    served = Served(host, server.sockets[0].getsockname()[1])
    try:
        yield served
    finally:
        server.close()
        await server.wait_closed()


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """A complete HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
