import asyncio
import contextlib
import itertools

import pytest

from orchestrator.errors import StoreInUse
from orchestrator.runtime.supervise import Crew
from orchestrator.testing import run_virtual


def test_a_worker_that_fails_is_begun_again_and_takes_nobody_with_it(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[str] = []

    async def fragile() -> None:
        begun.append("fragile")
        if len(begun) < 4:
            raise ValueError("a defect")
        await asyncio.Event().wait()

    async def steady() -> None:
        begun.append("steady")
        await asyncio.Event().wait()

    async def story() -> None:
        crew = Crew()
        crew.add("fragile", fragile)
        crew.add("steady", steady)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                await crew.run()
        assert [worker.state for worker in crew.views()] == ["stopped", "stopped"]
        first, second = crew.views()
        assert (first.restarts, second.restarts) == (2, 0)
        assert first.detail == "ValueError: a defect"

    run_virtual(story)

    assert begun == ["fragile", "steady", "fragile", "fragile"]
    assert sum("Worker fragile failed" in record.message for record in caplog.records) == 2


def test_another_orchestrator_with_our_state_ends_all_of_them() -> None:
    async def outdone() -> None:
        raise StoreInUse("another orchestrator (process 7) uses it")

    async def story() -> None:
        crew = Crew()
        crew.add("journal", outdone)
        crew.add("steady", asyncio.Event().wait)  # type: ignore[arg-type]
        with pytest.raises(StoreInUse, match="process 7"):
            await crew.run()
        assert {worker.state for worker in crew.views()} == {"stopped"}

    run_virtual(story)


def test_the_pause_before_a_worker_is_begun_again_grows_to_its_bound() -> None:
    moments: list[float] = []

    async def hopeless() -> None:
        moments.append(asyncio.get_running_loop().time())
        raise ValueError("a defect")

    async def story() -> None:
        crew = Crew()
        crew.add("hopeless", hopeless)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(200):
                await crew.run()

    run_virtual(story)

    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert pauses[:4] == pytest.approx([0.5, 1.0, 2.0, 4.0])
    assert max(pauses) == pytest.approx(30.0)
