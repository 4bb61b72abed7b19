"""A dry run: everything that happens is seen, decided and told, and nothing is changed by it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestrator.core.messages import Up
from orchestrator.runtime.requests import Requester
from orchestrator.testing import Scenario

WOULD = ("Would start", "Would restart", "Would stop", "Would recreate")


def would(world: Scenario, service: str) -> Sequence[str]:
    return [message for message in world.messages(service) if message in WOULD]


def must_not_have_acted(world: Scenario) -> None:
    assert [str(each) for each in world.ledger if each.by == "orchestrator"] == []
    assert all(one.restart_count == 0 for one in world.orchestrator.services())
    assert world.orchestrator.load().actions_in_flight == 0


def test_what_would_be_done_is_told_once_and_nothing_is_done() -> None:
    with Scenario(dry_run=True) as world:
        dead, sick = world.container("dead"), world.container("sick")
        child = world.container("child", labels={"orchestrator.requires": "dead"})
        world.run_for("1m")
        world.now(dead.crashes())
        world.now(sick.gets_sick())
        world.run_for("1m")
        world.now(child.crashes())
        world.run_for("1h")
        assert would(world, "dead") == ["Would start"]
        assert would(world, "sick") == ["Would restart"]
        assert would(world, "child") == [], "it waits for one that is down"
        assert world.view("dead").retry_at is world.view("sick").retry_at is None, "nothing is due any more"
        assert world.view("dead").reason == "dry run, would start: exited with code 1"
        assert world.view("sick").reason.startswith("dry run, would restart: HTTP 500")
        assert world.view("child").reason.startswith("waiting for dead")
        assert world.orchestrator.system().dry_run
        must_not_have_acted(world)


def test_what_somebody_heals_is_well_and_would_be_healed_anew_when_it_fails_anew() -> None:
    with Scenario(dry_run=True) as world:
        web = world.container("web")
        world.run_for("1m")
        for _ in range(2):
            world.now(web.crashes())
            world.run_for("2m")
            world.now(web.is_started_by_hand())
            world.run_for("10m")
            world.must_be("web", "running")
        assert would(world, "web") == ["Would start", "Would start"]
        must_not_have_acted(world)


@pytest.mark.parametrize("ask", ["restart", "stop", "start"])
def test_what_people_ask_for_is_refused_and_the_refusal_is_journalled(ask: str) -> None:
    with Scenario(dry_run=True) as world:
        world.container("web")
        world.run_for("1m")
        reply = getattr(world, ask)("web")
        assert (reply.accepted, reply.conflict) == (False, "dry_run")
        assert world.ask("web", Up("ann"), Requester("ann")).conflict == "dry_run"
        world.run_for("1m")
        world.must_be("web", "running")
        must_not_have_acted(world)


def test_a_hundred_at_once_are_told_and_none_of_them_is_touched() -> None:
    with Scenario(dry_run=True) as world:
        crowd = [world.container(f"c{number}") for number in range(100)]
        world.run_for("1m")
        for one in crowd:
            world.now(one.crashes())
        world.run_for("5m")
        assert all(would(world, f"c{number}") == ["Would start"] for number in range(100))
        must_not_have_acted(world)


def test_a_storm_of_failed_checks_ends_and_touches_nothing() -> None:
    with Scenario(dry_run=True) as world:
        crowd = [world.container(f"c{number}") for number in range(20)]
        world.run_for("1m")
        for one in crowd:
            world.now(one.gets_sick())
        world.run_for("15m")
        for one in crowd:
            world.now(one.gets_well())
        world.run_for("15m")
        assert all(world.status(f"c{number}") == "running" for number in range(20))
        assert all(len(would(world, f"c{number}")) <= 1 for number in range(20))
        must_not_have_acted(world)


def test_while_it_goes_on_nothing_is_told_or_recorded_again() -> None:
    with Scenario(dry_run=True) as world:
        sick = world.container("sick")
        world.run_for("1m")
        world.now(sick.gets_sick())
        world.run_for("10m")
        told, recorded = len(world.told()), len(world.recording.lines)
        world.run_for("2h")
        assert len(world.told()) == told
        assert len(world.recording.lines) == recorded
