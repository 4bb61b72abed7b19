"""uvicorn's WebSocket connection, made for telling many clients the same, some of whom do not read."""

from __future__ import annotations

import asyncio
import functools
from typing import Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

LARGEST_MESSAGE: Final = 4096
"""Bytes of a message that a WebSocket client may send; there is nothing that it has to say."""
CUT_AFTER: Final = 5.0
"""Seconds for a WebSocket that we have ended to be closed by the client, before it is cut."""
_LARGEST_SHARED: Final = 65_536
"""Characters of a text whose frame is kept for the next client: a larger one is a snapshot, and for few."""
_FRAMES_KEPT: Final = 16
_MOST_JOINED: Final = 64
"""Frames that wait to be written; after them it is seen whether the client still takes any."""


class StreamConnection(WebSocketsSansIOProtocol):
    """A text that all clients get is framed once. What one client gets in one turn of the loop is written at once: to
    write is most of what a message costs.

    When it is over it is cut: closing alone waits for ever for a client that does not read what was sent to it.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._unwritten: list[bytes] = []
        super().connection_made(transport)

    async def send(self, message: ASGISendEvent) -> None:
        await self.writable.wait()
        text = message.get("text")
        if not isinstance(text, str) or len(text) > _LARGEST_SHARED or self.conn.state is not State.OPEN:
            self._write()
            await super().send(message)
            return
        if not self._unwritten:
            self.loop.call_soon(self._write)
        self._unwritten.append(_frame(text))
        if len(self._unwritten) == _MOST_JOINED:
            self._write()

    def _write(self) -> None:
        if self._unwritten and not self.transport.is_closing():
            self.transport.write(b"".join(self._unwritten))
        self._unwritten.clear()

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(CUT_AFTER, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(CUT_AFTER, self.transport.abort)


@functools.lru_cache(maxsize=_FRAMES_KEPT)
def _frame(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
