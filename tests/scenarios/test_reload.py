"""Another configuration while the orchestrator works."""

from __future__ import annotations

import pytest

from orchestrator.core.messages import Command, Restart, Stop
from orchestrator.core.sighting import Changes
from orchestrator.testing import Scenario, Workload

LISTED: dict[str, object] = {"discovery": "labels"}
NOT_LISTED = {**LISTED, "services": {"web": {"enable": False}}}


def test_a_service_that_is_added_changed_or_removed_is_named_and_takes_effect_at_once() -> None:
    with Scenario(configuration={"services": {"web": {"port": 80}, "old": {}}}) as world:
        world.container("web")
        world.run_for("1m")

        changes = world.reload({"services": {"web": {"port": 81}, "new": {}}})
        world.run_for("1s")

        assert changes == Changes(added=("new",), removed=("old",), changed=("web",))
        assert world.view("web").port == 81
        world.must_be("web", "running")
        world.must_be("new", "not_found")
        assert world.orchestrator.service("old") is None
        assert world.restarts_of("web") == 0


def test_counters_outlive_a_reload_that_leaves_a_service_out_and_one_that_lists_it_again() -> None:
    with Scenario(configuration=LISTED) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.crashes())
        world.run_for("1m")
        assert world.view("web").restart_count == 1

        world.reload(NOT_LISTED)
        world.run_for("1s")
        assert world.orchestrator.service("web") is None
        world.reload(LISTED)
        world.run_for("1s")

        assert world.view("web").restart_count == 1
        world.must_be("web", "running")


def test_a_reload_while_the_engine_is_away_takes_nothing_for_gone() -> None:
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        world.now(world.engine.go_away)
        world.run_for("5s")

        world.reload({"services": {"web": {"grace": "3s"}, "new": {}}})
        world.run_for("5s")

        assert "Container not found" not in world.messages("web")
        assert world.orchestrator.service("new") is not None


ENDS = ("Restart completed", "Restart failed")


def _ends(world: Scenario) -> list[str]:
    return [message for message in world.messages("web") if message in ENDS]


def test_a_restart_that_was_not_verified_yet_ends_as_failed_when_its_service_is_removed() -> None:
    with Scenario(configuration=LISTED) as world:
        web = world.container("web", labels={"orchestrator.grace": "5m"})
        world.run_for("1m")
        world.now(web.changes(warm_up=60.0))
        world.now(web.crashes())
        world.run_for("20s")
        assert world.messages("web")[-1] == "Container started"

        world.reload(NOT_LISTED)
        world.run_for("5m")

        assert world.orchestrator.service("web") is None
        assert _ends(world) == ["Restart failed"]
        assert "not managed any more" in world.told("web")[-1].cause


def test_listed_again_the_service_has_no_open_restart() -> None:
    with Scenario(configuration=LISTED) as world:
        web = world.container("web", labels={"orchestrator.grace": "5m"})
        world.run_for("1m")
        world.now(web.changes(warm_up=60.0))
        world.now(web.crashes())
        world.run_for("20s")
        world.reload(NOT_LISTED)
        world.run_for("1s")

        world.reload(LISTED)
        world.run_for("5m")

        world.must_be("web", "running")
        assert _ends(world) == ["Restart failed"]
        assert world.view("web").restart_count == 1


def test_an_action_in_flight_ends_as_it_was_begun_and_then_its_restart_ends() -> None:
    with Scenario(configuration=LISTED) as world:
        world.container("web", workload=Workload(stop_after=5.0))
        world.run_for("1m")
        world.restart("web")
        world.run_for("1s")

        world.reload(NOT_LISTED)
        world.run_for("1s")
        assert world.orchestrator.service("web") is not None
        world.run_for("1m")

        assert world.orchestrator.service("web") is None
        assert world.restarts_of("web") == 1
        assert len(_ends(world)) == 1


def test_a_removed_service_after_a_sigkill_leaves_no_restart_open_in_the_store() -> None:
    with Scenario(configuration=LISTED) as world:
        web = world.container("web", labels={"orchestrator.grace": "5m"})
        world.run_for("1m")
        world.now(web.changes(warm_up=60.0))
        world.now(web.crashes())
        world.run_for("20s")
        world.reload(NOT_LISTED)
        world.run_for("5s")
        world.sigkill()
        world.start_orchestrator()
        world.run_for("1s")
        world.reload(LISTED)
        world.run_for("5m")

        assert _ends(world) == ["Restart failed"]


@pytest.mark.parametrize("command", [Restart("ann"), Stop("ann")], ids=["restart", "stop"])
def test_who_waits_for_the_end_is_told_when_the_service_is_removed(command: Command) -> None:
    with Scenario(configuration=LISTED) as world:
        world.container("web", workload=Workload(stop_after=5.0))
        world.run_for("1m")

        def leave() -> None:
            world.reload(NOT_LISTED)

        world.at("1s", leave)
        ending = world.see_through("web", command)

        assert ending is not None
