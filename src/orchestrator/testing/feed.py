"""The event stream of a fake engine, with the habits of the real ones: lag, loss, disorder, replay, silence."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field

from orchestrator.ports import EngineEvent

REMEMBERED = 256
"""Events that Docker keeps for ``since``."""
MOST_WAITING = 1000
"""Events that wait for one slow reader; older ones are lost to it."""


@dataclass(slots=True)
class Habits:
    """How events travel. Seconds; shares are between 0 and 1."""

    lag: float = 0.0
    """Podman's stream is about 0.245 s behind."""
    lost: float = 0.0
    """The share of events that never arrives."""
    disorder: float = 0.0
    """Up to this much more lag, by chance: later events overtake earlier ones."""


@dataclass(eq=False, slots=True)
class Reader:
    """One subscription."""

    waiting: deque[EngineEvent] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    news: asyncio.Event = field(default_factory=asyncio.Event)
    deaf: bool = False
    """The stream is dead and nobody said so."""

    def deliver(self, event: EngineEvent) -> None:
        if not self.deaf:
            self.waiting.append(event)
            self.news.set()

    def wake(self, _: object = None) -> None:
        """Something other than an event deserves the reader's attention."""
        self.news.set()

    def take(self) -> EngineEvent | None:
        if self.waiting:
            return self.waiting.popleft()
        self.news.clear()
        return None


class EventFeed:
    def __init__(self, habits: Habits, chance: random.Random, loop: asyncio.AbstractEventLoop) -> None:
        self.habits = habits
        self._loop = loop
        self._chance = chance
        self._readers: set[Reader] = set()
        self._past: deque[EngineEvent] = deque(maxlen=REMEMBERED)

    def subscribe(self) -> Reader:
        reader = Reader()
        self._readers.add(reader)
        return reader

    def unsubscribe(self, reader: Reader) -> None:
        self._readers.discard(reader)

    def emit(self, event: EngineEvent) -> None:
        self._past.append(event)
        if self._chance.random() < self.habits.lost:
            return
        delay = self.habits.lag + self._chance.uniform(0, self.habits.disorder)
        if delay <= 0:
            self._deliver(event)
        else:
            self._loop.call_later(delay, self._deliver, event)

    def replay(self) -> None:
        """Send everything remembered once more, as Podman does when its event log rotates."""
        for event in tuple(self._past):
            self._deliver(event)

    def go_deaf(self) -> None:
        """Every open stream goes silent without ending, as after a lost TCP path."""
        for reader in self._readers:
            reader.deaf = True

    def _deliver(self, event: EngineEvent) -> None:
        for reader in tuple(self._readers):
            reader.deliver(event)
