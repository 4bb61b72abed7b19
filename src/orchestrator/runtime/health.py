"""When to ask whom for health: :class:`HealthMonitor` keeps the schedule, the probes do the asking.

Probes that fall due close together are begun in one tick, because on an idle machine the wake-up costs more than
the probe. Due times are therefore rounded up to a grid whose grain grows with the interval, up to a thirty-second
of it; the grains are one tick times powers of two, so that coarse and fine grids meet.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

from orchestrator.core.model import (
    Check,
    CommandCheck,
    EngineCheck,
    HttpCheck,
    PostgresCheck,
    ProbeResult,
    RedisCheck,
    Run,
    RunningCheck,
    TcpCheck,
    Verdict,
)
from orchestrator.ports import Clock, Probe, Reading, Target
from orchestrator.runtime.ration import Ration

METHODS: Mapping[type, str] = {
    HttpCheck: "http",
    CommandCheck: "command",
    RedisCheck: "redis",
    PostgresCheck: "postgres",
    TcpCheck: "tcp",
    EngineCheck: "engine",
    RunningCheck: "running",
}
SPREAD = 3.0
"""Seconds over which the first probes of services that appear together are spread."""
_PARTING = 1.0
"""Seconds a cancelled probe has to clean up when the monitor ends."""
_SLACK = 1 / 32
_EARLY = 1e-3
"""Seconds before its moment at which a due probe may be begun: loops fire timers that much early."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is asked of one service, of which run, and how often."""

    run: Run
    check: Check
    target: Target | str
    """Whom to ask; a string says in words why nobody can be asked."""
    every: float
    timeout: float
    """Seconds one probe may take, waiting for its turn not included."""
    urgent: bool = False
    """Ask at once; otherwise the first probe waits its share of :data:`SPREAD`."""

    def asks_like(self, other: Watch) -> bool:
        """Whether an answer to one is an answer to the other."""
        return self.run == other.run and self.check == other.check and self.target == other.target


@dataclass(slots=True, eq=False)
class _Schedule:
    """One question put to one service, again and again."""

    service: str
    watch: Watch
    phase: float = 0.0
    """The exact moment of the next probe, before it is rounded to the grid."""
    due: float | None = None
    """``None``: waiting for a slot, or being asked."""
    was_due: float = 0.0
    scattered: bool = False
    task: asyncio.Task[None] | None = None


