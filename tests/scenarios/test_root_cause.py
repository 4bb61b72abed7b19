"""A chain of services of which the first falls ill: it alone is healed, and the others come back by themselves."""

from __future__ import annotations

from typing import cast

import pytest

from orchestrator.testing import Scenario
from orchestrator.testing.actor import Actor
from orchestrator.testing.daemon import Dialect

CHAIN = ("frontend", "backend", "postgres")


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def a_chain(world: Scenario) -> Actor:
    """``frontend`` needs ``backend`` needs ``postgres``, which is returned; each says that it is ill without it."""
    patient = {"orchestrator.health.interval": "10s", "orchestrator.recovery.on_max_failures": "keep_trying"}
    postgres = world.container("postgres", labels=patient)
    for name, needed in (("backend", "postgres"), ("frontend", "backend")):
        labels = {"orchestrator.requires": needed, "orchestrator.health.interval": "5s"}
        world.container(name, labels=labels, leans_on=[needed])
    world.run_for("2m")
    for name in CHAIN:
        world.must_be(name, "running")
    return postgres


@pytest.mark.parametrize("illness", ["crashes", "freezes", "deadlocks", "gets_sick", "is_killed_by_the_kernel"])
@pytest.mark.parametrize("seed", range(4))
def test_only_the_cause_is_restarted(dialect: Dialect, illness: str, seed: int) -> None:
    with Scenario(dialect=dialect, seed=seed) as world:
        postgres = a_chain(world)
        world.now(getattr(postgres, illness)())
        world.run_for("5m")
        for name in CHAIN:
            world.must_be(name, "running")
            assert world.view(name).strikes <= (1 if name == "postgres" else 0), world.report()
        assert [world.restarts_of(name) for name in CHAIN] == [0, 0, 1], world.report()


def test_a_long_outage_of_the_cause_has_two_events_a_dependent(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        postgres = a_chain(world)
        world.now(postgres.cannot_start())
        world.now(postgres.crashes())
        world.run_for("3m")
        assert world.view("backend").waiting_on == ("postgres",)
        assert world.view("frontend").waiting_on == ("backend",)
        assert world.view("frontend").reason == "waiting for backend (down for postgres): HTTP 500"
        told = {name: len(world.messages(name)) for name in CHAIN}
        world.run_for("10m")
        assert {name: len(world.messages(name)) for name in ("frontend", "backend")} == {
            name: told[name] for name in ("frontend", "backend")
        }
        world.now(postgres.can_start())
        world.run_for("5m")
        for name in ("frontend", "backend"):
            world.must_be(name, "running")
            assert world.restarts_of(name) == 0
            assert world.messages(name).count("Waiting for dependency") == 1, world.report()
            assert world.messages(name).count("Dependency is back") == 1, world.report()


def test_what_still_fails_after_its_time_to_settle_is_restarted(dialect: Dialect) -> None:
    """A client that never reconnects."""
    with Scenario(dialect=dialect) as world:
        postgres = world.container("postgres")
        backend = world.container("backend", labels={"orchestrator.requires": "postgres", "orchestrator.grace": "20s"})
        world.run_for("1m")
        world.now(postgres.cannot_start())
        world.now(postgres.crashes())
        world.now(backend.gets_sick())
        world.run_for("2m")
        world.now(postgres.can_start())
        world.run_until(lambda: world.status("postgres") == "running", within="2m")
        world.run_for("19s")
        assert world.restarts_of("backend") == 0
        world.run_for("1m")
        world.must_be("backend", "running")
        assert world.restarts_of("backend") == 1


def test_a_soft_dependency_that_is_down_degrades_and_restarts_nobody(dialect: Dialect) -> None:
    with Scenario(dialect=dialect, configuration={"services": {"web": {"wants": ["cache"]}}}) as world:
        cache = world.container("cache")
        world.container("web")
        world.run_for("1m")
        assert world.view("web").degraded_by == ()
        world.now(cache.cannot_start())
        world.now(cache.crashes())
        world.run_for("1m")
        assert world.view("web").degraded_by == ("cache",)
        world.must_be("web", "running")
        world.now(cache.can_start())
        world.run_for("5m")
        assert world.view("web").degraded_by == ()
        assert world.restarts_of("web") == 0


def test_a_service_is_restarted_with_another_one_once(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        db = world.container("db")
        world.container("web", labels={"orchestrator.restart_with": "db"})
        world.run_for("1m")
        world.now(db.crashes())
        world.run_for("2m")
        assert (world.restarts_of("db"), world.restarts_of("web")) == (1, 1)
        world.restart("db")
        world.run_for("2m")
        assert world.restarts_of("web") == 2
        world.sigkill()
        world.start_orchestrator()
        world.run_for("10m")
        assert world.restarts_of("web") == 2
        assert world.view("web").strikes == 0


def test_who_was_restarted_before_we_came_has_no_followers(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("web", labels={"orchestrator.restart_with": "db"})
        world.container("db")
        world.run_for("5m")
        assert world.restarts_of("web") == 0


@pytest.mark.parametrize("limit", ["1", "10"])
@pytest.mark.parametrize("policy", ["no", "unless-stopped"])
def test_of_a_project_killed_at_once_none_pays_for_what_it_requires_whoever_is_seen_first(
    dialect: Dialect, policy: str, limit: str
) -> None:
    chain = {"postgres": "", "backend": "postgres", "frontend": "backend"}
    with Scenario(dialect=dialect) as world:
        actors = {}
        for name, needed in chain.items():
            labels = {"orchestrator.requires": needed, "orchestrator.recovery.on_max_failures": "disable"}
            labels["orchestrator.recovery.max_failures"] = limit if needed else "10"
            actors[name] = world.container(name, labels=labels, policy=policy)
        world.run_for("5m")
        for after, name in ((0.0, "frontend"), (0.05, "backend"), (0.1, "postgres")):
            world.at(after, actors[name].is_killed_by_the_kernel())
        world.run_for("1m")
        for name, needed in chain.items():
            world.must_be(name, "running")
            assert world.view(name).strikes == (0 if needed else 1), world.report()


def test_who_died_by_itself_a_while_before_what_it_requires_has_failed_by_itself(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("postgres")
        backend = world.container("backend", labels={"orchestrator.requires": "postgres"})
        world.run_for("5m")
        world.now(backend.crashes())
        world.run_for("3s")
        world.now(Actor(world.daemon, "postgres").crashes())
        world.run_for("30s")
        assert world.view("backend").strikes == 1, world.report()


def test_a_network_that_ended_with_its_owner_is_repaired(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        vpn = world.container("vpn")
        world.container("torrent", uses={"network": "vpn"})
        world.run_for("1m")
        world.now(vpn.crashes())
        world.run_for("2m")
        for name in ("vpn", "torrent"):
            world.must_be(name, "running")
            assert world.restarts_of(name) == 1
