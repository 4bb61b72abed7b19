"""The orchestrator is killed at a moment by chance while it heals: each cause is healed once all the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import cast

import pytest

from orchestrator.testing import Actor, Scenario
from orchestrator.testing.daemon import Dialect
from tests.scenarios.test_startup import NEEDS, WARM_UP, the_full_stack

DEATHS = range(4)
PATIENT = {"orchestrator.recovery.on_max_failures": "keep_trying"}

Story = Callable[[Scenario], Iterator[None]]
"""Has two breaks: before the first all is well and something is about to happen, at the second it is over."""


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def until_well(world: Scenario, actors: Sequence[Actor]) -> None:
    world.run_until(lambda: all(each.container.well(world.moment) for each in actors), within="10m", step=0.1)


def must_run(world: Scenario, actors: Sequence[Actor]) -> list[int]:
    """A while later; how often each was restarted."""
    world.run_for("5m")
    for each in actors:
        world.must_be(each.name, "running")
    return [world.restarts_of(each.name) for each in actors]


# --- the stories --------------------------------------------------------------------------------------------------


def a_database_freezes(world: Scenario) -> Iterator[None]:
    chain = []
    for name, needed in (("db", ""), ("api", "db"), ("web", "api")):
        labels = {**PATIENT, "orchestrator.requires": needed, "orchestrator.health.interval": "5s"}
        chain.append(world.container(name, labels=labels, leans_on=[needed] if needed else []))
    world.run_for("2m")
    yield
    world.now(chain[0].freezes())
    until_well(world, chain)
    yield
    assert must_run(world, chain) == [1, 0, 0], world.report()


def a_parent_of_thirty_deadlocks(world: Scenario) -> Iterator[None]:
    family = [world.container("db", labels=PATIENT)]
    for number in range(30):
        labels = {**PATIENT, "orchestrator.requires": "db"}
        family.append(world.container(f"web-{number:02}", labels=labels, leans_on=["db"]))
    world.run_for("2m")
    yield
    world.now(family[0].deadlocks())
    until_well(world, family)
    yield
    assert must_run(world, family) == [1] + [0] * 30, world.report()
    assert world.told_of_host() == []


def a_hundred_are_killed(world: Scenario) -> Iterator[None]:
    crowd = [world.container(f"web-{number:03}", labels=PATIENT) for number in range(100)]
    world.run_for("2m")
    yield
    for each in crowd:
        world.now(each.crashes(137))
    until_well(world, crowd)
    yield
    assert must_run(world, crowd) == [1] * 100, world.report()
    assert world.told_of_host() == []


def an_owner_of_a_network_dies(world: Scenario) -> Iterator[None]:
    vpn, guest = world.container("vpn"), world.container("guest", uses={"network": "vpn"})
    world.run_for("2m")
    yield
    world.now(vpn.crashes())
    until_well(world, (vpn, guest))
    yield
    assert must_run(world, (vpn, guest)) == [1, 1], world.report()


def a_whole_stack_is_down(world: Scenario) -> Iterator[None]:
    stack = the_full_stack(world)
    for each in stack.values():
        world.now(each.crashes())
    yield
    world.run_for("0.1s")
    until_well(world, tuple(stack.values()))
    yield
    assert must_run(world, tuple(stack.values())) == [1] * len(stack), world.report()
    begun = {name: world.ledger.starts(name)[0].at.moment for name in stack}
    for name, needed in NEEDS.items():
        assert all(begun[name] >= begun[each] + WARM_UP[each] for each in needed), world.report()


STORIES = (
    a_whole_stack_is_down,
    a_database_freezes,
    a_parent_of_thirty_deadlocks,
    a_hundred_are_killed,
    an_owner_of_a_network_dies,
)


# --- how they are cut ---------------------------------------------------------------------------------------------


def tell(story: Story, dialect: Dialect, dies_after: int | None) -> int:
    """How many steps the healing had; ``dies_after`` so many of them the orchestrator dies, and is back 2 s later."""
    with Scenario(dialect=dialect) as world:
        chapters = story(world)
        next(chapters)
        begun = len(world.steps)
        if dies_after is not None:
            world.sigkill_at_step(begun + dies_after)
        next(chapters)
        steps = len(world.steps) - begun
        assert dies_after is None or steps > dies_after
        assert list(chapters) == []
        return steps


@cache
def steps_of(story: Story, dialect: Dialect) -> int:
    return tell(story, dialect, None)


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("story", STORIES)
def test_each_cause_is_healed_once_whenever_we_die(story: Story, dialect: Dialect, death: int) -> None:
    chance = random.Random(f"{story.__name__} {dialect} {death}")
    tell(story, dialect, chance.randrange(steps_of(story, dialect)))


@pytest.mark.parametrize("dies_after", range(30, 120, 15))
def test_a_parent_whose_first_answer_comes_with_those_of_its_children_is_the_cause_all_the_same(
    dies_after: int,
) -> None:
    """While the children fail already, and their waits are over when we come back."""
    tell(a_parent_of_thirty_deadlocks, "docker", dies_after)
