"""The one module that reads a clock."""

from __future__ import annotations

import asyncio

import uvloop

from orchestrator.core.model import Instant
from orchestrator.runtime.clock import SystemClock

RESOLUTION = 0.05
"""uvloop's time is that of the current iteration, in milliseconds."""


def test_the_moment_is_the_loops_own_time_in_the_loop_and_in_other_threads() -> None:
    async def story() -> tuple[float, Instant, Instant]:
        clock = SystemClock()
        loop = asyncio.get_running_loop()
        return loop.time(), clock.now(), await asyncio.to_thread(clock.now)

    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            before, here, elsewhere = runner.run(story())
        assert before <= here.moment
        assert here.moment - RESOLUTION <= elsewhere.moment
        assert elsewhere.moment - here.moment < 10
        assert elsewhere.wall >= here.wall
