"""A stack comes up in the order of its dependencies, each phase when the one before is healthy, and goes down in
reverse; nothing plans it: each service acts when what it depends on allows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, cast

import pytest

from orchestrator.core.messages import Down, Up
from orchestrator.testing import Scenario
from orchestrator.testing.actor import Actor
from orchestrator.testing.daemon import Dialect
from orchestrator.testing.workload import Workload

WARM_UP: Final[Mapping[str, float]] = MappingProxyType(
    {
        "postgres": 9.0,
        "redis": 8.0,
        "ai-yolo26": 55.0,
        "ai-llm": 110.0,
        "ai-florence": 50.0,
        "ai-clip": 50.0,
        "ai-enrichment": 170.0,
        "backend": 25.0,
        "frontend": 15.0,
        "prometheus": 15.0,
        "grafana": 20.0,
        "alertmanager": 10.0,
        "jaeger": 10.0,
        "loki": 14.0,
        "pyroscope": 14.0,
        "alloy": 1.0,
    }
)
"""Seconds from start to healthy, as the phase tables have it, and within the grace that they give."""
NEEDS: Final = {
    "backend": ("postgres", "redis", "ai-yolo26", "ai-llm", "ai-florence", "ai-clip", "ai-enrichment"),
    "frontend": ("backend",),
    "grafana": ("prometheus",),
}
CHAIN: Final = ("postgres", "backend", "frontend")


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def the_full_stack(world: Scenario, *, running: bool = True, policy: str = "no") -> dict[str, Actor]:
    """Every service of the phase tables, each with its catalog's grace and dependencies."""
    checks = {"alloy": "running", "postgres": "command", "redis": "command"}
    return {
        name: world.container(
            name,
            check=checks.get(name, "http"),  # type: ignore[arg-type]
            workload=Workload(warm_up=seconds),
            running=running,
            policy=policy,
        )
        for name, seconds in WARM_UP.items()
    }


def all_run(world: Scenario, names: Iterable[str]) -> bool:
    return all(world.status(name) == "running" for name in names)


def moment_of(world: Scenario, service: str, *messages: str) -> float:
    """When the newest event with one of these messages was told, as a moment of the story."""
    found = [event.wall for event in world.told(service) if event.message in messages]
    assert found, f"{service} was told none of {messages}:\n{world.report(service)}"
    return found[-1] - world.clock.now().wall + world.moment


def started(world: Scenario, service: str) -> float:
    return moment_of(world, service, "Restart initiated", "Manual start initiated")


def healthy(world: Scenario, service: str) -> float:
    return moment_of(world, service, "Restart completed")


def came_up_in_order(world: Scenario) -> None:
    for name, needed in NEEDS.items():
        for each in needed:
            assert started(world, name) >= healthy(world, each), f"{name} before {each}:\n{world.report()}"


def up(world: Scenario, *names: str) -> None:
    for name in names:
        reply = world.ask(name, Up("ann"))
        assert reply.accepted, reply


def down(world: Scenario, *names: str, force: bool = False) -> None:
    for name in names:
        reply = world.ask(name, Down("ann", force))
        assert reply.accepted, reply


# --- after an end that nobody saw -----------------------------------------------------------------------------


