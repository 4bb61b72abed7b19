"""Random worlds, each from its seed: whatever happens, the promises hold and what can recover does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from orchestrator.testing import Actor, Deed, Scenario, Workload
from orchestrator.testing.daemon import Dialect
from orchestrator.testing.scenario import CheckWord

SEEDS = range(12)
MINUTES = 45
CONFIGURATION = {"defaults": {"recovery": {"on_max_failures": "keep_trying"}, "health": {"interval": "30s"}}}


def illnesses(actor: Actor) -> Sequence[Callable[[], Deed]]:
    return (
        actor.crashes,
        actor.gets_sick,
        actor.freezes,
        actor.deadlocks,
        actor.gets_well,
        actor.is_killed_by_the_kernel,
        actor.is_paused,
        actor.is_unpaused,
        actor.is_recreated,
        actor.is_stopped_by_hand,
        actor.is_started_by_hand,
        actor.cannot_start,
        actor.can_start,
    )


def hardships(world: Scenario) -> Sequence[Deed]:
    return (
        world.engine.go_away,
        world.engine.come_back,
        world.engine.come_back,
        world.engine.hang,
        world.engine.wake,
        world.engine.wake,
        world.engine.break_connections,
        world.feed.replay,
        world.feed.go_deaf,
        lambda: world.store.broken.update(("open", "write")),
        world.store.broken.clear,
        world.store.broken.clear,
        lambda: world.clock.step(40.0),
        lambda: world.clock.step(-40.0),
    )


def populate(world: Scenario, chance: random.Random) -> list[Actor]:
    actors = []
    for number in range(4):
        labels = {"orchestrator.requires": f"s{number - 1}"} if number and chance.random() < 0.5 else {}
        if chance.random() < 0.3:
            labels["orchestrator.recovery.on_manual_stop"] = "respect"
        workload = Workload(
            warm_up=chance.choice((0.0, 0.0, 5.0)),
            stop_after=chance.choice((0.05, 3.0)),
            ignores_sigterm=chance.random() < 0.2,
        )
        check: CheckWord = chance.choice(("http", "http", "command", "engine", "running"))
        policy = chance.choice(("no", "no", "always", "on-failure"))
        actors.append(world.container(f"s{number}", check=check, labels=labels, workload=workload, policy=policy))
    return actors


def make_whole(world: Scenario, actors: Sequence[Actor]) -> None:
    """Take away every cause, and start what a person stopped."""
    world.engine.come_back()
    world.store.broken.clear()
    for actor in actors:
        world.now(actor.can_start())
        world.now(actor.is_unpaused())
        world.now(actor.is_started_by_hand())


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_history_everything_that_can_recovers(seed: int) -> None:
    chance = random.Random(seed)
    dialect: Dialect = chance.choice(("docker", "podman"))
    with Scenario(dialect=dialect, seed=seed, configuration=CONFIGURATION, jitter=0.1) as world:
        world.feed.habits.lost = chance.choice((0.0, 0.1))
        world.feed.habits.disorder = chance.choice((0.0, 1.0))
        actors = populate(world, chance)
        world.run_for("1m")
        until = world.moment + MINUTES * 60
        while world.moment < until:
            if chance.random() < 0.75:
                world.now(chance.choice(illnesses(chance.choice(actors)))())
            elif chance.random() < 0.8:
                world.now(chance.choice(hardships(world)))
            else:
                world.sigkill()
                world.run_for(chance.choice((0.5, 30.0)))
                world.start_orchestrator()
            world.run_for(chance.expovariate(1 / 75))
        make_whole(world, actors)
        world.run_for("20m")
        for actor in actors:
            world.must_be(actor.name, "running")
            # Whether a process that runs does its work, the weakest check cannot see.
            seen_by_nobody = world.view(actor.name).health is None
            assert seen_by_nobody or actor.container.well(world.moment), world.report(actor.name)
