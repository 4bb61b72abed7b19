"""The loop that all scenarios stand on."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from orchestrator.testing import EPOCH, Deadlock, Livelock, VirtualClock, run_virtual


def test_a_day_of_sleep_passes_at_once() -> None:
    async def day() -> float:
        await asyncio.sleep(86400)
        return asyncio.get_running_loop().time()

    begun = time.monotonic()
    assert run_virtual(day) == 86400
    assert time.monotonic() - begun < 5


def test_timers_fire_in_order_and_at_their_exact_moment() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        seen: list[float] = []
        for delay in (30.0, 0.1, 7.25, 3e6 + 0.3):
            loop.call_later(delay, lambda: seen.append(loop.time()))
        await asyncio.sleep(4e6)
        return seen

    assert run_virtual(main) == [0.1, 7.25, 30.0, 3e6 + 0.3]


def test_a_time_out_fires_in_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3600


def test_waiting_for_what_never_comes_is_a_deadlock_that_names_the_waiter() -> None:
    async def main() -> None:
        waiter = asyncio.create_task(asyncio.Event().wait(), name="the waiter")
        await waiter

    with pytest.raises(Deadlock, match="the waiter"):
        run_virtual(main, limit=float("inf"))


def test_turning_in_a_circle_is_noticed() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Livelock, match="test_virtual_time"):
        run_virtual(main)


def test_the_limit_ends_what_would_go_on_for_ever() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(TimeoutError, match="after 60 virtual seconds"):
        run_virtual(main, limit=60)


def test_virtual_time_stands_still_while_a_thread_works() -> None:
    released: list[float] = []

    def work() -> str:
        threading.Event().wait(0.05)
        return "worked"

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        loop.call_later(10, lambda: released.append(loop.time()))
        return await asyncio.to_thread(work), loop.time()

    assert run_virtual(main) == ("worked", 0.0)
    assert released == []


def test_a_result_and_an_error_come_through() -> None:
    async def fails() -> None:
        raise KeyError("lost")

    async def returns() -> int:
        return 7

    assert run_virtual(returns) == 7
    with pytest.raises(KeyError, match="lost"):
        run_virtual(fails)


def test_a_clock_step_moves_the_wall_and_not_the_moment() -> None:
    async def main() -> None:
        clock = VirtualClock()
        await asyncio.sleep(5)
        assert (clock.now().moment, clock.now().wall) == (5, EPOCH + 5)
        clock.step(-3600)
        await asyncio.sleep(1)
        assert (clock.now().moment, clock.now().wall) == (6, EPOCH + 6 - 3600)

    run_virtual(main)
