"""Who is acted on next: as many at once as the engine takes well, everybody else in a queue that people can see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from random import Random

from orchestrator.core import throttle
from orchestrator.core.messages import Action, Outcome, Result
from orchestrator.core.model import ActionKind, Category, ServiceSpec
from orchestrator.ports import Clock
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import ServiceRegistry


@dataclass(frozen=True, slots=True)
class _Begun:
    action: Action
    moment: float
    alone: bool
    """It waits for nobody of its lane: how long it takes is the engine's doing."""


class Admission(Observer):
    """Told by the brain within its turns. What people ask for is counted, and waits for nobody.

    Infrastructure comes before others, and who came first before who came later; who waits for a dependency is not in
    the queue.
    """

    def __init__(self, registry: ServiceRegistry, clock: Clock, chance: Random, *, most: int, jitter: float) -> None:
        """``jitter``: by how much the time between two actions is stretched, at most: a fraction."""
        self._registry = registry
        self._clock = clock
        self._chance = chance
        self._jitter = jitter
        self._throttle = throttle.throttle(most)
        self._under_way: dict[str, _Begun] = {}
        self._waiting: dict[str, tuple[bool, int]] = {}
        self._numbers = count()
        self._called = ""
        """Whose turn it is: it is being decided."""
        self._moved = False
        """The queue is another than people were shown."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def usual(self) -> float:
        """Seconds that a start takes on this engine when it waits for nobody; 0: not known yet."""
        return self._throttle.quickest or 0.0

    # --- asked by the brain ----------------------------------------------------------------------------------

    def crowded(self, name: str) -> bool:
        """Whether others come before this service."""
        return name != self._called and (bool(self._waiting) or not self._has_room())

    def decided(self, name: str, spec: ServiceSpec, *, due: bool) -> None:
        """``due``: it would have been acted on, were it its turn. Whoever is not due any more leaves the queue."""
        if not due:
            self._leave(name)
        elif name not in self._waiting:
            self._waiting[name] = (spec.category is not Category.INFRASTRUCTURE, next(self._numbers))
            self._moved = True

    def call(self) -> tuple[str, ...]:
        """The one service whose turn it is: it is to be decided now. Empty: it is nobody's, for now."""
        self._called = ""
        if self._waiting and self._has_room():
            self._called = min(self._waiting, key=self._waiting.__getitem__)
            self._leave(self._called)
            return (self._called,)
        if self._moved:
            self._number()
        return ()

    @property
    def wake_at(self) -> float:
        """The moment of the next turn in the queue that no outcome will announce."""
        return self._next_at() if self._waiting else math.inf

    def _has_room(self) -> bool:
        return self._next_at() <= self._clock.now().moment

    def _next_at(self) -> float:
        return throttle.next_at(self._throttle, len(self._under_way))

    def _leave(self, name: str) -> None:
        if self._waiting.pop(name, None) is not None:
            self._moved = True

    def _number(self) -> None:
        """Let everybody see how many come before them."""
        self._moved = False
        places = {name: place for place, name in enumerate(sorted(self._waiting, key=self._waiting.__getitem__))}
        for name, record in self._registry.items():
            record.ahead = places.get(name)

    # --- told ------------------------------------------------------------------------------------------------

    def ordered(self, action: Action, spec: ServiceSpec) -> None:
        moment = self._clock.now().moment
        self._under_way[action.action_id] = _Begun(action, moment, spec.lane is None)
        if not action.manual and action.kind is not ActionKind.STOP:
            self._throttle = throttle.begun(self._throttle, moment, self._chance.random() * self._jitter)

    def ended(self, service: str, outcome: Outcome) -> None:
        busy = len(self._under_way)
        begun = self._under_way.pop(outcome.action_id, None)
        if begun is None or outcome.result is not Result.DONE:
            return
        if begun.alone and begun.action.kind is ActionKind.START:
            took = self._clock.now().moment - begun.moment
            self._throttle = throttle.answered(self._throttle, took, busy)

    def gone(self, name: str) -> None:
        self._leave(name)
