"""SIGTERM in virtual time: everything that can hang, hangs at once, and the end still comes in time."""

from __future__ import annotations

from orchestrator.testing import Scenario

PROMISED = 9.5
"""Virtual seconds; the process promises 10, and needs a moment for itself."""


def test_it_ends_in_time_while_action_and_store_both_hang() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: "sent restart" in world.steps, within="2m", step=0.01)
        world.store.hung |= {"write", "close"}
        world.engine.hang()
        begun = world.moment
        world.stop_orchestrator()
        assert world.moment - begun < PROMISED
        assert world.moment - begun > 6, "nothing was under way"
        world.store.hung.clear()
        world.engine.wake()
        world.start_orchestrator()
        world.run_for("2m")
        world.must_be("web", "running")
