"""PostgreSQL: the answer to a start-up packet, judged as pg_isready judges it.

Its rule (``PQping`` of libpq): whoever asks for authentication, or reports any error that has a code, accepts
connections, because only a started server gets that far; the one exception is 57P03, cannot connect now, which
is starting up, shutting down or recovering. No answer, or an error without a code, is no response.
"""

from __future__ import annotations

import struct
from typing import cast

from orchestrator.adapters.probes.exchange import Dialogue, converse
from orchestrator.core.model import Check, PostgresCheck, Verdict
from orchestrator.ports import Reading, Target

PROTOCOL_3 = 3 << 16
CANNOT_CONNECT_NOW = "57P03"
MESSAGE_LIMIT = 30_000
"""Bytes; the longest message that libpq believes before a session stands."""
_TERMINATE = b"X\x00\x00\x00\x04"
_ACCEPTING = "accepting connections"


class PostgresProbe:
    """Asks without a password and leaves as a client does, so that the server has nothing to log."""

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        return await converse(_PostgresDialogue(cast(PostgresCheck, check).user), target, timeout)

    async def close(self) -> None:
        """Nothing is kept between probes."""


def startup_packet(user: str) -> bytes:
    """The first packet of protocol 3.0; the database is the user's own, as for pg_isready."""
    name = user.encode().replace(b"\x00", b"")
    pairs = (b"user", name, b"database", name, b"application_name", b"orchestrator")
    body = struct.pack("!i", PROTOCOL_3) + b"\x00".join(pairs) + b"\x00\x00"
    return struct.pack("!i", len(body) + 4) + body


class _PostgresDialogue(Dialogue):
    def __init__(self, user: str) -> None:
        self.opening = startup_packet(user)
        self._unread = b""
        self._authenticated = False

    def feed(self, received: bytes) -> Reading | None:
        self._unread += received
        while len(self._unread) >= 5:
            kind, length = struct.unpack_from("!ci", self._unread)
            if not 4 <= length <= MESSAGE_LIMIT:
                return Reading(Verdict.FAIL, f"the answer is not PostgreSQL: {self._unread[:60]!r}")
            if len(self._unread) <= length:
                return None
            body, self._unread = self._unread[5 : length + 1], self._unread[length + 1 :]
            reading = self._take(kind, body)
            if reading is not None:
                return reading
        return None

    def hung_up(self, words: str) -> Reading:
        return self._accepting() if self._authenticated else super().hung_up(words)

    def late(self, timeout: float) -> Reading:
        return self._accepting() if self._authenticated else super().late(timeout)

    def _take(self, kind: bytes, body: bytes) -> Reading | None:
        if kind == b"E":
            return judge_error(error_fields(body))
        if kind == b"R" and body[:4] != b"\x00\x00\x00\x00":
            # It waits for a password; hanging up here is what it expects of a person at the prompt.
            return self._accepting()
        if kind == b"R":
            # No password asked: the session is being made, and a client gone in the middle would be logged.
            self._authenticated = True
        if kind == b"Z":
            self.farewell = _TERMINATE
            return self._accepting()
        return None

    def _accepting(self) -> Reading:
        return Reading(Verdict.PASS, _ACCEPTING)


def error_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse by their one-letter code."""
    fields = (field for field in body.split(b"\x00") if field)
    return {chr(field[0]): field[1:].decode("utf-8", "replace") for field in fields}


def judge_error(fields: dict[str, str]) -> Reading:
    code, message = fields.get("C", ""), fields.get("M", "an error without words")
    if len(code) != 5 or code == CANNOT_CONNECT_NOW:
        return Reading(Verdict.FAIL, message[:120])
    return Reading(Verdict.PASS, f"{_ACCEPTING} ({message[:100]})")
