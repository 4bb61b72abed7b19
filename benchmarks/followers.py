"""Followers of the live stream, many in one process: they read frames and note when the last of them has each event."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from orchestrator.api.stream import PATH

CLIENTS = 500
PATIENCE = 60.0
SMALL_BUFFER = 16_384
"""Bytes that the kernel keeps for one client on each side, so that one that stalls is noticed within the rounds."""
PING, PONG = 0x89, 0x8A
NO_MASK = bytes(4)
HANDSHAKE = (
    f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()


class Client(asyncio.Protocol):
    """Reads frames and notes when the last of all clients had each event."""

    def __init__(self, arrivals: dict[int, float], arrived: Callable[[], None]) -> None:
        self._arrivals = arrivals
        self._arrived = arrived
        self._unread = bytearray()
        self._open = False
        self._newest = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(HANDSHAKE)

    def data_received(self, received: bytes) -> None:
        self._unread += received
        if not self._open:
            head, found, rest = bytes(self._unread).partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._open, self._unread = True, bytearray(rest)
            self._arrived()
        while (size := frame_size(self._unread)) and len(self._unread) >= size:
            self._hear(bytes(self._unread[:size]))
            del self._unread[:size]

    def _hear(self, frame: bytes) -> None:
        if frame[0] == PING:
            self._transport.write(bytes((PONG, 0x80 | frame[1])) + NO_MASK + frame[2:])
            return
        event, found, number = frame.rpartition(b'"sequence":')
        if found and b'"type":"service_status"' in event:
            assert number == b"%d}" % (self._newest + 1), (self._newest, number)
            self._newest += 1
            self._arrivals[self._newest] = time.monotonic()
            self._arrived()


def frame_size(unread: bytearray) -> int:
    """Head included, of a frame by a server; 0: not to be told yet."""
    if len(unread) < 4:
        return 0
    length = unread[1]
    if length < 126:
        return 2 + length
    if length == 126:
        return 4 + int.from_bytes(unread[2:4])
    return 10 + int.from_bytes(unread[2:10]) if len(unread) >= 10 else 0


class Crowd:
    """The clients of one contestant."""

    def __init__(self) -> None:
        self.arrivals: dict[int, float] = {}
        """Of each event at the last client that has it so far."""
        self._missing = 0
        self._complete = asyncio.Event()

    async def join(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self.expect(1)
        for _ in range(CLIENTS):
            await loop.create_connection(lambda: Client(self.arrivals, self._arrived), "127.0.0.1", port)
        await self.complete()

    def expect(self, each: int) -> None:
        """So many events at each client, or its opening."""
        self._missing = each * CLIENTS
        self._complete.clear()

    async def complete(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._complete.wait()

    def _arrived(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._complete.set()


@contextmanager
def stalled(port: int) -> Iterator[socket.socket]:
    """A client that reads nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        client.connect(("127.0.0.1", port))
        client.sendall(HANDSHAKE)
        yield client


def ends(client: socket.socket) -> bool:
    """Whether there is an end to what waits for it."""
    client.settimeout(1.0)
    try:
        while client.recv(SMALL_BUFFER):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True
