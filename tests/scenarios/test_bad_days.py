"""When what the orchestrator stands on gives way: the engine, its events, the clock, the store."""

from __future__ import annotations

from typing import cast

import pytest

from orchestrator.core.model import ContainerState
from orchestrator.testing import Scenario, Workload
from orchestrator.testing.daemon import Dialect

CALM = {"defaults": {"health": {"interval": "5m"}}}
"""For stories of days: fewer questions, the same answers."""


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def test_an_engine_outage_changes_no_status_and_costs_no_restart(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("web")
        world.container("db", check="command")
        world.run_for("1m")
        told = len(world.told())
        world.engine.go_away()
        world.run_for("1h")
        world.must_be("web", "running")
        world.must_be("db", "running")
        assert not world.orchestrator.system().engine.reachable
        world.engine.come_back()
        world.run_for("1m")
        assert world.orchestrator.system().engine.reachable
        world.must_be("web", "running")
        assert world.ledger.requests() == []
        assert len(world.told()) == told


def test_what_died_during_an_outage_is_healed_when_the_engine_is_back(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.container("db")
        world.run_for("1m")
        world.engine.go_away()
        world.at("5m", web.crashes())
        world.run_for("10m")
        world.engine.come_back()
        world.run_until(lambda: world.status("web") == "running" and web.container.up, within="10s")
        assert world.restarts_of("web") == 1
        assert world.restarts_of("db") == 0


def test_a_hung_engine_is_no_reason_to_act(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("web")
        world.container("db", check="command")
        world.container("api", check="engine")
        world.run_for("2m")
        told = len(world.told())
        world.engine.hang()
        world.run_for("20m")
        world.engine.wake()
        world.run_for("5m")
        for name in ("web", "db", "api"):
            world.must_be(name, "running")
        assert world.ledger.requests() == []
        assert len(world.told()) == told


def test_a_service_that_falls_ill_while_the_engine_hangs_is_healed_once_it_wakes(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.engine.hang()
        world.now(web.gets_sick())
        world.run_for("10m")
        world.engine.wake()
        world.run_for("10m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_a_restart_whose_connection_breaks_is_looked_at_and_not_repeated(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", workload=Workload(stop_after=3.0))
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: bool(world.ledger.requests("web")), within="2m")
        world.run_for("1s")
        world.engine.break_connections()
        world.run_for("10m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_a_restart_that_outlasts_its_deadline_is_looked_at_and_not_repeated(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: bool(world.ledger.requests("web")), within="2m")
        world.engine.hang()
        world.run_for("5m")
        world.engine.wake()
        world.run_for("10m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_an_engine_that_shuts_down_politely_and_boots_leaves_everything_running(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("web")
        world.container("db", policy="always")
        world.container("kept", labels={"orchestrator.recovery.on_manual_stop": "respect"}, policy="unless-stopped")
        world.run_for("1m")
        world.daemon.perform(world.daemon.shut_down())
        world.run_for("5m")
        world.now(world.daemon.boot)
        world.run_for("5m")
        for name in ("web", "db", "kept"):
            world.must_be(name, "running")


def test_what_a_policy_starts_at_the_start_of_the_engine_is_counted_anew() -> None:
    with Scenario() as world:
        web = world.container("web", policy="always")
        world.run_for("1m")
        world.now(web.crashes())
        world.run_for("10m")
        assert web.container.restart_count == 1
        world.daemon.perform(world.daemon.shut_down())
        world.run_for("1m")
        world.now(world.daemon.boot)
        world.run_for("1m")
        assert (web.container.up, web.container.restart_count) == (True, 0)
        world.must_be("web", "running")
        assert world.restarts_of("web") == 0, world.report()


def test_without_any_event_everything_is_healed_by_the_next_list(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", check="running")
        world.run_for("1m10s")
        world.feed.habits.lost = 1.0
        world.now(web.crashes())
        took = world.run_until(lambda: web.container.up, within="40s")
        assert took > 1
        world.run_for("1m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_a_stream_that_died_silently_costs_no_more_than_an_interval(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", check="running")
        world.run_for("1m")
        world.feed.go_deaf()
        world.now(web.crashes())
        world.run_until(lambda: web.container.up, within="40s")


def test_what_was_paused_unseen_is_not_restarted(dialect: Dialect) -> None:
    """No event told of it, and its checks fail: the look before the restart does."""
    with Scenario(dialect=dialect, interval=300) as world:
        web = world.container("web")
        world.run_for("1m")
        world.feed.habits.lost = 1.0
        world.now(web.is_paused())
        world.run_for("10m")
        assert web.container.state is ContainerState.PAUSED
        assert world.ledger.requests("web") == []
        world.now(web.is_unpaused())
        world.run_for("10m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 0


def test_what_was_restarted_unseen_is_not_restarted_again(dialect: Dialect) -> None:
    labels = {"orchestrator.health.interval": "5m", "orchestrator.recovery.backoff_base": "30s"}
    with Scenario(dialect=dialect, interval=3600) as world:
        web = world.container("web", labels=labels, workload=Workload(warm_up=20.0))
        world.run_for("10m")
        world.must_be("web", "running")
        world.feed.habits.lost = 1.0
        world.now(web.deadlocks())
        world.run_until(lambda: world.status("web") == "unhealthy", within="10m")
        world.run_for("25s")
        world.now(web.crashes())
        world.now(web.is_started_by_hand())
        world.run_for("10m")
        world.must_be("web", "running")
        assert world.ledger.requests("web") == []


def test_replayed_events_restart_nothing(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", labels={"orchestrator.recovery.on_manual_stop": "respect"})
        world.run_for("1m")
        world.now(web.is_stopped_by_hand())
        world.run_for("1m")
        world.now(web.is_started_by_hand())
        world.run_for("1m")
        world.now(web.crashes())
        world.run_for("5m")
        before = world.restarts_of("web")
        for _ in range(20):
            world.feed.replay()
            world.run_for("30s")
        world.must_be("web", "running")
        assert world.restarts_of("web") == before == 1


def test_events_out_of_order_and_lost_ones_change_nothing_but_latency(dialect: Dialect) -> None:
    with Scenario(dialect=dialect, seed=7) as world:
        web = world.container("web")
        world.run_for("1m")
        world.feed.habits.disorder = 5.0
        world.feed.habits.lost = 0.3
        for _ in range(10):
            world.now(web.crashes())
            world.run_for("10m")
            world.must_be("web", "running")
        assert world.restarts_of("web") == 10


@pytest.mark.parametrize("step", [-86400.0, -3600.0, -5.0, 5.0, 3600.0, 86400.0])
def test_a_clock_step_starts_nothing_and_stops_nothing(step: float) -> None:
    with Scenario() as world:
        web = world.container("web")
        slow = world.container("slow", labels={"orchestrator.grace": "5m"}, workload=Workload(warm_up=200))
        world.run_for("1m")
        world.clock.step(step)
        world.run_for("10m")
        world.must_be("web", "running")
        world.must_be("slow", "running")
        assert world.ledger.requests("web") == []
        if abs(step) < 60:
            assert world.ledger.requests("slow") == []
        world.now(web.crashes())
        world.now(slow.crashes())
        world.run_for("10m")
        world.must_be("web", "running")
        world.must_be("slow", "running")
        assert world.restarts_of("web") == 1


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_clock_step_neither_shortens_nor_lengthens_a_backoff(step: float) -> None:
    labels = {"orchestrator.recovery.backoff_base": "60s", "orchestrator.recovery.backoff_max": "60s"}
    with Scenario() as world:
        web = world.container("web", labels=labels)
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: world.status("web") == "unhealthy", within="1m")
        world.clock.step(step)
        took = world.run_until(lambda: bool(world.ledger.requests("web")), within="5m")
        assert 55 < took < 95


def test_a_store_that_fails_stops_no_healing_and_has_everything_afterwards(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.store.broken = {"open", "write", "events"}
        world.now(web.crashes())
        world.run_for("5m")
        world.must_be("web", "running")
        assert not world.orchestrator.system().store.healthy
        assert "Restart completed" not in world.messages("web")
        world.store.broken = set()
        world.run_for("5m")
        assert world.orchestrator.system().store.healthy
        assert "Restart completed" in world.messages("web")


def test_a_hung_store_stops_no_healing(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.store.hung = {"open", "write", "events"}
        world.run_for("5m")
        world.now(web.crashes())
        world.run_for("1m")
        world.must_be("web", "running")
        world.store.hung = set()
        world.run_for("5m")
        assert "Restart completed" in world.messages("web")


def test_what_people_decided_is_known_again_when_the_store_comes_late() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("1m")
        assert world.disable("web").accepted
        world.run_for("5s")
        world.sigkill()
        world.store.broken = {"open", "write"}
        world.start_orchestrator()
        world.run_for("2m")
        world.store.broken = set()
        world.run_for("2m")
        world.must_be("web", "disabled")
        world.now(web.crashes())
        world.run_for("1h")
        assert world.ledger.requests("web") == []


def test_the_orchestrator_starts_before_the_engine_and_the_store(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("web")
        world.engine.go_away()
        world.store.broken = {"open", "write", "events"}
        world.run_for("10m")
        world.engine.come_back()
        world.run_for("1m")
        world.must_be("web", "running")
        world.store.broken = set()
        world.run_for("5m")
        assert "Service discovered" in world.messages("web")


def test_a_polite_end_in_the_middle_of_a_restart_is_finished_by_the_next_life(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", workload=Workload(ignores_sigterm=True))
        world.run_for("1m")
        world.now(web.deadlocks())
        world.run_until(lambda: bool(world.ledger.requests("web")), within="2m")
        world.stop_orchestrator()
        world.start_orchestrator()
        world.run_for("5m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_half_a_day_of_everything(dialect: Dialect) -> None:
    with Scenario(dialect=dialect, configuration=CALM, interval=300.0) as world:
        names = ("db", "api", "web")
        db = world.container("db", check="command")
        api = world.container("api", labels={"orchestrator.requires": "db"})
        web = world.container("web", labels={"orchestrator.requires": "api"}, policy="always")
        world.every("35m", db.crashes())
        world.every("50m", api.freezes())
        world.every("80m", web.gets_sick())
        world.every("2h", api.is_recreated())
        world.every("3h", world.engine.break_connections)
        world.every("4h", world.engine.hang)
        world.every("4h10m", world.engine.wake)
        world.run_for("12h")
        world.engine.wake()
        world.run_for("30m")
        for name in names:
            world.must_be(name, "running")
            assert world.view(name).strikes == 0
        assert world.restarts_of("db") <= 24
        assert db.container.state is ContainerState.RUNNING


def test_a_crash_loop_of_the_engine_s_policy_is_taken_over_and_given_back(dialect: Dialect) -> None:
    labels = {"orchestrator.recovery.take_over": "true", "orchestrator.recovery.max_failures": "100"}
    with Scenario(dialect=dialect) as world:
        web = world.container("web", policy="always", labels=labels)
        world.run_for("2m")
        world.now(web.changes(crash_after=0.3))
        world.now(web.crashes())
        world.run_for("10m")
        assert len(world.ledger.starts("web", "policy")) <= 2 * world.restarts_of("web") + 2, world.report()
        assert world.restarts_of("web") <= 20
        world.now(web.changes(crash_after=None))
        world.run_for("10m")
        world.must_be("web", "running")
        assert world.messages("web")[-1] == "Given back to the engine's restart policy"
        assert world.view("web").strikes == 0
