"""What a whole story leaves in the figures, and what the engine's wrapper counts."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from orchestrator.errors import ContainerNotFound, EngineUnavailable
from orchestrator.runtime.measured import MeasuredEngine
from orchestrator.runtime.telemetry import Telemetry
from orchestrator.testing import FakeDaemon, FakeEngine, Scenario, VirtualClock, VirtualLoop, run_virtual


def test_a_death_is_one_failure_one_restart_and_one_recovery() -> None:
    with Scenario() as story:
        web = story.container("web")
        story.run_for("1m")
        story.now(web.crashes())
        story.run_for("1m")
        telemetry = story.orchestrator.telemetry
        assert {labels for labels, count in telemetry.failures.items() if count} == {("web", "exited")}
        assert {labels for labels, count in telemetry.restarts.items() if count} == {("web", "exited")}
        assert telemetry.restarts["web", "exited"] == story.restarts_of("web") == 1
        assert [one.count for one in telemetry.recoveries.values()] == [1]
        assert telemetry.actions["start", "done"].count == 1


def test_calls_of_the_engine_are_counted_by_how_they_ended() -> None:
    async def story() -> Telemetry:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock = VirtualClock(loop=loop)
        daemon = FakeDaemon(clock, loop)
        telemetry = Telemetry(clock)
        engine = MeasuredEngine(FakeEngine(daemon), telemetry, clock)
        assert await engine.containers() == ()
        with pytest.raises(ContainerNotFound):
            await engine.inspect("nobody")
        async with aclosing(engine.events()) as events:  # type: ignore[type-var]
            assert (await anext(events)).action == "connected"
            assert telemetry.stream_connected
        assert not telemetry.stream_connected
        daemon.reach.go_away()
        with pytest.raises(EngineUnavailable):
            await engine.identify()
        return telemetry

    telemetry = run_virtual(story())
    assert {labels: one.count for labels, one in telemetry.calls.items()} == {
        ("list", "ok"): 1,
        ("inspect", "not_found"): 1,
        ("identify", "unavailable"): 1,
    }
    assert telemetry.engine_events["connected",] == 1
