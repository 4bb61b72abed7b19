"""Processes of a container, told in our own process table: here, of a stand-in for a container's monitor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from orchestrator.adapters.engine import processes
from orchestrator.adapters.engine.deaths import Deaths
from orchestrator.core.model import ContainerSnapshot, ContainerState
from orchestrator.errors import ContainerNotFound, EngineAway

CONTAINER = "c0ffee" * 10 + "cafe"
RUNNING = ContainerSnapshot(CONTAINER, "web", "image", ContainerState.RUNNING, created_at=1.0, started_at=2.0)
GONE = replace(RUNNING, state=ContainerState.EXITED, finished_at=3.0)


@asynccontextmanager
async def monitored() -> AsyncIterator[int]:
    """The pid of a process whose parent names the container among its arguments, as conmon does."""
    monitor = await asyncio.create_subprocess_exec(
        "sh", "-c", "sleep 60 & echo $!; wait", CONTAINER, stdout=subprocess.PIPE, start_new_session=True
    )
    assert monitor.stdout is not None
    pid = int(await monitor.stdout.readline())
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(monitor.pid, signal.SIGKILL)
        await monitor.wait()


def test_a_pid_is_believed_only_where_something_confirms_it() -> None:
    async def story() -> None:
        async with monitored() as pid:
            assert processes.belongs(pid, CONTAINER)
            assert not processes.belongs(pid, "0" * 64)
            assert not processes.belongs(os.getpid(), CONTAINER)
            assert not processes.belongs(1, CONTAINER)

    asyncio.run(story())


def test_nothing_of_an_unknown_container_is_seen_or_killed() -> None:
    async def story() -> None:
        assert processes.of_container(CONTAINER) == {}
        assert processes.listed(CONTAINER, 1) == ()
        assert processes.end(CONTAINER, 0, "") is False
        async with monitored() as pid:
            processes.kill(CONTAINER, [pid])  # its cgroup is ours, not the container's
            os.kill(pid, 0)

    asyncio.run(story())


def test_a_death_is_told_when_the_engine_knows_of_it() -> None:
    async def story() -> None:
        looks = [RUNNING, RUNNING, GONE]

        async with monitored() as pid:
            alive = replace(RUNNING, pid=pid)
            answers = [replace(look, pid=pid) if look is RUNNING else look for look in looks]

            async def look(container_id: str) -> ContainerSnapshot:
                assert container_id == CONTAINER
                return answers.pop(0)

            deaths = Deaths()
            deaths.show(alive)
            deaths.show(alive)
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(60):
                event = await deaths.next(look)
            assert (event.container_id, event.action, event.at) == (CONTAINER, "die", 3.0)
            assert answers == []
            deaths.close()

    asyncio.run(story())


@pytest.mark.parametrize("error", [ContainerNotFound("gone"), EngineAway("x", "y", "z")])
def test_a_death_is_told_also_when_the_engine_cannot_be_asked(error: Exception) -> None:
    async def story() -> None:
        async def look(_: str) -> ContainerSnapshot:
            raise error

        async with monitored() as pid:
            deaths = Deaths()
            deaths.show(replace(RUNNING, pid=pid))
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(60):
                assert (await deaths.next(look)).action == "die"
            deaths.close()

    asyncio.run(story())


def test_what_is_not_running_or_not_the_container_s_is_not_watched() -> None:
    async def story() -> None:
        async with monitored() as pid:
            deaths = Deaths()
            deaths.show(replace(RUNNING, pid=os.getpid()))
            deaths.show(replace(RUNNING, pid=None))
            deaths.show(replace(RUNNING, pid=pid))
            deaths.show(GONE)
            assert deaths.watched == 0
            deaths.show(replace(RUNNING, pid=pid))
            assert deaths.watched == 1
            deaths.close()
            assert deaths.watched == 0

    asyncio.run(story())
