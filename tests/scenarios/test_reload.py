"""Another configuration while the orchestrator works."""

from __future__ import annotations

from orchestrator.core.sighting import Changes
from orchestrator.testing import Scenario


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
    with Scenario(configuration={"discovery": "labels"}) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.crashes())
        world.run_for("1m")
        assert world.view("web").restart_count == 1
        listed = {"discovery": "labels"}

        world.reload({**listed, "project": "another"})
        world.run_for("1s")
        world.reload(listed)
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
