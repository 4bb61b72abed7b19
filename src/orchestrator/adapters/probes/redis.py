"""Redis: a PING, and what its refusal proves."""

from __future__ import annotations

from orchestrator.adapters.probes.exchange import Dialogue, converse
from orchestrator.core.model import Check, Verdict
from orchestrator.ports import Reading, Target

LINE_LIMIT = 1024
"""Bytes; no answer to a PING is longer."""
_REFUSES_US = ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED", "ERR unknown command")
"""Errors that only a live, serving server gives: it wants a password, or another address than ours, or it has
the command renamed. Every other error (LOADING, MASTERDOWN, MISCONF, BUSY, max number of clients) is refused to
its clients as well."""


class RedisProbe:
    """Asks without logging in: ``+PONG``, or a refusal that proves a live server, passes."""

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        return await converse(_RedisDialogue(), target, timeout)

    async def close(self) -> None:
        """Nothing is kept between probes."""


class _RedisDialogue(Dialogue):
    opening = b"PING\r\n"

    def __init__(self) -> None:
        self._line = b""

    def feed(self, received: bytes) -> Reading | None:
        self._line += received
        line, end, _ = self._line.partition(b"\r\n")
        if not end and len(self._line) < LINE_LIMIT:
            return None
        return judge(line[:LINE_LIMIT].decode("utf-8", "replace"))


def judge(line: str) -> Reading:
    """What the first line of the answer means."""
    if line == "+PONG":
        return Reading(Verdict.PASS, "PONG")
    if not line.startswith("-"):
        return Reading(Verdict.FAIL, f"the answer is not Redis: {line[:60]!r}")
    words = line[1:120]
    if words.startswith(_REFUSES_US):
        return Reading(Verdict.PASS, f"answers: {words}")
    return Reading(Verdict.FAIL, words)
