"""Readiness while the engine is not there yet, there, and lost."""

from __future__ import annotations

from orchestrator.api.app import create_app
from orchestrator.testing import Scenario
from tests.api.asgi import call


def told(world: Scenario) -> tuple[int, str, str | None]:
    answer = call(create_app(world.orchestrator, world.clock), "GET", "/api/system/health/ready")
    return answer.status, answer.json["status"], answer.json["services"]["database"]


def test_nothing_is_ready_before_it_was_seen_and_a_lost_engine_makes_nothing_unready() -> None:
    with Scenario() as world:
        postgres = world.container("postgres")
        world.engine.go_away()
        world.run_for("1m")
        assert told(world) == (503, "not_ready", None)
        world.engine.come_back()
        world.run_for("1m")
        assert told(world) == (200, "ready", "healthy")
        world.engine.go_away()
        world.run_for("1h")
        assert told(world) == (200, "degraded", "unknown")

        world.sigkill()
        world.start_orchestrator()
        world.run_for("1m")
        assert told(world)[:2] == (503, "not_ready"), "what a dead process saw is not known to its successor"

        world.engine.come_back()
        world.run_for("1m")
        assert told(world) == (200, "ready", "healthy")
        world.now(postgres.gets_sick())
        world.run_until(lambda: world.status("postgres") == "unhealthy", within="1m")
        world.engine.go_away()
        world.run_for("1m")
        assert told(world) == (503, "not_ready", "unhealthy")
