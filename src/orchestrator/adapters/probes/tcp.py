"""TCP: does a connection come about?"""

from __future__ import annotations

from orchestrator.adapters.probes.exchange import Dialogue, converse
from orchestrator.core.model import Check, Verdict
from orchestrator.ports import Reading, Target


class TcpProbe:
    """A completed connection passes. The kernel completes it for a frozen process too."""

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        return await converse(_TcpDialogue(), target, timeout)

    async def close(self) -> None:
        """Nothing is kept between probes."""


class _TcpDialogue(Dialogue):
    def connected(self) -> Reading | None:
        return Reading(Verdict.PASS, "connected")

    def feed(self, received: bytes) -> Reading | None:
        return Reading(Verdict.PASS, "connected")
