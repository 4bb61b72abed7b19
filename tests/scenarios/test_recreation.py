"""What joined the namespaces of a container that was recreated is recreated too, whole or not at all."""

from __future__ import annotations

from functools import cache

import pytest

from orchestrator.core.model import ContainerState, TieKind
from orchestrator.core.rejoin import REPLACES, SUFFIX
from orchestrator.testing import Actor, Scenario
from orchestrator.testing.daemon import Dialect

QUICK = {"defaults": {"health": {"interval": "5s"}, "recovery": {"backoff_base": "1s", "stop_timeout": "1s"}}}
ALLOWED = {"orchestrator.recovery.recreate": "true"}
SLICES = 4


def a_guest(world: Scenario, labels: dict[str, str], kind: TieKind = "network") -> tuple[Actor, Actor]:
    vpn = world.container("vpn")
    return vpn, world.container("guest", labels=labels, uses={kind: "vpn"})


def belongs_to(guest: Actor, owner: Actor) -> bool:
    return owner.container in guest.container.uses.values() and guest.container.state is ContainerState.RUNNING


def names(world: Scenario) -> list[str]:
    return sorted(each.name for each in world.daemon.containers.values())


@pytest.mark.parametrize("kind", ["network", "pid", "ipc"])
def test_it_is_recreated_in_the_namespace_of_the_new_owner(kind: TieKind) -> None:
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, ALLOWED, kind)
        world.run_for("1m")
        before = guest.container.container_id
        world.now(vpn.is_recreated())
        world.run_for("30s")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn)
        assert guest.container.blueprint.labels[REPLACES] == before
        assert names(world) == ["guest", "vpn"]
        assert world.messages("guest").count("Restart completed") == 1
        assert [each.what for each in world.ledger.requests("guest") if each.what != "asked to start"] == []
        assert world.view("guest").strikes <= 1
        world.run_for("1h")
        assert world.messages("guest").count("Restart completed") == 1


def test_it_is_recreated_as_soon_as_the_new_owner_is_well_also_without_a_check_of_its_own() -> None:
    with Scenario(configuration=QUICK) as world:
        vpn = world.container("vpn")
        guest = world.container("guest", check="running", labels=ALLOWED, uses={"network": "vpn"})
        world.run_for("1m")
        blueprint = vpn.container.blueprint
        world.now(vpn.is_removed())
        world.run_for("10s")
        world.daemon.launch(world.daemon.create(blueprint), "user")
        world.run_for("5s")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn)


def test_without_leave_it_is_not_touched_and_says_what_to_run() -> None:
    compose = {"com.docker.compose.project": "home", "com.docker.compose.service": "guest"}
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, compose)
        world.run_for("1m")
        before = guest.container.container_id
        world.now(vpn.is_recreated())
        world.run_for("1h")
        assert world.ledger.requests("guest") == []
        assert guest.container.container_id == before
        world.must_be("guest", "unhealthy")
        told = [event for event in world.told("guest") if event.message == "Shared namespace is gone"]
        assert [event.cause for event in told] == [
            "its network ended with the former container of vpn; "
            "run: docker compose -p home up -d --force-recreate guest"
        ]
        refused = world.restart("guest")
        assert not refused.accepted
        assert "--force-recreate guest" in refused.message
        assert guest.container.state is ContainerState.RUNNING, "a restart would have ended it"


def test_what_nobody_knows_the_owner_of_is_held_too() -> None:
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, ALLOWED)
        world.now(vpn.is_recreated())
        world.run_for("1h")
        assert world.ledger.requests("guest") == []
        world.must_be("guest", "unhealthy")
        assert "which is gone" in world.view("guest").reason
        assert not world.restart("guest").accepted
        assert guest.container.state is ContainerState.RUNNING


def test_compose_tells_whose_network_it_was() -> None:
    compose = {"com.docker.compose.project": "home"}
    needs = {"com.docker.compose.service": "guest", "com.docker.compose.depends_on": "vpn:service_started:true"}
    with Scenario(configuration=QUICK) as world:
        vpn = world.container("vpn", labels={**compose, "com.docker.compose.service": "vpn"})
        guest = world.container("guest", labels={**compose, **needs, **ALLOWED}, uses={"network": "vpn"})
        world.now(vpn.is_recreated())
        world.run_for("1m")
        assert belongs_to(guest, vpn)


def test_whose_network_it_was_is_remembered_across_our_own_restart() -> None:
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("1m")
        world.stop_orchestrator()
        world.now(vpn.is_recreated())
        world.run_for("1m")
        world.start_orchestrator()
        world.run_for("1m")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn)


def test_an_owner_that_is_replaced_once_more_during_the_recreation_is_known_all_the_same() -> None:
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("1m")
        world.now(vpn.is_recreated())
        world.run_until(lambda: any(name.endswith(SUFFIX) for name in names(world)), within="10s", step=0.01)
        world.run_until(lambda: belongs_to(guest, vpn), within="10s", step=0.01)
        world.now(vpn.is_recreated())
        world.run_for("1m")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn)
        assert names(world) == ["guest", "vpn"]


