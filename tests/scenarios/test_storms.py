"""Many at once: a hundred killed containers, a host on which nothing answers, an engine that cannot start anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import cast

import pytest

from orchestrator.testing import Scenario
from orchestrator.testing.actor import Actor
from orchestrator.testing.daemon import Dialect
from orchestrator.testing.workload import Workload

MOST = 8
"""Actions at once in these stories, at the most."""
PATIENT = {"orchestrator.recovery.on_max_failures": "keep_trying"}
STARVED = 1000.0
"""How much slower the engine is on a host on which nothing else goes on either: two seconds for a look."""


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def a_crowd(world: Scenario, count: int, **labels: str) -> list[Actor]:
    written = {**PATIENT, **{f"orchestrator.{key}": value for key, value in labels.items()}}
    crowd = [world.container(f"web-{number:03}", labels=written) for number in range(count)]
    world.run_for("3m")
    return crowd


def names(world: Scenario) -> list[str]:
    return [each.name for each in world.orchestrator.services()]


def must_all_be(world: Scenario, status: str) -> None:
    for name in names(world):
        world.must_be(name, status)


def told_of_host(world: Scenario) -> list[str]:
    return [f"{each.message}: {each.cause}" for each in world.told_of_host()]


def restarts(world: Scenario) -> int:
    return sum(world.restarts_of(name) for name in names(world))


def most_at_once(world: Scenario, crowd: Iterable[Actor]) -> int:
    """Of the starts that the engine was asked for and had not carried out yet."""
    steps: list[tuple[float, int]] = []
    for each in crowd:
        asked = [one.at.moment for one in world.ledger.requests(each.container.name)]
        began = [one.at.moment for one in world.ledger.starts(each.container.name)]
        steps += [*((moment, 1) for moment in asked), *((moment, -1) for moment in began)]
    under_way = most = 0
    for _, step in sorted(steps):
        under_way += step
        most = max(most, under_way)
    return most


def all_at_once(world: Scenario, deeds: Sequence[Actor], what: str) -> None:
    for each in deeds:
        world.now(getattr(each, what)())


# --- deaths -------------------------------------------------------------------------------------------------------


def test_a_hundred_killed_at_once_all_come_back_and_never_more_at_once_than_may(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 100)
        all_at_once(world, crowd, "crashes")
        took = world.run_until(lambda: restarts(world) == 100, within="1m")
        assert took < 100 / MOST + 3
        assert 1 < most_at_once(world, crowd) <= MOST
        world.run_for("1m")
        must_all_be(world, "running")
        assert told_of_host(world) == []
        assert restarts(world) == 100


def test_whose_turn_has_not_come_is_shown_with_those_before_it(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 60)
        all_at_once(world, crowd, "crashes")
        world.run_until(lambda: world.orchestrator.load().actions_waiting > 30, within="5s")
        waiting = world.orchestrator.load().actions_waiting
        queued = [each for each in world.orchestrator.plan() if each.blocked_by == ("queue",)]
        assert len(queued) == waiting
        assert {each.intention for each in queued} == {"start"}
        assert any(each.cause.endswith("; it is next") for each in queued)
        assert any(each.cause.endswith(f"; {waiting - 1} before it") for each in queued)
        last = next(each for each in queued if each.cause.endswith(f"; {waiting - 1} before it"))
        place = f"waiting for its turn, {waiting - 1} before it"
        assert world.view(last.service).reason == f"exited with code 1; {place}"
        world.run_for("1m")
        must_all_be(world, "running")
        assert world.orchestrator.load().actions_waiting == 0


def test_infrastructure_comes_first(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = [world.container(f"app-{number:02}", labels=PATIENT) for number in range(40)]
        critical = {**PATIENT, "orchestrator.category": "infrastructure"}
        crowd += [world.container(f"vital-{number}", labels=critical) for number in range(4)]
        world.run_for("2m")
        all_at_once(world, crowd, "crashes")
        world.run_until(lambda: restarts(world) == 44, within="1m")
        begun = sorted(
            (each for each in world.ledger if each.what == "started" and each.by == "orchestrator"),
            key=lambda each: each.at.moment,
        )
        places = [place for place, each in enumerate(begun) if each.container.startswith("vital")]
        assert max(places) < MOST + 4, places


def test_a_person_does_not_wait_behind_the_others(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 60)
        all_at_once(world, crowd, "crashes")
        world.run_until(lambda: world.orchestrator.load().actions_waiting > 30, within="5s")
        last = max(
            (each for each in world.orchestrator.plan() if each.blocked_by == ("queue",)), key=lambda each: each.cause
        )
        assert world.start(last.service).accepted
        world.run_for("1s")
        assert world.restarts_of(last.service) == 1
        world.run_for("1m")
        must_all_be(world, "running")


def test_what_the_engine_starts_meanwhile_leaves_the_queue(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 60)
        all_at_once(world, crowd, "crashes")
        world.run_until(lambda: world.orchestrator.load().actions_waiting > 30, within="5s")
        queued = [each.service for each in world.orchestrator.plan() if each.blocked_by == ("queue",)][-20:]
        for each in crowd:
            if each.container.name in queued:
                world.now(each.is_started_by_hand())
        world.run_for("1m")
        must_all_be(world, "running")
        assert restarts(world) == 40


def test_a_host_that_has_just_started_is_not_swamped(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 50)
        world.stop_orchestrator()
        all_at_once(world, crowd, "crashes")
        world.run_for("5m")
        world.start_orchestrator()
        world.run_for("1m")
        must_all_be(world, "running")
        assert most_at_once(world, crowd) <= MOST
        assert told_of_host(world) == []


def test_an_engine_that_comes_back_with_everything_down_is_not_swamped(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 50)
        world.engine.go_away()
        all_at_once(world, crowd, "crashes")
        world.run_for("2m")
        world.engine.come_back()
        world.run_until(lambda: restarts(world) == 50, within="2m")
        world.run_for("30s")
        must_all_be(world, "running")
        assert most_at_once(world, crowd) <= MOST
        assert told_of_host(world) == []


# --- ill health -----------------------------------------------------------------------------------------------------


def test_many_unrelated_that_fall_ill_at_once_are_not_restarted_at_once(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        world.engine.slowness = STARVED
        all_at_once(world, crowd, "gets_sick")
        world.run_until(lambda: bool(world.orchestrator.system().restarts_paused), within="45s")
        assert world.orchestrator.system().status == "degraded"
        world.run_for("25s")
        assert restarts(world) <= storm_begins()
        assert "held: restarts are paused:" in world.view(names(world)[-1]).reason
        world.engine.slowness = 1.0
        world.run_for("10m")
        must_all_be(world, "running")
        paused, resumed = told_of_host(world)
        assert paused.startswith("Restarts paused: 5 unrelated services failed within ")
        assert resumed.startswith("Restarts resumed: web-0")
        assert resumed.endswith(" is well again")
        assert [world.restarts_of(name) for name in names(world)] == [1] * 40
        assert most_at_once(world, crowd) <= MOST
        assert not world.orchestrator.system().restarts_paused


def storm_begins() -> int:
    """Those whose backoff was over before enough had failed for a storm."""
    return 2


def test_what_comes_back_by_itself_in_the_pause_is_not_restarted(dialect: Dialect) -> None:
    """A host that was starved for a while."""
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40, **{"health.interval": "10s"})
        world.engine.slowness = STARVED
        all_at_once(world, crowd, "deadlocks")
        world.run_until(lambda: bool(world.orchestrator.system().restarts_paused), within="1m")
        world.engine.slowness = 1.0
        all_at_once(world, crowd, "gets_well")
        world.run_for("5m")
        must_all_be(world, "running")
        assert restarts(world) <= storm_begins()
        assert told_of_host(world)[1:] == ["Restarts resumed: nothing is down any more"]


def test_while_a_restart_helps_nobody_one_is_tried_less_and_less_often(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        for each in crowd:
            world.now(each.changes(condition=each.container.workload.condition.SICK))
        all_at_once(world, crowd, "gets_sick")
        world.run_for("30m")
        assert restarts(world) <= storm_begins() + 8, world.report()
        assert len(told_of_host(world)) == 1
        for each in crowd:
            world.now(each.changes(condition=each.container.workload.condition.HEALTHY))
        world.run_for("20m")
        must_all_be(world, "running")
        assert len(told_of_host(world)) == 2


def test_on_a_host_that_is_well_one_is_tried_at_once_and_the_others_follow(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40, **{"health.interval": "10s"})
        all_at_once(world, crowd, "deadlocks")
        world.run_until(lambda: bool(world.orchestrator.system().restarts_paused), within="30s")
        world.run_for("1m")
        must_all_be(world, "running")
        (paused, resumed) = told_of_host(world)
        assert paused.startswith("Restarts paused: ")
        assert resumed.endswith(" is well again")
        assert [world.restarts_of(name) for name in names(world)] == [1] * 40
        assert most_at_once(world, crowd) <= MOST


def test_forty_that_freeze_at_once_explain_themselves(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        all_at_once(world, crowd, "freezes")
        world.run_for("2m")
        must_all_be(world, "running")
        assert told_of_host(world) == []
        assert [world.restarts_of(name) for name in names(world)] == [1] * 40
        assert most_at_once(world, crowd) <= MOST


@pytest.mark.parametrize(("size", "interval"), [(3, "1s"), (3, "10s"), (10, "1s")])
def test_several_that_freeze_at_once_are_healed_as_soon_as_one(dialect: Dialect, size: int, interval: str) -> None:
    def took(frozen: int) -> float:
        with Scenario(dialect=dialect) as world:
            crowd = a_crowd(world, size, **{"health.interval": interval})
            all_at_once(world, crowd[:frozen], "freezes")
            seconds = world.run_until(lambda: restarts(world) == frozen, within="1m")
            world.run_for("1m")
            must_all_be(world, "running")
            assert told_of_host(world) == []
            assert restarts(world) == frozen
        return seconds

    assert took(size) <= 1.1 * took(1) + size / MOST


def test_people_are_not_held(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        all_at_once(world, crowd, "gets_sick")
        world.run_until(lambda: bool(world.orchestrator.system().restarts_paused), within="30s")
        assert world.restart("web-020").accepted
        world.run_for("5s")
        world.must_be("web-020", "running")
        world.run_for("10m")
        must_all_be(world, "running")


def test_a_trial_that_a_person_stops_is_held_with_another(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        all_at_once(world, crowd, "gets_sick")
        world.run_until(lambda: "is tried first" in world.orchestrator.system().restarts_paused, within="2m")
        tried = world.orchestrator.system().restarts_paused.split()[-4]
        world.disable(tried)
        world.run_for("1s")
        assert tried not in world.orchestrator.system().restarts_paused
        world.run_for("10m")
        for name in names(world):
            world.must_be(name, "disabled" if name == tried else "running")


def test_a_trial_whose_container_is_removed_is_held_with_another(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        all_at_once(world, crowd, "gets_sick")
        world.run_until(lambda: "is tried first" in world.orchestrator.system().restarts_paused, within="2m")
        tried = world.orchestrator.system().restarts_paused.split()[-4]
        world.now(next(each for each in crowd if each.container.name == tried).is_removed())
        world.run_for("2s")
        assert tried not in world.orchestrator.system().restarts_paused
        world.run_for("10m")
        assert [each.name for each in world.orchestrator.services() if each.status != "running"] == [tried]


def test_dependents_of_one_parent_are_one_cause(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        parent = world.container("db", labels=PATIENT)
        for number in range(30):
            world.container(f"web-{number:02}", labels={**PATIENT, "orchestrator.requires": "db"}, leans_on=["db"])
        world.run_for("3m")
        world.now(parent.deadlocks())
        world.run_for("10m")
        must_all_be(world, "running")
        assert told_of_host(world) == []
        assert restarts(world) == world.restarts_of("db") == 1


def test_dependents_of_a_parent_that_cannot_be_asked_are_one_cause_too(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        parent = world.container("db", check="running", labels=PATIENT)
        for number in range(30):
            world.container(f"web-{number:02}", labels={**PATIENT, "orchestrator.requires": "db"}, leans_on=["db"])
        world.run_for("3m")
        world.now(parent.deadlocks())
        world.run_for("1m")
        assert world.status("web-00") != "running"
        assert told_of_host(world) == []
        world.now(parent.gets_well())
        world.run_for("10m")
        must_all_be(world, "running")


@pytest.mark.parametrize("backoff", ["2s", "6s"])
def test_dependents_that_were_not_asked_since_their_parent_is_back_are_no_causes(
    dialect: Dialect, backoff: str
) -> None:
    """They take longer to answer than they have to come back, and some were asked before."""
    with Scenario(dialect=dialect) as world:
        quick = {"orchestrator.health.interval": "1s", "orchestrator.recovery.backoff_base": backoff}
        parent = world.container("db", labels={**PATIENT, **quick})
        hurried = {"orchestrator.requires": "db", "orchestrator.health.interval": "5s", "orchestrator.grace": "1s"}
        for number in range(30):
            slow = Workload(answer_after=3.0)
            world.container(f"web-{number:02}", labels={**PATIENT, **hurried}, leans_on=["db"], workload=slow)
        world.run_for("1m")
        world.now(parent.deadlocks())
        world.run_for("1m")
        must_all_be(world, "running")
        assert told_of_host(world) == []
        assert restarts(world) == world.restarts_of("db") == 1


def test_one_that_flaps_never_pauses_the_others(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 20)
        world.every("20s", crowd[0].gets_sick())
        world.at("10m", crowd[1].crashes())
        world.run_for("30m")
        assert told_of_host(world) == []
        assert world.restarts_of("web-000") > 5
        assert world.restarts_of("web-001") == 1


# --- the engine -----------------------------------------------------------------------------------------------------


def test_an_engine_that_refuses_every_start_with_the_same_words_is_asked_less_and_less_often(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        for each in crowd:
            world.now(each.cannot_start(f"mkdir /run/{each.container.name}: no space left on device"))
        all_at_once(world, crowd, "crashes")
        world.run_for("10m")
        paused = told_of_host(world)
        assert paused == ["Restarts paused: the last 5 starts failed with the same words: no space left on device"]
        assert len(world.ledger.requests()) < 30
        for each in crowd:
            world.now(each.can_start())
        world.run_for("10m")
        must_all_be(world, "running")
        assert told_of_host(world)[1].startswith("Restarts resumed: ")


def test_an_engine_that_has_become_very_slow_is_left_alone_and_tried_again(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        crowd = a_crowd(world, 40)
        world.now(crowd[0].crashes())
        world.run_for("1m")
        world.engine.slowness = 200.0
        all_at_once(world, crowd, "crashes")
        world.run_until(lambda: bool(world.orchestrator.system().restarts_paused), within="3m")
        assert re.search(r"took more than \d+ s each", world.orchestrator.system().restarts_paused)
        world.engine.slowness = 1.0
        world.run_for("5m")
        must_all_be(world, "running")
        assert len(told_of_host(world)) == 2
