"""The sensor that asks the GPUs' driver: now and then, and every second while somebody waits for memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from orchestrator.core.gpus import GpuReading
from orchestrator.ports import Clock, ContainerEngine, GpuDriver
from orchestrator.runtime.inbox import GpusRead, Post

INTERVAL: Final = 10.0
HURRIED: Final = 1.0
"""Seconds between two readings; while somebody waits for memory, or has just been started: the shorter."""


class GpuMonitor:
    """Posts :class:`GpusRead`. ``hurried``: whether somebody waits for what the next reading shows.

    The driver of this machine says nothing of containers that run on another one: then it is not asked.
    """

    def __init__(
        self,
        driver: GpuDriver,
        engine: ContainerEngine,
        clock: Clock,
        post: Callable[[Post], None],
        hurried: Callable[[], bool],
    ) -> None:
        self._driver = driver
        self._engine = engine
        self._clock = clock
        self._post = post
        self._hurried = hurried
        self._last = GpuReading()
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wanted.clear()
            begun = self._clock.now().moment
            reading = await self._driver.read() if self._engine.colocated else GpuReading()
            if reading != self._last or self._hurried():
                self._last = reading
                self._post(GpusRead(reading, begun))
            if self._hurried():
                await asyncio.sleep(HURRIED)
            else:
                await self._asked_or_due()

    def ask(self) -> None:
        """Somebody begins to wait: read soon."""
        self._wanted.set()

    async def _asked_or_due(self) -> None:
        try:
            async with asyncio.timeout(INTERVAL):
                await self._wanted.wait()
        except TimeoutError:
            return