@pytest.mark.parametrize("dialect", ["docker", "podman"])
def test_whose_network_it_was_is_known_of_one_that_came_and_lost_it_while_we_were_away(dialect: Dialect) -> None:
    """A container of the same service: it had its network of the same owner."""
    with Scenario(configuration=QUICK, dialect=dialect) as world:
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("1m")
        world.sigkill()
        for each in (vpn, guest, vpn):
            world.now(each.is_recreated())
        world.start_orchestrator()
        world.run_for("1m")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn)


def test_it_waits_for_the_new_owner() -> None:
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("1m")
        blueprint = vpn.container.blueprint
        world.now(vpn.is_removed())
        world.run_for("5m")
        assert world.ledger.requests("guest") == []
        world.daemon.launch(world.daemon.create(blueprint), "user")
        world.run_for("1m")
        assert belongs_to(guest, vpn)


def test_a_person_s_restart_recreates_it() -> None:
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("1m")
        assert world.stop("guest").accepted
        world.run_for("10s")
        world.now(vpn.is_recreated())
        world.run_for("1m")
        assert guest.container.state is ContainerState.EXITED, "it was to stay stopped"
        assert world.start("guest").accepted
        world.run_for("1m")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn)


@pytest.mark.parametrize("fault", ["no likeness", "ends at once", "cannot start"])
def test_whatever_fails_the_old_one_gets_its_name_back(fault: str) -> None:
    with Scenario(configuration=QUICK) as world:
        vpn, guest = a_guest(world, {**ALLOWED, "orchestrator.recovery.max_failures": "3"})
        world.run_for("1m")
        old = guest.container
        deeds = {
            "no likeness": guest.cannot_be_copied("it would lack HostConfig.Links"),
            "ends at once": guest.changes(crash_after=0.5),
            "cannot start": guest.cannot_start("no such device"),
        }
        world.now(deeds[fault])
        world.now(vpn.is_recreated())
        world.run_for("5m")
        world.must_be("guest", "disabled")
        assert guest.container is old
        assert names(world) == ["guest", "vpn"]
        assert world.messages("guest").count("Restart failed") == 3
        words = {"no likeness": "HostConfig.Links", "ends at once": "did not stay up", "cannot start": "no such device"}
        assert words[fault] in world.view("guest").reason


def test_podman_which_keeps_what_others_use_is_understood() -> None:
    """There an owner is replaced by another container, and the old one is left behind under another name."""
    with Scenario(configuration=QUICK, dialect="podman") as world:
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("1m")
        old = vpn.container
        world.daemon.rename(old, "vpn-before")
        old.blueprint.labels["orchestrator.enable"] = "false"  # type: ignore[index]
        world.daemon.end(old, old.process, 0, "user")  # type: ignore[arg-type]
        old.stopped_on_request = True
        labels = {"orchestrator.service": "vpn", "orchestrator.health.http": "/health"}
        world.container("vpn", labels=labels)
        world.run_for("10s")
        assert belongs_to(guest, vpn)
        assert old.state is ContainerState.EXITED, world.report()


def tell(kill_at: int | None) -> list[str]:
    """One recreation; returns the steps."""
    with Scenario(configuration=QUICK, interval=20.0) as world:
        if kill_at is not None:
            world.sigkill_at_step(kill_at)
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("20s")
        world.now(vpn.is_recreated())
        world.run_for("80s")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn), world.report()
        assert names(world) == ["guest", "vpn"], world.report()
        return list(world.steps)


@cache
def steps() -> tuple[str, ...]:
    return tuple(tell(None))


def test_the_story_has_every_step_of_a_recreation() -> None:
    done = [step for step in steps() if step in ("done rename", "done create_like", "done remove")]
    assert done == ["done rename", "done create_like", "done remove"]


@pytest.mark.parametrize("part", range(SLICES))
def test_it_ends_well_wherever_the_orchestrator_is_killed(part: int) -> None:
    """From the recreation of the owner on: no container is lost, and none is left over."""
    first = steps().index("before rename") - 20
    last = steps().index("done remove") + 20
    for kill_at in range(first + part, last, SLICES):
        tell(kill_at)


@pytest.mark.parametrize("step", ["done rename", "done create_like", "sent start", "answered start", "done remove"])
def test_a_recreation_that_was_cut_is_finished_or_taken_back_at_once(step: str) -> None:
    with Scenario(configuration=QUICK, interval=20.0) as world:
        world.sigkill_at_step(len(steps()) - 1 - steps()[::-1].index(step), back_after=None)
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("20s")
        world.now(vpn.is_recreated())
        world.run_for("60s")
        assert set(names(world)) & {"guest", f"guest{SUFFIX}"}, "no container is lost"
        world.start_orchestrator()
        world.run_for("20s")
        world.must_be("guest", "running")
        assert belongs_to(guest, vpn)
        assert names(world) == ["guest", "vpn"]


def test_a_new_one_that_somebody_renamed_after_the_cut_is_found_all_the_same() -> None:
    with Scenario(configuration=QUICK, interval=20.0) as world:
        world.sigkill_at_step(len(steps()) - 1 - steps()[::-1].index("answered start"), back_after=None)
        vpn, guest = a_guest(world, ALLOWED)
        world.run_for("20s")
        world.now(vpn.is_recreated())
        world.run_for("60s")
        world.daemon.rename(guest.container, "guest-before")
        world.start_orchestrator()
        world.run_for("20s")
        world.must_be("guest", "running")
        assert names(world) == ["guest-before", "vpn"]
