"""The dead-man ping: somebody else raises the alarm when we cannot any more.

It is sent only while we work: one that came from a process whose brain hangs would tell a lie.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from orchestrator.ports import Clock, Pinger
from orchestrator.runtime import narrator
from orchestrator.runtime.views import DeadManView

INTERVAL: Final = 60.0
"""Seconds between two pings: the shortest period that those who offer this usually take."""
DEADLINE: Final = 10.0
_SOON: Final = 10.0
"""Seconds to the next try after one that was not taken."""


class DeadMan:
    """``faults`` tells why we should not be believed to work, in words; empty: we do."""

    def __init__(self, pinger: Pinger, clock: Clock, faults: Callable[[], str]) -> None:
        self._pinger = pinger
        self._clock = clock
        self._faults = faults
        self._last_ping_at: float | None = None
        self._taken: bool | None = None
        self._detail = "not sent yet"

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            faults = self._faults()
            detail = f"not sent, because {faults}" if faults else await self._pinger.ping(DEADLINE)
            if not detail:
                self._last_ping_at = self._clock.now().wall
            self._told(detail)
            await asyncio.sleep(_SOON if detail else INTERVAL)

    def view(self) -> DeadManView:
        return DeadManView(self._pinger.address, self._last_ping_at, self._detail)

    def _told(self, detail: str) -> None:
        before, self._taken, self._detail = self._taken, not detail, detail
        if self._taken is before:
            return
        if detail:
            narrator.warned("Dead-man ping not taken", address=self._pinger.address, detail=detail)
        else:
            narrator.told_of_host("dead-man", "Dead-man ping taken", self._pinger.address, well=True)
