"""The fake engine keeps the contract of the real ones, in both dialects and in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import pytest

from orchestrator.core.model import ContainerState, TieKind
from orchestrator.errors import ActionRefused
from orchestrator.ports import ContainerEngine
from orchestrator.testing import Blueprint, EngineCheckup, FakeDaemon, FakeEngine, VirtualClock, Workload, run_virtual
from orchestrator.testing.container import FakeContainer
from orchestrator.testing.daemon import Dialect
from orchestrator.testing.workload import Condition
from tests.adapters.engine_contract import EngineContract, EngineHarness, Habit
from tests.virtual import pass_time

GONE = "invalid mount config for type bind: bind source path does not exist: /srv/gone"
WORKLOADS = {
    Habit.STUBBORN: Workload(ignores_sigterm=True),
    Habit.BRIEF: Workload(crash_after=0.01, exit_code=3),
    Habit.SPEAKING: Workload(says=("one", "two", "three"), complains=("alas",), ticks_every=0.5),
    Habit.ON_A_TERMINAL: Workload(says=("one", "two", "three", "alas"), ticks_every=0.5),
}


class FakeHarness(EngineHarness):
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.created = 0
        self.daemon: FakeDaemon

    def play(self, story: Callable[[ContainerEngine], Awaitable[None]]) -> None:
        async def main() -> None:
            self.daemon = FakeDaemon(VirtualClock(), asyncio.get_running_loop(), dialect=self.dialect)
            engine = FakeEngine(self.daemon)
            await story(engine)
            await engine.close()

        run_virtual(main, limit=3600)

    def container(self, container_id: str) -> FakeContainer:
        return self.daemon.find(container_id)

    async def create(self, habit: Habit, uses: Mapping[TieKind, str] | None = None) -> str:
        self.created += 1
        blueprint = Blueprint(
            name=f"contract-{self.created}",
            labels={"contract": "yes"},
            workload=WORKLOADS.get(habit, Workload()),
            checkup=EngineCheckup(interval=1.0) if habit is Habit.CHECKED else None,
            uses=uses or {},
            environment={"PATH": "/bin"},
        )
        container = self.daemon.create(blueprint)
        container.refuses_start = GONE if habit is Habit.UNSTARTABLE else ""
        return container.container_id

    async def crash(self, container_id: str) -> None:
        container = self.container(container_id)
        assert container.process is not None
        self.daemon.end(container, container.process, 137, "itself")

    async def freeze(self, container_id: str) -> None:
        process = self.container(container_id).process
        assert process is not None
        process.condition = Condition.FROZEN

    async def pause(self, container_id: str) -> None:
        self.daemon.pause(self.container(container_id))

    async def unpause(self, container_id: str) -> None:
        self.daemon.unpause(self.container(container_id))

    async def remove(self, container_id: str) -> None:
        self.daemon.remove(self.container(container_id))

    async def take_away_mount(self, container_id: str) -> None:
        self.container(container_id).refuses_start = GONE

    async def give_back_mount(self, container_id: str) -> None:
        self.container(container_id).refuses_start = ""

    async def go_away(self) -> None:
        self.daemon.reach.go_away()

    async def come_back(self) -> None:
        self.daemon.reach.come_back()

    async def hang(self) -> None:
        self.daemon.reach.hang()

    async def wake(self) -> None:
        self.daemon.reach.wake()


class TestFakeEngine(EngineContract):
    @pytest.fixture(params=["docker", "podman"])
    def harness(self, request: pytest.FixtureRequest) -> FakeHarness:
        return FakeHarness(cast("Dialect", request.param))


# --- what only the fake can be asked ---------------------------------------------------------------------------


@pytest.fixture
def docker() -> FakeHarness:
    return FakeHarness("docker")


@pytest.fixture
def podman() -> FakeHarness:
    return FakeHarness("podman")


def test_what_was_asked_for_happens_although_the_one_who_asked_is_gone(docker: FakeHarness) -> None:
    async def story(engine: ContainerEngine) -> None:
        container = await docker.create(Habit.POLITE)
        asking = asyncio.create_task(engine.start(container))
        await pass_time(0.01)
        asking.cancel()
        await pass_time(1)
        assert docker.container(container).state is ContainerState.RUNNING

    docker.play(story)


def test_it_can_answer_500_although_it_happened(docker: FakeHarness) -> None:
    async def story(engine: ContainerEngine) -> None:
        assert isinstance(engine, FakeEngine)
        container = await docker.create(Habit.POLITE)
        engine.lie_about_next("start", 500, "timeout waiting for the shim")
        with pytest.raises(ActionRefused, match="shim"):
            await engine.start(container)
        assert (await engine.inspect(container)).state is ContainerState.RUNNING

    docker.play(story)


def test_docker_s_own_policy_waits_twice_as_long_each_time(docker: FakeHarness) -> None:
    async def story(_: ContainerEngine) -> None:
        blueprint = Blueprint("loop", policy="always", workload=Workload(crash_after=1.0))
        container = docker.daemon.create(blueprint)
        await docker.daemon.start(container)
        await pass_time(30)
        starts = [each.at.moment for each in docker.daemon.ledger.starts("loop", "policy")]
        deaths = [each.at.moment for each in docker.daemon.ledger.of("loop", "exited")]
        pauses = [start - death for start, death in zip(starts, deaths, strict=False)]
        assert pauses[:5] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
        assert container.restart_count == len(starts)

    docker.play(story)


def test_podman_s_own_policy_does_not_wait(podman: FakeHarness) -> None:
    async def story(_: ContainerEngine) -> None:
        blueprint = Blueprint("loop", policy="always", workload=Workload(crash_after=1.0))
        await podman.daemon.start(podman.daemon.create(blueprint))
        await pass_time(30)
        assert len(podman.daemon.ledger.starts("loop", "policy")) >= 25

    podman.play(story)


def test_what_a_person_stopped_the_policy_leaves_alone(docker: FakeHarness) -> None:
    async def story(_: ContainerEngine) -> None:
        container = docker.daemon.create(Blueprint("web", policy="always"))
        await docker.daemon.start(container)
        await docker.daemon.stop(container, 10)
        await pass_time(60)
        assert container.state is ContainerState.EXITED

    docker.play(story)


def test_podman_tells_of_a_death_a_quarter_of_a_second_late(podman: FakeHarness) -> None:
    async def story(engine: ContainerEngine) -> None:
        container = await podman.create(Habit.POLITE)
        await engine.start(container)
        events = engine.events()
        await anext(events)
        await pass_time(5)
        begun = asyncio.get_running_loop().time()
        await podman.crash(container)
        while (await anext(events)).action != "die":
            pass
        assert asyncio.get_running_loop().time() - begun == pytest.approx(0.245)

    podman.play(story)


def test_old_events_can_come_again(podman: FakeHarness) -> None:
    async def story(engine: ContainerEngine) -> None:
        container = await podman.create(Habit.POLITE)
        await engine.start(container)
        await pass_time(100)
        events = engine.events()
        await anext(events)
        podman.daemon.feed.replay()
        replayed = await anext(events)
        assert replayed.container_id == container
        assert podman.daemon.clock.now().wall - replayed.at > 99

    podman.play(story)


def test_a_silent_stream_is_renewed_and_begins_with_connected(docker: FakeHarness) -> None:
    async def story(engine: ContainerEngine) -> None:
        events = engine.events()
        await anext(events)
        docker.daemon.feed.go_deaf()
        assert (await anext(events)).action == "connected"
        assert asyncio.get_running_loop().time() >= 300

    docker.play(story)


def test_what_dies_while_the_engine_hangs_is_noticed_when_it_wakes(docker: FakeHarness) -> None:
    async def story(engine: ContainerEngine) -> None:
        container = await docker.create(Habit.POLITE)
        await engine.start(container)
        docker.daemon.reach.hang()
        await docker.crash(container)
        assert docker.container(container).state is ContainerState.RUNNING
        docker.daemon.reach.wake()
        assert (await engine.inspect(container)).state is ContainerState.EXITED

    docker.play(story)
