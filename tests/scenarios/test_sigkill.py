"""The orchestrator is killed at every step of a story of failing and healing, and comes back: the story still ends
well, no cause is healed twice, and every restart that was told of has one end."""

from __future__ import annotations

from functools import cache

import pytest

from orchestrator.core.messages import Command, Disable, Down, Hold, Stop
from orchestrator.core.model import ContainerState
from orchestrator.runtime.orchestrator import TIME_TO_KEEP
from orchestrator.testing import Scenario
from orchestrator.testing.daemon import Dialect

SLICES = 8
QUICK = {"defaults": {"health": {"interval": "5s"}, "recovery": {"backoff_base": "1s", "stop_timeout": "1s"}}}


def tell(dialect: Dialect, kill_at: int | None, back_after: str = "2s") -> list[str]:
    """One crash, one freeze, one sickness with a refused start in between; returns the steps."""
    with Scenario(dialect=dialect, configuration=QUICK, interval=20.0) as world:
        if kill_at is not None:
            world.sigkill_at_step(kill_at, back_after)
        db = world.container("db")
        web = world.container("web", labels={"orchestrator.requires": "db"})
        world.run_for("6s")
        world.now(db.crashes())
        world.run_for("5s")
        world.now(web.gets_sick())
        world.run_for("14s")
        world.now(web.cannot_start())
        world.now(web.crashes())
        world.run_for("4s")
        world.now(web.can_start())
        world.run_for("25s")
        assert kill_at is None or len(world.steps) > kill_at
        for name, causes in (("db", 1), ("web", 2)):
            world.must_be(name, "running")
            assert world.restarts_of(name) == causes, world.report()
        return list(world.steps)


@cache
def steps_of(dialect: Dialect) -> tuple[str, ...]:
    return tuple(tell(dialect, None))


@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("dialect", ["docker", "podman"])
def test_a_story_ends_well_wherever_it_is_cut(dialect: Dialect, part: int) -> None:
    """Every step on Docker; on Podman, whose calls are the same and whose events come late, every second one."""
    stride = SLICES if dialect == "docker" else 2 * SLICES
    for kill_at in range(part, len(steps_of(dialect)), stride):
        tell(dialect, kill_at)


def test_a_restart_cut_between_stop_and_start_is_finished_by_the_next_life() -> None:
    with Scenario(configuration=QUICK) as world:
        web = world.container("web")
        world.run_for("10s")
        world.now(web.cannot_start("the engine was killed, too"))
        world.now(web.gets_sick())
        world.run_until(lambda: web.container.state is ContainerState.EXITED, within="30s", step=0.01)
        world.sigkill()
        world.run_for("1m")
        world.now(web.can_start())
        assert web.container.state is ContainerState.EXITED
        world.start_orchestrator()
        world.run_for("10s")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_a_crash_loop_of_the_orchestrator_itself_does_not_become_one_of_its_services() -> None:
    with Scenario(configuration=QUICK) as world:
        web = world.container("web")
        world.run_for("10s")
        world.now(web.gets_sick())
        for _ in range(40):
            world.run_for("1700ms")
            world.sigkill()
            world.start_orchestrator()
        world.run_for("1m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_strikes_and_backoff_outlive_the_process() -> None:
    labels = {"orchestrator.recovery.max_failures": "5", "orchestrator.recovery.backoff_base": "30s"}
    with Scenario() as world:
        web = world.container("web", labels=labels)
        world.run_for("1m")
        world.now(web.changes(crash_after=1.0))
        world.now(web.crashes())
        for _ in range(60):
            world.run_for("20s")
            world.sigkill()
            world.start_orchestrator()
        world.run_for("1m")
        world.must_be("web", "disabled")
        assert world.restarts_of("web") == 4


@pytest.mark.parametrize("command", [Hold("ann", 3600.0), Stop("ann"), Down("ann"), Disable("ann")])
def test_what_was_accepted_outlives_a_sigkill_at_the_instant_of_the_answer(command: Command) -> None:
    with Scenario() as world:
        world.container("web")
        world.store.takes = 0.05
        world.run_for("1m")
        assert world.ask("web", command).accepted
        world.sigkill()
        world.run_for("1m")
        world.start_orchestrator()
        world.run_for("1m")
        view = world.view("web")
        assert view.held or view.at_rest or not view.enabled


def test_a_store_that_hangs_or_fails_keeps_an_answer_and_healing_waiting_no_longer_than_promised() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("1m")
        world.store.hung.add("write")
        begun = world.moment
        world.now(web.crashes())
        assert world.ask("web", Hold("ann", 3600.0)).accepted
        assert world.moment - begun == pytest.approx(TIME_TO_KEEP, abs=0.01)
        world.run_for("30s")
        assert not world.orchestrator.system().store.healthy
        begun = world.moment
        assert world.restart("web").accepted
        assert world.moment == begun, "it is known to fail: nothing is waited for"
        world.run_for("5s")
        world.must_be("web", "running")
        world.store.hung.clear()
