"""The orchestrator watches itself: how late its loop runs, what waits, how old the event stream and the store are."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from orchestrator.core.model import Instant
from orchestrator.core.strain import OwnFigures, strains
from orchestrator.ports import Clock
from orchestrator.runtime.telemetry import Load, Telemetry
from orchestrator.runtime.views import OwnView

OURSELVES: Final = "orchestrator"
"""The subject of what is told of us."""
WORTH_TELLING: Final = 90.0
"""Seconds for which nobody watched, before it is an event: an ordinary restart of ours is none."""
PACE: Final = 1.0
"""Seconds between two looks."""
REMEMBERED: Final = 60
"""Looks whose worst lag counts."""


class Introspection:
    """``tell`` is called with a message and a cause at each edge: it cannot keep up, it keeps up again."""

    def __init__(
        self,
        clock: Clock,
        telemetry: Telemetry,
        load: Callable[[], Load],
        engine_reached: Callable[[], bool],
        tell: Callable[[str, str, Instant], None],
    ) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._load = load
        self._engine_reached = engine_reached
        self._tell = tell
        self._lags: deque[float] = deque((0.0,), maxlen=REMEMBERED)
        self._heard_at: float | None = None
        """The moment until which the engine's events were followed, or the engine was away."""
        self._strains: tuple[str, ...] = ()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            due = self._clock.now().moment + PACE
            await asyncio.sleep(PACE)
            now = self._clock.now()
            self.look(now.moment - due, now)

    def look(self, lag: float, now: Instant) -> None:
        """One look: the loop came ``lag`` seconds later than it was asked to."""
        self._lags.append(max(lag, 0.0))
        if self._heard_at is None or self._telemetry.stream_connected or not self._engine_reached():
            self._heard_at = now.moment
        before, self._strains = self._strains, strains(self._figures(now))
        if self._strains and not before:
            self._tell("Orchestrator cannot keep up", "; ".join(self._strains), now)
        elif before and not self._strains:
            self._tell("Orchestrator keeps up again", "", now)

    def view(self, now: Instant) -> OwnView:
        figures, heard = self._figures(now), self._telemetry.stream_heard_at
        return OwnView(
            loop_lag=self._lags[-1],
            worst_loop_lag=figures.loop_lag,
            posts_waiting=self._load().inbox,
            stream_connected=self._telemetry.stream_connected,
            stream_age=None if heard is None else now.moment - heard,
            store_lag=figures.store_lag,
            strains=self._strains,
        )

    def _figures(self, now: Instant) -> OwnFigures:
        followed = self._telemetry.stream_connected or not self._engine_reached()
        return OwnFigures(
            loop_lag=max(self._lags),
            unheard=None if followed or self._heard_at is None else now.moment - self._heard_at,
            store_lag=self._load().store_lag,
        )
