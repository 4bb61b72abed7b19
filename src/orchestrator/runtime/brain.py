"""The brain's loop: waits for the inbox or the earliest deadline, reads the clock once, and lets ``decide`` judge
every service that something happened to. A turn is a plain ``def``: nothing can interleave, so nothing is locked.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final

from orchestrator.core.messages import Outcome
from orchestrator.core.model import Instant
from orchestrator.ports import Clock
from orchestrator.runtime.admission import Admission
from orchestrator.runtime.history import Histories
from orchestrator.runtime.inbox import Asked, Ended, EngineLost, EngineReached, Inbox, Post
from orchestrator.runtime.incidents import IncidentLedger
from orchestrator.runtime.intake import Intake
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.judgement import Judgement
from orchestrator.runtime.maintenance import MaintenanceWindows
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import ServiceRegistry
from orchestrator.runtime.storms import Storms
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.updates import ProjectUpdates

_LONGEST_SLEEP: Final = 5.0
"""Seconds without any turn, at the most: a brain that sleeps longer cannot be told from a dead one."""


class Brain:
    """Takes in what was posted, decides whom it concerns, and tells who observes."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        clock: Clock,
        registry: ServiceRegistry,
        surroundings: Surroundings,
        intake: Intake,
        judgement: Judgement,
        journal: Journal,
        observers: Sequence[Observer],
        admission: Admission,
        storms: Storms,
        updates: ProjectUpdates,
        windows: MaintenanceWindows,
        incidents: IncidentLedger,
        histories: Histories,
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._registry = registry
        self._surroundings = surroundings
        self._intake = intake
        self._judgement = judgement
        self._journal = journal
        self._observers = observers
        self._admission = admission
        self._storms = storms
        self._updates = updates
        self._windows = windows
        self._incidents = incidents
        self._histories = histories
        self._turns = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._inbox.wait(self._sleep())
            self.turn()

    def _sleep(self) -> float:
        now = self._clock.now()
        wakes = [record.wake_at for record in self._registry.records() if record.wake_at is not None]
        wakes += [self._admission.wake_at, self._storms.wake_at, self._incidents.wake_at]
        if self._updates.next_edge is not None:
            wakes.append(self._updates.next_edge)
        earliest = min(min(wakes) - now.moment, self._windows.seconds_to_edge(now))
        return max(0.0, min(earliest, _LONGEST_SLEEP))

    def turn(self, *, acting: bool = True) -> None:
        """One turn. What a decision changes for dependents is decided in the same turn.

        Not ``acting``: outcomes are taken in, but nothing counts as seen, so that nothing new is ordered.
        """
        now = self._clock.now()
        self._turns += 1
        self._surroundings.turned(now, self._turns)
        outcomes: defaultdict[str, deque[Outcome]] = defaultdict(deque)
        asked: defaultdict[str, deque[Asked]] = defaultdict(deque)
        touched: dict[str, None] = {}
        for post in self._inbox.drain():
            if isinstance(post, Asked):
                asked[post.service].append(post)
            elif isinstance(post, Ended):
                outcomes[post.service].append(post.outcome)
            touched.update(dict.fromkeys(self._intake.take_in(post, now)))
            self._pass_on(post)
        if not acting:
            self._intake.lose_sight()
        self._part(now)
        for concerned in (self._updates.turn(now), self._windows.turn(now), self._due(now)):
            touched.update(dict.fromkeys(concerned))
        ended = bool(outcomes)
        queue = deque(touched)
        paused = self._storms.words
        while queue := queue or deque(self._storms.weigh(now) or self._admission.call()):
            name = queue.popleft()
            queue.extend(self._judgement.judge(name, outcomes[name], asked[name], now))
        if paused != self._storms.words:
            for observer in self._observers:
                observer.system_changed()
        if ended:
            self._part(now)
        self._incidents.turn(now)
        self._histories.turn(now)

    def _pass_on(self, post: Post) -> None:
        for observer in self._observers:
            match post:
                case Ended(service=service, outcome=outcome):
                    observer.ended(service, outcome)
                case EngineReached() | EngineLost():
                    observer.system_changed()
                case _:
                    pass

    def _due(self, now: Instant) -> list[str]:
        return [
            name
            for name, record in self._registry.items()
            if record.wake_at is not None and record.wake_at <= now.moment
        ]

    def _part(self, now: Instant) -> None:
        """From services that are not listed any more."""
        for name, record in self._registry.leaving(now):
            self._judgement.release(name, record, now)
            worth_keeping = self._registry.forget(name)
            for observer in self._observers:
                observer.gone(name)
            if worth_keeping is None:
                self._journal.forget(name)
            else:
                self._intake.set_aside(name, worth_keeping, now)
