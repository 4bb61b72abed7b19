"""What one connection may cost: how long the head of a request is, how long it takes to come, and how many there are.

uvicorn bounds neither: its parser keeps a header that never ends, and waits for ever for one that comes byte by byte.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final, Literal

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from orchestrator.api.envelope import LARGEST_BODY, SECURITY_HEADERS
from orchestrator.api.problems import Code, ProblemResponse
from orchestrator.limits import open_files

logger: Final = logging.getLogger("orchestrator")

MOST: Final = 1536
"""Connections at once: those of the followers of events, and room for everybody who asks."""
_SHARE: Final = 4
"""At most one file in so many that this process may open: the engine and the watched processes need theirs."""
_RECEIVED: Final = 2 * LARGEST_BODY
"""Bytes of a body with all that frames it; where it ends is known when the last chunk was read."""
_AROUND_HEADER: Final = len(": \r\n")

Part = Literal["head", "body"]


@dataclass(frozen=True, slots=True)
class Limits:
    head: int = 16 * 1024
    """Bytes of the request line and the headers."""
    head_within: float = 10.0
    """Seconds from the connection, or from a request's first byte, to the end of its head."""
    body_within: float = 20.0
    """Seconds from the end of the head to the end of the body."""
    connections: int | None = None
    """At once, streams included; ``None``: as many as this process has room for."""


class Doorkeeper:
    """Counts for all connections of one server; tells once that it is full, and once that it is not any more."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._most = limits.connections or min(MOST, open_files() // _SHARE)
        self._full = False

    def admits(self, connections: int) -> bool:
        """``connections``: how many there are with the new one."""
        if connections <= self._most:
            return True
        if not self._full:
            self._full = True
            logger.warning("API full: new connections are refused", extra={"connections": self._most})
        return False

    def left(self, connections: int) -> None:
        if self._full and connections <= self._most // 2:
            self._full = False
            logger.info("API accepts connections again", extra={"connections": connections})


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection, with bounds."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        doorkeeper: Doorkeeper,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._doorkeeper = doorkeeper
        self._limits = doorkeeper.limits
        self._part: Part = "head"
        self._size = 0
        """Bytes of the part that is being received."""
        self._deadline: asyncio.TimerHandle | None = None
        self._over = False
        """What still comes is not read."""

    # --- what happens to the connection ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._doorkeeper.admits(len(self.connections)):
            self._arm()
        else:
            self._refuse(503, "too_many", "As many clients as may be are connected already: try again later.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        self._doorkeeper.left(len(self.connections))

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        self._unset_keepalive_if_required()
        self._arm()
        self._size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade() and not self._over:
                self._disarm()
                self.handle_websocket_upgrade()
            return
        except httptools.HttpParserError:
            self._refuse(400, "http", "What was sent is no HTTP/1.1 request.")
            return
        if self._part == "head" and self._size > self._limits.head:
            self._refuse_head()
        elif self._part == "body" and self._size > _RECEIVED + self._limits.head:
            self._refuse(413, "too_large", f"The request's body exceeds {LARGEST_BODY} bytes; no endpoint needs one.")

    # --- what the parser finds ---

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arm()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part == "head":  # the fields after a chunked body would pass for headers
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        head = len(self.url) + sum(len(name) + len(value) + _AROUND_HEADER for name, value in self.headers)
        if head > self._limits.head:
            self._refuse_head()
        if self._over:
            return
        self._begin("body")
        self._arm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._over:
            return
        super().on_message_complete()
        self._begin("head")

    # --- bounds ---

    def _begin(self, part: Part) -> None:
        self._disarm()
        self._part, self._size = part, 0

    def _arm(self) -> None:
        if self._deadline is None and not self._over:
            within = self._limits.head_within if self._part == "head" else self._limits.body_within
            self._deadline = self.loop.call_later(within, self._overdue)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        self._deadline = None
        if self.flow.read_paused:  # it is we who do not read
            self._arm()
        elif self._part == "head" and self._size == 0:
            self._over = True
            self.transport.close()
        else:
            self._refuse(408, "http", f"The {self._part} of the request did not come in time.")

    def _refuse_head(self) -> None:
        detail = f"The request line and the headers exceed {self._limits.head} bytes: send shorter ones."
        self._refuse(431, "too_large", detail)

    def _refuse(self, status: int, code: Code, detail: str) -> None:
        """End the connection; what was asked for on it before is answered first."""
        self._over = True
        self._disarm()
        answered = self.cycle is None or self.cycle.response_complete
        if not answered and (self._part == "head" or self.cycle.response_started):
            self.cycle.keep_alive = False
            return
        if not answered:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not answered or self._part == "head":
            self.transport.write(_raw(ProblemResponse(status, code, detail)))
        self.transport.close()


def _raw(answer: ProblemResponse) -> bytes:
    forbidding = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
    headers = (*answer.raw_headers, *forbidding, (b"connection", b"close"))
    lines = [name + b": " + value + b"\r\n" for name, value in headers]
    return b"".join((STATUS_LINE[answer.status_code], *lines, b"\r\n", bytes(answer.body)))
