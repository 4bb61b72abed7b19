"""The sensor of the GPUs: how often it asks, and what it posts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from orchestrator.core.gpus import Driver, GpuReading
from orchestrator.runtime.gpus import INTERVAL, GpuMonitor
from orchestrator.runtime.inbox import GpusRead, Post
from orchestrator.testing import FakeDaemon, FakeEngine, VirtualClock, run_virtual


class Remote(FakeEngine):
    @property
    def colocated(self) -> bool:
        return False


class Readings:
    """A driver that answers what it was told to."""

    def __init__(self) -> None:
        self.reading = GpuReading()
        self.asked = 0

    async def read(self) -> GpuReading:
        self.asked += 1
        return self.reading

    async def close(self) -> None:
        return


class Stage:
    """The monitor at work; what it waits for is up to the story."""

    def __init__(self, engine: Callable[[FakeDaemon], FakeEngine] = FakeEngine) -> None:
        clock = VirtualClock()
        self.driver = Readings()
        self.posts: list[Post] = []
        self.hurried = False
        daemon = FakeDaemon(clock, asyncio.get_running_loop())
        self.monitor = GpuMonitor(self.driver, engine(daemon), clock, self.posts.append, lambda: self.hurried)

    async def works_for(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.monitor.run()


def told(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(story)


def test_without_a_driver_nothing_is_posted() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.works_for(60)
        assert stage.posts == []
        assert stage.driver.asked == 60 / INTERVAL

    told(story)


def test_a_reading_is_posted_when_it_is_another() -> None:
    async def story() -> None:
        stage = Stage()
        stage.driver.reading = GpuReading(Driver.MISSING, detail="GPU is lost")
        await stage.works_for(60)
        assert stage.posts == [GpusRead(stage.driver.reading, 0.0)]

    told(story)


def test_while_somebody_waits_every_second_is_told() -> None:
    async def story() -> None:
        stage = Stage()
        stage.hurried = True
        await stage.works_for(9.5)
        assert len(stage.posts) == 10

    told(story)


def test_who_begins_to_wait_is_answered_at_once() -> None:
    async def story() -> None:
        stage = Stage()
        asyncio.get_running_loop().call_later(3, stage.monitor.ask)
        await stage.works_for(5)
        assert stage.driver.asked == 2

    told(story)


def test_the_driver_of_this_machine_says_nothing_of_an_engine_elsewhere() -> None:
    async def story() -> None:
        stage = Stage(Remote)
        await stage.works_for(60)
        assert (stage.driver.asked, stage.posts) == (0, [])

    told(story)
