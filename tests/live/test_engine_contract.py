"""The engine adapter against the real engines: the contract that the fake passes too, and what only they can show."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

import pytest

from orchestrator.adapters.engine import DockerClient, processes
from orchestrator.core.model import ContainerState, TieKind
from orchestrator.ports import ContainerEngine
from tests.adapters.engine_contract import EngineContract, EngineHarness, Habit
from tests.live.engines import Engine
from tests.live.podman import Podman

POLITE = ("sh", "-c", 'trap "exit 0" TERM; nc -ll -p 8080 -e /srv/answer & wait')
SPEAKING = (
    "sh",
    "-c",
    'trap "exit 0" TERM; echo one; echo two; echo three; echo alas >&2; while true; do sleep 0.5; echo tick; done',
)
COMMANDS = {
    Habit.STUBBORN: (),
    Habit.BRIEF: ("sh", "-c", "exit 3"),
    Habit.SPEAKING: SPEAKING,
    Habit.ON_A_TERMINAL: SPEAKING,
}
USES: Mapping[TieKind, str] = {
    "network": "--network=container:",
    "pid": "--pid=container:",
    "ipc": "--ipc=container:",
    "volumes": "--volumes-from=",
    "podman": "--requires=",
}
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
            client = DockerClient(self.engine.url, environment={}, call_timeout=10)
            try:
                await story(client)
            finally:
                await client.close()

        asyncio.run(main())

    async def create(self, habit: Habit, uses: Mapping[TieKind, str] | None = None) -> str:
        self.created += 1
        name = f"contract{self.created}"
        mount = self.folder / name
        mount.mkdir()
        options = (
            "--label=contract=yes",
            "--stop-signal=SIGTERM",
            f"--mount=type=bind,source={mount},target=/mount",
            *(CHECK if habit is Habit.CHECKED else ()),
            *(f"{USES[kind]}{other}" for kind, other in (uses or {}).items()),
            *(() if "ipc" in (uses or {}) else ("--ipc=shareable",)),
            *(("--tty",) if habit is Habit.ON_A_TERMINAL else ()),
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


# --- what only a real engine can show --------------------------------------------------------------------------


def test_commands_that_never_end_leave_no_process_behind(engine: Engine, harness: LiveHarness) -> None:
    """In a container whose first process reaps nothing, so that a careless kill would leave zombies."""
    commands = (
        ["sleep", "300"],
        "sleep 300; true",
        "sleep 300 | cat",
        "while true; do sleep 1; done",
        'trap "" TERM INT; sleep 300',
    )

    async def story(client: ContainerEngine) -> None:
        container = await asyncio.to_thread(engine.run, "idle", command=("sleep", "1000"))
        before = processes.of_container(container)
        for turn in range(20):
            with pytest.raises(TimeoutError):
                await client.execute(container, commands[turn % len(commands)], 0.3)
        assert processes.of_container(container).keys() == before.keys()

    harness.play(story)


def test_a_cancelled_command_is_ended_too(engine: Engine, harness: LiveHarness) -> None:
    async def story(client: ContainerEngine) -> None:
        container = await asyncio.to_thread(engine.run, "idle", command=("sleep", "1000"))
        before = processes.of_container(container)
        running = asyncio.create_task(client.execute(container, ["sleep", "300"], 30))
        async with asyncio.timeout(30):
            while len(processes.of_container(container)) == len(before):
                await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert processes.of_container(container).keys() == before.keys()

    harness.play(story)


def test_a_command_is_ended_in_a_container_whose_processes_are_not_visible(
    engine: Engine, harness: LiveHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a remote engine: by a second command inside."""
    monkeypatch.setattr(DockerClient, "colocated", False)

    async def story(client: ContainerEngine) -> None:
        container = await asyncio.to_thread(engine.run, "idle", command=("sleep", "1000"))
        before = processes.of_container(container)
        for command in (["sleep", "300"], "sleep 300; true"):
            with pytest.raises(TimeoutError):
                await client.execute(container, command, 0.3)
        assert processes.of_container(container).keys() == before.keys()
        assert await client.process_states(container) == ("S",)
        await harness.freeze(container)
        assert await client.process_states(container) == ("T",)

    harness.play(story)


def test_only_the_newest_output_is_kept(engine: Engine, harness: LiveHarness) -> None:
    async def story(client: ContainerEngine) -> None:
        container = await asyncio.to_thread(engine.run, "idle", command=("sleep", "1000"))
        done = await client.execute(container, "seq 1 20000; echo last; exit 7", 20)
        assert done.exit_code == 7
        assert len(done.output) == 4096
        assert done.output.endswith("20000\nlast\n")

    harness.play(story)


def test_a_health_check_that_hangs_is_unhealthy_and_does_not_pile_up(podman: Podman, tmp_path: Path) -> None:
    """Podman measures a check's time-out and does not enforce it."""

    async def story(client: ContainerEngine) -> None:
        container = await asyncio.to_thread(
            podman.run,
            "hanging",
            "--health-cmd=sleep 300",
            "--health-interval=1s",
            "--health-timeout=1s",
            "--health-retries=1",
            command=("sleep", "1000"),
        )
        before = processes.of_container(container)
        for _ in range(3):
            health = await client.health(container)
            assert health is not None
            assert health.status == "unhealthy"
        assert processes.of_container(container).keys() == before.keys()

    LiveHarness(podman, tmp_path).play(story)


def test_on_podman_a_death_is_told_before_the_engine_s_own_event(podman: Podman, tmp_path: Path) -> None:
    async def story(client: ContainerEngine) -> None:
        container = await asyncio.to_thread(podman.run, "mortal", command=("sleep", "1000"))
        async with aclosing(client.events()) as events:  # type: ignore[type-var]
            assert (await anext(events)).action == "connected"
            await client.inspect(container)
            podman.kill(container)
            told: list[str] = []
            async with asyncio.timeout(10):
                while told.count("die") < 2:  # the kernel's word, then Podman's own event
                    event = await anext(events)
                    if event.container_id == container:
                        told.append(event.action)
                        assert (await client.inspect(container)).state is ContainerState.EXITED
            await client.start(container)
            assert (await client.inspect(container)).state is ContainerState.RUNNING

    LiveHarness(podman, tmp_path).play(story)
