"""What services require of the host: asked for, waited for, and never healed by restarting those that need it."""

from __future__ import annotations

import json
from typing import cast

import pytest

from orchestrator.core.messages import Stop, Up
from orchestrator.testing import Scenario
from orchestrator.testing.actor import Actor
from orchestrator.testing.daemon import Dialect

MOUNT = "mount:/mnt/media"
DATABASE = "tcp:10.0.0.9:5432"


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def needing(world: Scenario, resource: str, *names: str) -> dict[str, Actor]:
    """Services that require it, up and well."""
    labels = {"orchestrator.requires": resource, "orchestrator.health.interval": "10s"}
    actors = {name: world.container(name, labels=labels) for name in names}
    world.run_for("1m")
    for name in names:
        world.must_be(name, "running")
    return actors


def host_events(world: Scenario) -> list[str]:
    kept = sorted(world.store.medium.events.items())
    documents = [json.loads(text) for _, (service, text) in kept if service == ""]
    return [f"{document['data']['subject']}: {document['message']}" for document in documents]


def test_a_mount_that_goes_away_holds_its_services_counts_nothing_and_is_told_once_each_way(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        actors = needing(world, MOUNT, "jellyfin", "photos")
        world.resources.missing[MOUNT] = "nothing is mounted there"
        world.run_for("15s")
        world.now(actors["jellyfin"].crashes())
        world.now(actors["photos"].gets_sick())
        world.run_for("20m")
        for name in actors:
            view = world.view(name)
            assert (view.waiting_on, view.strikes, view.restart_count) == ((MOUNT,), 0, 0), world.report()
            assert "Waiting for dependency" not in world.messages(name), "the host's event tells for all"
            assert world.restarts_of(name) == 0
        assert world.view("photos").reason == f"waiting for {MOUNT}: HTTP 500"
        assert host_events(world) == [f"{MOUNT}: Precondition not met"]
        del world.resources.missing[MOUNT]
        world.now(actors["photos"].gets_well())
        world.run_for("3m")
        for name in actors:
            world.must_be(name, "running")
            assert "Dependency is back" not in world.messages(name)
        assert (world.restarts_of("jellyfin"), world.restarts_of("photos")) == (1, 0)
        assert host_events(world) == [
            f"{MOUNT}: Precondition not met",
            f"{MOUNT}: Precondition met again",
        ]


def test_a_database_outside_the_engine_is_the_cause_and_its_dependents_wait(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        actors = needing(world, DATABASE, "web")
        world.resources.missing[DATABASE] = "connection refused"
        world.now(actors["web"].gets_sick())
        world.run_for("10m")
        plan = world.orchestrator.plan_of("web")
        assert plan is not None
        assert (plan.intention.value, plan.blocked_by) == ("wait", (f"waiting_on:{DATABASE}",))
        assert world.view("web").reason == f"waiting for {DATABASE}: HTTP 500"
        assert host_events(world) == [f"{DATABASE}: Precondition not met"]
        (resource,) = world.orchestrator.graph().resources
        assert (resource.name, resource.state, resource.detail) == (DATABASE, "missing", "connection refused")
        del world.resources.missing[DATABASE]
        world.run_for("5m")
        assert world.restarts_of("web") == 1, "it did not come back by itself within its time to settle"


@pytest.mark.parametrize("backoff", ["0s", "1s"])
def test_what_is_there_is_asked_once_more_before_a_sick_service_is_restarted(dialect: Dialect, backoff: str) -> None:
    """The cause may be gone since the last question."""
    with Scenario(dialect=dialect) as world:
        labels = {"orchestrator.requires": MOUNT, "orchestrator.recovery.backoff_base": backoff}
        web = world.container("web", labels=labels)
        world.run_for("1m")
        world.resources.missing[MOUNT] = "nothing is mounted there"
        world.now(web.gets_sick())
        world.run_for("10m")
        assert world.restarts_of("web") == 0, world.report()


def test_a_file_server_that_is_gone_and_hangs_is_not_there(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        actors = needing(world, "path:/mnt/nfs/library", "web")
        other = needing(world, DATABASE, "api")
        world.resources.hanging.add("path:/mnt/nfs/library")
        world.run_for("20s")
        world.now(actors["web"].crashes())
        world.now(other["api"].crashes())
        world.run_for("5m")
        assert world.restarts_of("web") == 0
        assert world.restarts_of("api") == 1, "what hangs delays no other"
        (nfs,) = [one for one in world.orchestrator.graph().resources if one.name.startswith("path:")]
        assert (nfs.state, nfs.detail) == ("missing", "it has not answered within 5 s")
        world.resources.hanging.clear()
        world.run_for("1m")
        world.must_be("web", "running")


def test_what_was_not_asked_yet_is_asked_before_anything_is_started(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        actors = needing(world, MOUNT, "web")
        world.stop_orchestrator()
        world.resources.hanging.add(MOUNT)
        world.now(actors["web"].crashes())
        world.start_orchestrator()
        world.run_for("4s")
        assert world.view("web").reason.endswith("what it depends on has not been looked at yet")
        assert world.messages("web").count("Waiting for dependency") == 0
        world.run_for("1m")
        assert (world.restarts_of("web"), world.view("web").waiting_on) == (0, (MOUNT,))


def test_what_cannot_be_asked_keeps_nobody_waiting_and_says_so(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.resources.unaskable[MOUNT] = "it cannot be looked at: Permission denied"
        actors = needing(world, MOUNT, "web")
        world.now(actors["web"].crashes())
        world.run_for("1m")
        assert world.restarts_of("web") == 1
        (resource,) = world.orchestrator.graph().resources
        assert (resource.state, resource.detail) == ("unknown", "it cannot be looked at: Permission denied")
        assert host_events(world) == [f"{MOUNT}: Precondition cannot be asked"]


def test_what_was_missing_and_cannot_be_asked_any_more_keeps_nobody_waiting(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        actors = needing(world, MOUNT, "web")
        world.resources.missing[MOUNT] = "nothing is mounted there"
        world.run_for("15s")
        world.now(actors["web"].crashes())
        world.run_for("1m")
        assert world.restarts_of("web") == 0
        world.resources.unaskable[MOUNT] = "it cannot be looked at: Permission denied"
        world.run_for("1m")
        assert world.restarts_of("web") == 1
        world.resources.unaskable.clear()
        world.resources.missing.clear()
        world.run_for("15s")
        assert [told.rpartition(": ")[2] for told in host_events(world)] == [
            "Precondition not met",
            "Precondition cannot be asked",
            "Precondition met again",
        ]


def test_what_is_merely_wanted_degrades_and_holds_nobody(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.resources.missing[MOUNT] = "nothing is mounted there"
        web = world.container("web", labels={"orchestrator.wants": MOUNT})
        world.run_for("1m")
        assert world.view("web").degraded_by == (MOUNT,)
        world.now(web.crashes())
        world.run_for("1m")
        assert world.restarts_of("web") == 1


def test_nothing_is_asked_for_that_nobody_requires(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("web")
        world.run_for("10m")
        assert world.resources.asked == {}


def test_what_is_not_required_any_more_is_forgotten_and_asked_for_anew_when_it_is_again(dialect: Dialect) -> None:
    needy: dict[str, object] = {"services": {"web": {"requires": [MOUNT]}}}
    with Scenario(dialect=dialect, configuration=needy) as world:
        world.container("web")
        world.resources.missing[MOUNT] = "nothing is mounted there"
        world.run_for("1m")
        world.reload({"services": {"web": {}}})
        world.run_for("1m")
        assert (world.orchestrator.graph().resources, world.view("web").waiting_on) == ((), ())
        before = world.resources.asked[MOUNT]
        del world.resources.missing[MOUNT]
        world.run_for("1m")
        assert world.resources.asked[MOUNT] == before
        world.reload(needy)
        world.run_for("2s")
        (resource,) = world.orchestrator.graph().resources
        assert resource.state == "there"


def test_services_that_need_it_are_stopped_and_started_in_their_order(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("db", labels={"orchestrator.requires": MOUNT})
        world.container("web", labels={"orchestrator.requires": f"db, {DATABASE}"})
        world.run_for("1m")
        assert world.orchestrator.graph().phases == (("db",), ("web",))
        assert world.see_through("web", Stop("ann")) is not None
        assert world.see_through("db", Stop("ann")) is not None
        world.resources.missing[MOUNT] = "nothing is mounted there"
        world.run_for("15s")
        wishes = {name: world.ask(name, Up("ann")) for name in ("db", "web")}
        assert wishes["db"].message == f"db is started as soon as {MOUNT} is there"
        assert wishes["web"].message == "web is started as soon as db runs"
        world.run_for("1m")
        assert (world.view("db").waiting_on, world.view("web").waiting_on) == ((MOUNT,), ("db",))
        assert "waiting for" in world.view("db").reason
        del world.resources.missing[MOUNT]
        world.run_for("1m")
        world.must_be("db", "running")
        world.must_be("web", "running")
