"""The engine adapter against the real engines: the contract that the fake passes too, and what only they can show."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from orchestrator.adapters.engine import DockerClient
from orchestrator.ports import ContainerEngine
from tests.adapters.engine_contract import EngineContract, EngineHarness, Habit
from tests.live.engines import Engine

POLITE = ("sh", "-c", 'trap "exit 0" TERM; nc -ll -p 8080 -e /srv/answer & wait')
COMMANDS = {Habit.STUBBORN: (), Habit.BRIEF: ("sh", "-c", "exit 3")}
CHECK = ("--health-cmd=true", "--health-interval=1s", "--health-timeout=5s")


class LiveHarness(EngineHarness):
    """A real engine, and its command line as the hands of somebody else."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.created = 0
        self.mounts: dict[str, Path] = {}

    def play(self, story: Callable[[ContainerEngine], Awaitable[None]]) -> None:
        async def main() -> None:
            client = DockerClient(self.engine.url, environment={}, call_timeout=5)
            try:
                await story(client)
            finally:
                await client.close()

        asyncio.run(main())

    async def create(self, habit: Habit) -> str:
        self.created += 1
        name = f"contract{self.created}"
        mount = self.folder / name
        mount.mkdir()
        options = (
            "--label=contract=yes",
            "--stop-signal=SIGTERM",
            f"--mount=type=bind,source={mount},target=/mount",
            *(CHECK if habit is Habit.CHECKED else ()),
        )
        command = COMMANDS.get(habit, POLITE)
        container_id = await asyncio.to_thread(self.engine.create, name, *options, command=command)
        self.mounts[container_id] = mount
        if habit is Habit.UNSTARTABLE:
            mount.rmdir()
        return container_id

    async def crash(self, container_id: str) -> None:
        await asyncio.to_thread(self.engine.kill, container_id)

    async def freeze(self, container_id: str) -> None:
        await asyncio.to_thread(self.engine.freeze, container_id)

    async def pause(self, container_id: str) -> None:
        await asyncio.to_thread(self.engine.command, "pause", container_id)

    async def unpause(self, container_id: str) -> None:
        await asyncio.to_thread(self.engine.command, "unpause", container_id)

    async def remove(self, container_id: str) -> None:
        await asyncio.to_thread(self.engine.remove, container_id)

    async def take_away_mount(self, container_id: str) -> None:
        mount = self.mounts[container_id]
        shutil.move(mount, mount.with_suffix(".away"))

    async def give_back_mount(self, container_id: str) -> None:
        mount = self.mounts[container_id]
        shutil.move(mount.with_suffix(".away"), mount)

    async def go_away(self) -> None:
        await asyncio.to_thread(self.engine.stop_daemon)

    async def come_back(self) -> None:
        await asyncio.to_thread(self.engine.start_daemon)

    async def hang(self) -> None:
        self.engine.freeze_daemon()

    async def wake(self) -> None:
        self.engine.thaw_daemon()


@pytest.fixture
def harness(engine: Engine, tmp_path: Path) -> LiveHarness:
    return LiveHarness(engine, tmp_path)


class TestRealEngine(EngineContract):
    pass
