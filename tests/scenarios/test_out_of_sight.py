"""What cannot be seen is unknown: neither well nor down, and it says since when."""

from __future__ import annotations

from orchestrator.api.schemas import condition
from orchestrator.testing import Scenario


def test_what_the_engine_does_not_show_is_unknown_and_told_with_the_time_it_was_seen_last() -> None:
    with Scenario() as world:
        world.container("redis")
        sick = world.container("postgres")
        world.run_for("1m")
        assert condition(world.view("redis")) == "healthy"
        assert (world.view("redis").observed, world.view("redis").last_seen_at) == (True, None)

        world.now(sick.gets_sick())
        world.run_until(lambda: condition(world.view("postgres")) == "unhealthy", "1m")
        assert world.orchestrator.system().status == "unhealthy"
        world.engine.go_away()
        world.run_for("5m")
        assert {condition(world.view(name)) for name in ("redis", "postgres")} == {"unknown"}
        age = world.clock.now().wall - (world.view("redis").last_seen_at or 0.0)
        assert 290 < age <= 300
        assert world.orchestrator.system().status == "degraded", "nobody can tell whether it is worse"

        world.engine.come_back()
        world.run_for("5m")
        assert (world.view("redis").observed, world.view("redis").last_seen_at) == (True, None)
        assert condition(world.view("postgres")) == "healthy"


def test_what_is_remembered_and_was_never_seen_is_unknown() -> None:
    with Scenario(configuration={"services": {"redis": {}}}) as world:
        world.container("redis")
        world.run_for("1m")
        world.sigkill()
        world.engine.go_away()
        world.start_orchestrator()
        world.run_for("1m")
        assert (condition(world.view("redis")), world.view("redis").last_seen_at) == ("unknown", None)
        world.engine.come_back()
        world.run_for("1m")
        assert condition(world.view("redis")) == "healthy"


def test_the_time_in_which_nobody_watched_is_told_and_is_a_gap_in_the_history() -> None:
    with Scenario() as world:
        world.container("redis")
        world.run_for("10m")
        world.sigkill()
        world.run_for("20m")
        world.start_orchestrator()
        world.run_for("1m")
        (told,) = [each for each in world.told_of_host() if each.message == "Nobody watched"]
        assert "did not run for 20m" in told.cause
        statuses = [each.status for each in world.orchestrator.history("redis", 3600.0)]
        assert statuses[-3:] == ["running", "unknown", "running"], statuses


def test_a_short_restart_of_ours_is_no_event() -> None:
    with Scenario() as world:
        world.container("redis")
        world.run_for("10m")
        world.sigkill()
        world.run_for("10s")
        world.start_orchestrator()
        world.run_for("1m")
        assert not [each for each in world.told_of_host() if each.message == "Nobody watched"]
