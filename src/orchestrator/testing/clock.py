"""The clock of a virtual-time loop, with a wall that can be stepped as NTP or a person steps it."""

from __future__ import annotations

import asyncio

from orchestrator.core.model import Instant

EPOCH = 1_767_225_600.0
"""2026-01-01T00:00:00Z, the wall time at moment zero."""


class VirtualClock:
    """Implements :class:`orchestrator.ports.Clock`: the moment is the loop's time, the wall goes with it."""

    def __init__(self, epoch: float = EPOCH, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._offset = epoch
        self._loop = loop

    def now(self) -> Instant:
        loop = self._loop or asyncio.get_running_loop()
        moment = loop.time()
        return Instant(moment=moment, wall=self._offset + moment)

    def step(self, seconds: float) -> None:
        """Move the wall, forward or (negative) back; the moment does not notice."""
        self._offset += seconds
