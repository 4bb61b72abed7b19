"""The sensor of what services require of the host: how often it asks, and what it posts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from orchestrator.core.resources import Presence, ResourceReading
from orchestrator.ports import Reading
from orchestrator.runtime.inbox import Post, ResourceAsked
from orchestrator.runtime.resources import DEADLINE, INTERVAL, ResourceMonitor
from orchestrator.testing import FakeResources, VirtualClock, run_virtual

MOUNT, DATABASE = "mount:/mnt/x", "tcp:10.0.0.9:5432"


class Defective(FakeResources):
    async def ask(self, name: str, timeout: float) -> Reading:
        raise RuntimeError("no such thing")


class Stage:
    """The monitor at work; what is required, and whether somebody waits, is up to the story."""

    def __init__(self, resources: FakeResources | None = None) -> None:
        self.resources = resources or FakeResources()
        self.posts: list[Post] = []
        self.required: dict[str, bool] = {}
        self.monitor = ResourceMonitor(self.resources, VirtualClock(), self.posts.append, lambda: self.required)

    async def works_for(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.monitor.run()

    def readings(self, name: str) -> list[tuple[float, str]]:
        posts = [post for post in self.posts if isinstance(post, ResourceAsked) and post.name == name]
        return [(post.begun, post.reading.presence.value) for post in posts]


def told(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(story)


def test_what_nobody_requires_is_not_asked_for() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.works_for(60)
        assert (stage.resources.asked, stage.posts) == ({}, [])

    told(story)


def test_what_is_required_is_asked_for_at_once_and_then_now_and_then() -> None:
    async def story() -> None:
        stage = Stage()
        stage.required[MOUNT] = False
        await stage.works_for(25)
        assert stage.readings(MOUNT) == [(0.0, "there"), (INTERVAL, "there"), (2 * INTERVAL, "there")]

    told(story)


def test_while_somebody_waits_it_is_asked_for_every_second() -> None:
    async def story() -> None:
        stage = Stage()
        stage.resources.missing[MOUNT] = "gone"
        stage.required |= {MOUNT: True, DATABASE: False}
        await stage.works_for(9.5)
        assert len(stage.readings(MOUNT)) == 10
        assert len(stage.readings(DATABASE)) == 1

    told(story)


def test_what_is_required_newly_is_asked_for_at_once_and_what_is_no_longer_never_again() -> None:
    async def story() -> None:
        stage = Stage()
        loop = asyncio.get_running_loop()
        loop.call_at(3, stage.required.update, {MOUNT: False})
        loop.call_at(3, stage.monitor.look_round)
        loop.call_at(20, stage.required.clear)
        loop.call_at(25, stage.required.update, {MOUNT: False})
        loop.call_at(25, stage.monitor.look_round)
        await stage.works_for(30)
        assert [begun for begun, _ in stage.readings(MOUNT)] == [3.0, 13.0, 25.0]

    told(story)


def test_one_that_hangs_delays_no_other_and_is_asked_for_one_at_a_time() -> None:
    async def story() -> None:
        stage = Stage()
        stage.resources.hanging.add(MOUNT)
        stage.required |= {MOUNT: True, DATABASE: True}
        await stage.works_for(DEADLINE + 0.5)
        assert stage.readings(MOUNT) == [(0.0, "missing")]
        assert len(stage.readings(DATABASE)) == 6

    told(story)


def test_a_defect_in_asking_is_told_and_is_no_evidence() -> None:
    async def story() -> None:
        stage = Stage(Defective())
        defects: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: defects.append(context["message"]))
        stage.required[MOUNT] = False
        await stage.works_for(5)
        words = "asking failed, a defect of the orchestrator: RuntimeError('no such thing')"
        assert stage.posts == [ResourceAsked(MOUNT, ResourceReading(Presence.UNKNOWN, words), 0.0)]
        assert defects == [f"{MOUNT} could not be asked"]

    told(story)


def test_its_end_ends_what_it_asks() -> None:
    async def story() -> None:
        stage = Stage()
        stage.resources.hanging.add(MOUNT)
        stage.required[MOUNT] = False
        await stage.works_for(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert stage.posts == []

    told(story)
