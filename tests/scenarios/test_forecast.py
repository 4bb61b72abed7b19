"""What the plan says is what is then done, and it names what keeps it from being done."""

from __future__ import annotations

from orchestrator.core.foresight import Intention
from orchestrator.runtime.views import PlanView
from orchestrator.testing import Scenario


def planned(world: Scenario, service: str) -> PlanView:
    view = world.orchestrator.plan_of(service)
    assert view is not None
    return view


def test_a_plan_comes_true() -> None:
    with Scenario() as world:
        db = world.container("db", labels={"orchestrator.recovery.backoff_base": "20s"})
        world.container("web", labels={"orchestrator.requires": "db"})
        world.run_for("2m")
        assert [(one.service, one.intention) for one in world.orchestrator.plan()] == [
            ("db", Intention.NOTHING),
            ("web", Intention.NOTHING),
        ]
        world.now(db.gets_sick())
        world.run_until(lambda: world.status("db") == "unhealthy", "1m")
        foreseen = planned(world, "db")
        assert foreseen.intention is Intention.RESTART
        assert foreseen.at is not None
        ahead = foreseen.at - world.clock.now().wall
        assert ahead > 1
        world.run_for(ahead - 0.5)
        assert world.restarts_of("db") == 0
        world.run_until(lambda: world.restarts_of("db") == 1, "30s")
        world.run_until(lambda: world.status("db") == "running", "2m")
        world.disable("db")
        assert planned(world, "db").blocked_by == ("disabled",)
        assert world.orchestrator.plan_of("nobody") is None
