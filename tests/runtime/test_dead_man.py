"""The dead-man ping is sent while we work, and only then."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from orchestrator.runtime.dead_man import INTERVAL, DeadMan
from orchestrator.testing import VirtualClock, run_virtual


class Listener:
    """Somebody who is pinged; ``refuses`` in these words."""

    address = "https://ping.example"

    def __init__(self) -> None:
        self.heard: list[float] = []
        self.refuses = ""

    async def ping(self, timeout: float) -> str:
        self.heard.append(asyncio.get_running_loop().time())
        return self.refuses


class Stage:
    def __init__(self) -> None:
        self.listener = Listener()
        self.faults = ""
        self.dead_man = DeadMan(self.listener, VirtualClock(), lambda: self.faults)

    async def works_for(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.dead_man.run()


def test_a_ping_is_sent_at_once_and_then_every_minute() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.works_for(2 * INTERVAL + 1)
        assert [at - stage.listener.heard[0] for at in stage.listener.heard] == [0.0, INTERVAL, 2 * INTERVAL]
        view = stage.dead_man.view()
        assert (view.address, view.detail) == ("https://ping.example", "")
        assert view.last_ping_at is not None

    run_virtual(story())


def test_an_orchestrator_that_does_not_work_is_silent_and_says_why() -> None:
    async def story() -> None:
        stage = Stage()
        stage.faults = "brain degraded: ValueError"
        await stage.works_for(300.0)
        assert stage.listener.heard == []
        assert stage.dead_man.view().detail == "not sent, because brain degraded: ValueError"

    run_virtual(story())


def test_a_ping_that_is_not_taken_is_tried_again_sooner_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        stage = Stage()
        stage.listener.refuses = "HTTP 500"
        await stage.works_for(45.0)
        assert len(stage.listener.heard) == 5
        assert stage.dead_man.view().last_ping_at is None
        stage.listener.refuses = ""
        await stage.works_for(5.0)

    with caplog.at_level("INFO", logger="orchestrator"):
        run_virtual(story())
    assert [record.message for record in caplog.records] == ["Dead-man ping not taken", "Dead-man ping taken"]
