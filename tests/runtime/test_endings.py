"""Those who wait are told once, and whoever leaves is forgotten."""

from __future__ import annotations

import asyncio

from orchestrator.core.ending import Ending
from orchestrator.core.messages import Event, Message, Restart
from orchestrator.core.model import Instant, ServiceSpec, Status
from orchestrator.runtime.endings import Endings
from orchestrator.runtime.registry import Record

WEB = Record(ServiceSpec("web", "Web"))
COMPLETED = Event("web", Message.RESTART_COMPLETED, Status.RUNNING, "verified", Instant(1.0, 1.0))


def test_everybody_who_waits_is_told_and_then_forgotten() -> None:
    async def story() -> None:
        endings, loop = Endings(), asyncio.get_running_loop()
        waiting = [loop.create_future() for _ in range(3)]
        for each in waiting:
            endings.wait("web", Restart("ann"), each, WEB)
        assert len(endings) == 3
        endings.decided("web", [COMPLETED], WEB)
        assert [await each for each in waiting] == [Ending(True, "verified")] * 3
        endings.decided("web", [COMPLETED], WEB)
        await asyncio.sleep(0)
        assert len(endings) == 0

    asyncio.run(story())


def test_whoever_leaves_is_forgotten() -> None:
    async def story() -> None:
        endings, loop = Endings(), asyncio.get_running_loop()
        leaves, stays, left_before = (loop.create_future() for _ in range(3))
        left_before.cancel()
        for each in (leaves, stays, left_before):
            endings.wait("web", Restart("ann"), each, WEB)
        leaves.cancel()
        endings.decided("web", [COMPLETED], WEB)
        assert await stays == Ending(True, "verified")
        await asyncio.sleep(0)
        assert len(endings) == 0

    asyncio.run(story())
