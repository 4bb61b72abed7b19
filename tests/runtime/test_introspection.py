"""The orchestrator watches itself: edges are told once, lags are forgotten after a minute."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from orchestrator.core.model import Instant
from orchestrator.core.strain import UNHEARD
from orchestrator.runtime.introspection import REMEMBERED, Introspection
from orchestrator.runtime.telemetry import Load, Telemetry
from orchestrator.testing import VirtualClock, run_virtual


class Stage:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.telemetry = Telemetry(self.clock)
        self.store_lag = 0.0
        self.reached = True
        self.told: list[tuple[str, str]] = []
        self.introspection = Introspection(self.clock, self.telemetry, self._load, lambda: self.reached, self._tell)

    def looks(self, lag: float = 0.0, times: int = 1) -> None:
        for _ in range(times):
            self.introspection.look(lag, self.clock.now())

    async def works_for(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.introspection.run()

    def _load(self) -> Load:
        return Load(3, 0, 0, 0, 0, 0, 0, self.store_lag, 0, 0)

    def _tell(self, message: str, cause: str, now: Instant) -> None:
        self.told.append((message, cause))


def test_a_late_loop_is_told_once_and_once_more_when_a_minute_went_well() -> None:
    async def story() -> None:
        stage = Stage()
        stage.telemetry.heard("connected")
        stage.looks(lag=2.5)
        stage.looks(times=REMEMBERED - 1)
        assert [message for message, _ in stage.told] == ["Orchestrator cannot keep up"]
        assert "2.5 s late" in stage.told[0][1]
        assert stage.introspection.view(stage.clock.now()).worst_loop_lag == 2.5
        stage.looks()
        assert stage.told[1:] == [("Orchestrator keeps up again", "")]
        assert stage.introspection.view(stage.clock.now()).strains == ()

    run_virtual(story())


def test_events_that_are_not_heard_though_the_engine_answers_are_told_and_an_engine_that_is_away_is_not() -> None:
    async def story() -> None:
        stage = Stage()
        stage.telemetry.heard("connected")
        await stage.works_for(5.0)
        stage.telemetry.stream_connected = False
        await stage.works_for(UNHEARD + 2.5)
        assert [message for message, _ in stage.told] == ["Orchestrator cannot keep up"]
        stage.reached = False
        await stage.works_for(60.0)
        assert [message for message, _ in stage.told][1:] == ["Orchestrator keeps up again"]

    run_virtual(story())


def test_the_age_of_the_event_stream_is_that_of_its_newest_word() -> None:
    async def story() -> None:
        stage = Stage()
        assert stage.introspection.view(stage.clock.now()).stream_age is None
        stage.telemetry.heard("connected")
        await asyncio.sleep(42.0)
        view = stage.introspection.view(stage.clock.now())
        assert (view.stream_connected, view.stream_age, view.posts_waiting) == (True, 42.0, 3)

    run_virtual(story())


def test_what_is_not_written_for_long_is_told() -> None:
    async def story() -> None:
        stage = Stage()
        stage.telemetry.heard("connected")
        stage.store_lag = 30.0
        stage.looks()
        assert "30 s of news are not written" in stage.told[0][1]

    run_virtual(story())