def test_a_stack_found_stopped_comes_up_in_the_time_of_its_critical_path(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        stack = the_full_stack(world)
        for actor in stack.values():
            world.now(actor.crashes())
        world.run_for("0.1s")
        took = world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        came_up_in_order(world)
        longest = WARM_UP["ai-enrichment"] + WARM_UP["backend"] + WARM_UP["frontend"]
        assert longest <= took <= longest + 12.0
        for name in WARM_UP:
            assert world.restarts_of(name) == 1
            assert world.view(name).strikes == 0


def test_a_host_that_reboots_is_no_failure_of_its_services(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        stack = the_full_stack(world)
        world.run_for("1s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        world.sigkill()
        for actor in stack.values():
            world.now(actor.crashes(137))
        world.run_for("30s")
        world.start_orchestrator()
        world.run_for("1s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        came_up_in_order(world)
        for name in WARM_UP:
            assert world.restarts_of(name) == 1
            assert world.view(name).strikes == 0


def test_an_engine_that_took_everything_down_and_is_back_is_no_failure_either(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        stack = the_full_stack(world)
        world.run_for("1s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        world.engine.go_away()
        for actor in stack.values():
            world.now(actor.crashes(137))
        world.run_for("1m")
        assert not any(world.restarts_of(name) for name in WARM_UP)
        world.engine.come_back()
        world.run_for("30s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        came_up_in_order(world)
        for name in WARM_UP:
            assert world.restarts_of(name) == 1
            assert world.view(name).strikes == 0


def test_an_engine_that_ends_politely_is_nobodys_wish_to_have_all_stopped(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        stack = the_full_stack(world)
        world.run_for("1s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        world.engine.go_away()  # its API closes before it stops what it runs
        for actor in stack.values():
            world.now(actor.is_stopped_by_hand())
        world.run_for("1m")
        world.engine.come_back()
        world.run_for("30s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        came_up_in_order(world)
        assert not any(world.view(name).strikes for name in WARM_UP)


def test_what_the_engine_starts_at_its_boot_is_left_to_it(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        stack = the_full_stack(world, policy="always")
        world.run_for("1s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        world.engine.go_away()
        for actor in stack.values():
            world.now(actor.crashes(137))
        world.run_for("1m")
        world.engine.come_back()
        world.run_for("30s")
        world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        assert not any(world.restarts_of(name) for name in WARM_UP)


# --- soft dependencies ------------------------------------------------------------------------------------------


SOFT = {"services": {"web": {"wants": ["model"]}, "model": {"grace": "60s"}}}


def test_a_soft_dependency_is_waited_for_at_start_up_until_its_grace_is_over(dialect: Dialect) -> None:
    with Scenario(dialect=dialect, configuration=SOFT) as world:
        model = world.container("model", workload=Workload(warm_up=300.0))
        web = world.container("web")
        for actor in (model, web):
            world.now(actor.crashes())
        world.run_for("50s")
        world.must_be("web", "stopped")
        assert world.view("web").reason == "waiting for model (soft, up to 60 s): exited with code 1"
        world.run_for("15s")
        world.must_be("web", "running")
        assert world.view("web").degraded_by == ("model",)


def test_a_soft_dependency_whose_start_was_just_asked_for_is_waited_for(dialect: Dialect) -> None:
    """Both waited for the same one, and are decided in the turn in which it is healthy."""
    services = {"model": {"requires": ["db"]}, "web": {"requires": ["db"], "wants": ["model"]}}
    with Scenario(dialect=dialect, configuration={"services": services}) as world:
        for name in ("db", "model", "web"):
            world.container(name, workload=Workload(warm_up=5.0), running=False)
        world.run_for("30s")
        up(world, "db", "model", "web")
        world.run_until(lambda: all_run(world, ("db", "model", "web")), within="1m")
        assert started(world, "model") >= healthy(world, "db")
        assert started(world, "web") >= healthy(world, "model")


def test_a_soft_dependency_that_is_to_stay_down_is_not_waited_for(dialect: Dialect) -> None:
    with Scenario(dialect=dialect, configuration=SOFT) as world:
        model = world.container("model")
        web = world.container("web")
        world.run_for("1m")
        world.stop("model")
        world.run_for("30s")
        world.sigkill()
        world.now(web.crashes())
        world.run_for("1s")
        world.start_orchestrator()
        world.run_for("5s")
        world.must_be("web", "running")
        assert model.container.up is False


def test_a_death_that_was_seen_is_healed_without_waiting_for_anything_soft(dialect: Dialect) -> None:
    with Scenario(dialect=dialect, configuration=SOFT) as world:
        model = world.container("model", workload=Workload(warm_up=50.0))
        web = world.container("web")
        world.run_for("2m")
        world.now(model.crashes())
        world.now(web.crashes())
        world.run_for("5s")
        world.must_be("web", "running")
        world.must_be("model", "starting")


# --- up -----------------------------------------------------------------------------------------------------------


def a_chain(world: Scenario, *, running: bool = True) -> dict[str, Actor]:
    """``frontend`` needs ``backend`` needs ``postgres``; each takes 5 s to be healthy."""
    configuration = {"postgres": {}, "backend": {"requires": "postgres"}, "frontend": {"requires": "backend"}}
    return {
        name: world.container(
            name,
            labels={f"orchestrator.{key}": value for key, value in labels.items()} | {"orchestrator.wants": ""},
            workload=Workload(warm_up=5.0),
            running=running,
        )
        for name, labels in configuration.items()
    }


def test_up_starts_what_was_only_created_in_its_order(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        a_chain(world, running=False)
        world.run_for("30s")
        assert not any(world.restarts_of(name) for name in CHAIN)
        up(world, *reversed(CHAIN))
        took = world.run_until(lambda: all_run(world, CHAIN), within="1m")
        assert 15.0 <= took <= 18.0
        assert started(world, "backend") >= healthy(world, "postgres")
        assert started(world, "frontend") >= healthy(world, "backend")


def test_a_start_that_waits_for_its_turn_outlives_our_process(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        a_chain(world, running=False)
        world.run_for("10s")
        up(world, *CHAIN)
        world.run_for("2s")
        world.sigkill()
        world.start_orchestrator()
        world.run_for("30s")
        assert all_run(world, CHAIN)


def test_up_starts_what_a_person_had_stopped_and_a_person_may_think_again(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        a_chain(world)
        world.run_for("1m")
        for name in reversed(CHAIN):
            world.stop(name)
        world.run_for("30s")
        up(world, *CHAIN)
        world.run_for("2s")
        world.stop("frontend")
        world.run_for("1m")
        assert all_run(world, ("postgres", "backend"))
        assert world.view("frontend").at_rest
        assert world.restarts_of("frontend") == 0


def test_a_stack_that_was_only_created_is_up_within_fifteen_percent_of_its_critical_path(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        the_full_stack(world, running=False)
        world.run_for("30s")
        up(world, *reversed(tuple(WARM_UP)))
        took = world.run_until(lambda: all_run(world, WARM_UP), within="10m")
        came_up_in_order(world)
        longest = WARM_UP["ai-enrichment"] + WARM_UP["backend"] + WARM_UP["frontend"]
        assert longest <= took <= 1.15 * longest
        assert [world.restarts_of(name) for name in WARM_UP] == [1] * len(WARM_UP)


# --- down ---------------------------------------------------------------------------------------------------------


def slow_to_stop(actors: Iterable[Actor]) -> None:
    for actor in actors:
        actor.changes(stop_after=3.0)()


def happened(world: Scenario, service: str, what: str) -> float:
    """When it happened for the last time, by the engine's own book."""
    return [each.at.moment for each in world.ledger if (each.container, each.what) == (service, what)][-1]


def test_down_stops_each_service_when_those_that_require_it_are_down(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        slow_to_stop(a_chain(world).values())
        world.run_for("1m")
        down(world, *reversed(CHAIN))
        world.run_for("1s")
        assert world.view("backend").reason == "waiting for frontend to stop"
        world.run_for("20s")
        for name in CHAIN:
            world.must_be(name, "stopped")
            assert world.view(name).at_rest
        assert happened(world, "backend", "asked to stop") >= happened(world, "frontend", "exited")
        assert happened(world, "postgres", "asked to stop") >= happened(world, "backend", "exited")


def test_what_went_down_stays_down_and_what_waits_for_it_goes_down_across_our_own_restart(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        slow_to_stop(a_chain(world).values())
        world.run_for("1m")
        down(world, *reversed(CHAIN))
        world.run_for("1s")
        world.sigkill()
        world.start_orchestrator()
        world.run_for("5m")
        for name in CHAIN:
            world.must_be(name, "stopped")
            assert world.restarts_of(name) == 0


def test_what_another_one_needs_is_not_taken_down_unless_by_force(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        a_chain(world)
        world.run_for("1m")
        reply = world.ask("postgres", Down("ann"))
        assert (reply.accepted, reply.conflict) == (False, "required")
        assert reply.message == "postgres is required by backend, which runs on: name that too, or use force"
        world.run_for("1m")
        world.must_be("postgres", "running")
        down(world, "postgres", force=True)
        world.run_for("1m")
        world.must_be("postgres", "stopped")


def test_down_during_a_start_up_is_obeyed_when_the_start_is_over(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        a_chain(world, running=False)
        world.run_for("10s")
        up(world, *CHAIN)
        world.run_for("0.1s")
        down(world, *reversed(CHAIN))
        world.run_for("1m")
        for name in CHAIN:
            assert world.view(name).container_state != "running"
            assert world.view(name).at_rest
