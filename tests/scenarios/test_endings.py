"""Whoever waits for the end of what they asked for is told what was seen, by the brain that saw it."""

from __future__ import annotations

import asyncio

from orchestrator.core.ending import Ending
from orchestrator.core.messages import Disable, Restart, Start, Stop
from orchestrator.testing import Scenario, Workload


def test_a_restart_is_over_when_the_service_passes_again_and_not_when_the_engine_answers() -> None:
    with Scenario() as world:
        world.container("web", workload=Workload(warm_up=5.0))
        world.run_for("1m")
        asked = world.moment
        ending = world.see_through("web", Restart("ann"))
        assert ending is not None
        assert ending.verified
        assert "verified: HTTP 200" in ending.words
        assert 5.0 < world.moment - asked < 8.0
        world.must_be("web", "running")


def test_a_restart_that_cannot_work_is_told_with_the_engine_s_words() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.cannot_start())
        ending = world.see_through("web", Restart("ann"))
        assert ending is not None
        assert not ending.verified
        assert "bind source path does not exist" in ending.words


def test_a_service_that_does_not_get_well_in_time_is_not_verified_and_not_failed() -> None:
    with Scenario() as world:
        web = world.container("web", labels={"orchestrator.grace": "10m"})
        world.run_for("1m")
        world.now(web.changes(warm_up=300.0))
        assert world.see_through("web", Restart("ann"), within="30s") is None


def test_a_stop_is_over_when_the_container_is_down_and_a_start_when_it_is_well() -> None:
    with Scenario() as world:
        world.container("web", workload=Workload(stop_after=3.0))
        world.run_for("1m")
        asked = world.moment
        assert world.see_through("web", Stop("ann")) == Ending(True, "its container is down")
        assert 3.0 <= world.moment - asked < 4.0
        started = world.see_through("web", Start("ann"))
        assert started is not None
        assert started.verified
        world.must_be("web", "running")


def test_what_is_so_already_is_over_at_once() -> None:
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        assert world.see_through("web", Start("ann"), within="1s") == Ending(True, "it runs and is well")


def test_whoever_is_overtaken_by_the_next_request_is_told_so() -> None:
    with Scenario() as world:
        web = world.container("web", labels={"orchestrator.grace": "10m"})
        world.run_for("1m")
        world.now(web.changes(warm_up=300.0))
        asked = world.moment
        bob = []
        world.at("5s", lambda: bob.append(asyncio.ensure_future(world.orchestrator.command("web", Stop("bob")))))
        ending = world.see_through("web", Restart("ann"))
        assert ending == Ending(False, "Restart failed: not verified before the next request, by bob")
        assert world.moment - asked < 6.0
        world.run_for("1m")
        assert bob[0].result().accepted


def test_what_is_refused_is_not_waited_for() -> None:
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        world.ask("web", Disable("ann"))
        asked = world.moment
        assert world.see_through("web", Restart("ann")) is None
        assert world.moment - asked < 1.0


def test_an_orchestrator_that_ends_meanwhile_leaves_nothing_behind() -> None:
    with Scenario() as world:
        web = world.container("web", labels={"orchestrator.grace": "10m"})
        world.run_for("1m")
        world.now(web.changes(warm_up=300.0))
        assert world.see_through("web", Restart("ann"), within="1s") is None
        world.stop_orchestrator()