class HealthMonitor:
    """Posts a stamped result for every question asked; one question at a time for each service.

    Network probes and those the engine must run (command, engine) have separate rations: a container engine
    under a load of execs slows down everything else it should do, also healing. Of a container at most one of
    the latter is in flight. A probe's time-out begins when its turn comes.
    """

    def __init__(
        self,
        clock: Clock,
        probes: Mapping[type, Probe],
        post: Callable[[str, ProbeResult], None],
        *,
        random: Random | None = None,
        tick: float = 0.05,
        max_in_flight: int = 256,
        exec_slots: int = 4,
    ) -> None:
        self._clock = clock
        self._probes = probes
        self._post = post
        self._random = random or Random()  # noqa: S311 - spreads load, guards nothing
        self._tick = tick
        self._network: Ration[_Schedule] = Ration(max_in_flight)
        self._engine: Ration[_Schedule] = Ration(exec_slots)
        self._schedules: dict[str, _Schedule] = {}
        self._due: list[tuple[float, int, _Schedule]] = []
        self._order = count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._open = False

    @property
    def waiting(self) -> int:
        """Probes that are due and wait for their turn."""
        return self._network.waiting + self._engine.waiting

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    # --- what is watched ---------------------------------------------------------------------------------------

    def watch(self, service: str, watch: Watch | None) -> None:
        """From now on ask this (``None``: nothing) of the service. The same watch again changes nothing.

        Another run, check or target begins anew, and the answer to the older question is never posted. Another
        interval or time-out goes on: the next probe comes when it would have, or one new interval from now if
        that is sooner. A watch that becomes urgent is asked at once.
        """
        schedule = self._schedules.get(service)
        if schedule is not None and watch is not None and schedule.watch.asks_like(watch):
            if schedule.watch != watch:
                self._amend(schedule, watch)
            return
        if schedule is not None:
            self._forget(schedule)
        if watch is not None:
            self._begin(service, watch)

    def ask(self, service: str) -> None:
        """Ask now instead of when it is due; the next question comes an interval later."""
        schedule = self._schedules.get(service)
        if schedule is not None and schedule.due is not None:
            now = self._clock.now().moment
            self._plan(schedule, now, now)

    def _begin(self, service: str, watch: Watch) -> None:
        schedule = self._schedules[service] = _Schedule(service, watch)
        now = self._clock.now().moment
        if watch.urgent:
            self._plan(schedule, now, now)
            return
        first = now + self._random.random() * min(watch.every, SPREAD)
        self._plan(schedule, first, self._rounded(first, every=0.0))

    def _amend(self, schedule: _Schedule, watch: Watch) -> None:
        before, schedule.watch = schedule.watch, watch
        schedule.scattered = schedule.scattered and watch.every <= before.every
        if schedule.due is None:
            return
        now = self._clock.now().moment
        if watch.urgent and not before.urgent:
            self._plan(schedule, now, now)
            return
        if now + watch.every < schedule.phase:
            self._plan(schedule, now + watch.every)

    def _forget(self, schedule: _Schedule) -> None:
        del self._schedules[schedule.service]
        self._network.leave(schedule)
        self._engine.leave(schedule)
        schedule.due = None
        if schedule.task is not None:
            schedule.task.cancel()

    # --- when ---------------------------------------------------------------------------------------------------

    def _plan(self, schedule: _Schedule, phase: float, due: float | None = None) -> None:
        schedule.phase = phase
        moment = self._rounded(phase, schedule.watch.every) if due is None else due
        if schedule.due == moment:
            return
        schedule.due = moment
        if not self._due or moment < self._due[0][0]:
            self._wake.set()
        heappush(self._due, (moment, next(self._order), schedule))

    def _rounded(self, moment: float, every: float) -> float:
        ticks = max(1.0, every * _SLACK / self._tick)
        grain = math.ldexp(self._tick, math.floor(math.log2(ticks)))
        return math.ceil(moment / grain - 1e-6) * grain

    def _plan_next(self, schedule: _Schedule) -> None:
        """One interval on in the same phase; intervals that passed meanwhile are left out.

        After its first probe a service moves to a phase of its own, half to one interval away: services that
        appeared together would otherwise be asked together for ever.
        """
        every = max(schedule.watch.every, self._tick)
        now = self._clock.now().moment
        if not schedule.scattered and every > SPREAD:
            schedule.scattered = True
            self._plan(schedule, now + every * (1 + self._random.random()) / 2)
            return
        missed = max(0, math.floor((now - schedule.was_due) / every))
        self._plan(schedule, schedule.phase + every * (missed + 1))

    # --- the loop ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled; probes in flight are cancelled with it. May be run again."""
        self._open = True
        try:
            while True:
                self._wake.clear()
                self._line_up_due()
                self._admit()
                await self._sleep()
        finally:
            self._open = False
            await self._end_all()

    async def _end_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PARTING)

    async def _sleep(self) -> None:
        """Until the next probe is due, or the schedule changed."""
        timer = None
        if self._due:
            timer = asyncio.get_running_loop().call_at(self._due[0][0], self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _line_up_due(self) -> None:
        now = self._clock.now().moment + _EARLY
        while self._due and self._due[0][0] <= now:
            due, _, schedule = heappop(self._due)
            if schedule.due != due:
                continue  # planned anew meanwhile, or forgotten
            schedule.due, schedule.was_due = None, due
            self._line_up(schedule)

    def _line_up(self, schedule: _Schedule) -> None:
        watch = schedule.watch
        if isinstance(watch.target, str):
            self._report(schedule, watch, Reading(Verdict.UNKNOWN, watch.target))
            self._plan_next(schedule)
            return
        if type(watch.check) not in self._probes:
            self._report(schedule, watch, Reading(Verdict.UNKNOWN, "nothing here can ask this kind of check"))
            self._plan_next(schedule)
            return
        if isinstance(watch.check, CommandCheck | EngineCheck):
            self._engine.line_up(schedule, watch.target.container_id)
            return
        self._network.line_up(schedule, schedule.service)

    def _admit(self) -> None:
        for ration in (self._network, self._engine):
            while self._open and (admitted := ration.admit()) is not None:
                schedule, key = admitted
                task = asyncio.get_running_loop().create_task(self._ask(schedule, schedule.watch))
                schedule.task = task
                self._tasks.add(task)
                task.add_done_callback(partial(self._asked, schedule, schedule.watch, partial(ration.give_back, key)))

    # --- one question --------------------------------------------------------------------------------------------

    async def _ask(self, schedule: _Schedule, watch: Watch) -> None:
        assert isinstance(watch.target, Target)
        begun = self._clock.now().moment
        reading = await self._probes[type(watch.check)].probe(watch.check, watch.target, watch.timeout)
        self._report(schedule, watch, reading, begun)

    def _asked(
        self, schedule: _Schedule, watch: Watch, give_back: Callable[[], None], task: asyncio.Task[None]
    ) -> None:
        self._tasks.discard(task)
        give_back()
        schedule.task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report_defect(schedule, watch, error)
        if self._schedules.get(schedule.service) is schedule:
            self._plan_next(schedule)
        self._admit()

    def _report(self, schedule: _Schedule, watch: Watch, reading: Reading, begun: float | None = None) -> None:
        if self._schedules.get(schedule.service) is not schedule:
            return  # the answer to an older question
        checked = self._clock.now()
        self._post(
            schedule.service,
            ProbeResult(
                run=watch.run,
                verdict=reading.verdict,
                method=METHODS[type(watch.check)],
                detail=reading.detail,
                checked=checked,
                latency=None if begun is None else checked.moment - begun,
                body=reading.body,
            ),
        )

    def _report_defect(self, schedule: _Schedule, watch: Watch, error: BaseException) -> None:
        """A probe that raises breaks its contract: shown as what it is, and never taken for ill health."""
        context = {"message": f"The health probe of {schedule.service} failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
        self._report(schedule, watch, Reading(Verdict.UNKNOWN, f"the probe itself failed: {error!r}"))
