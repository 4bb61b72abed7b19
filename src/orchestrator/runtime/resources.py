"""The sensor that asks for what services require of the host: now and then, and every second while somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from orchestrator.core.model import Verdict
from orchestrator.core.resources import Presence, ResourceReading
from orchestrator.ports import Clock, ResourceProbe
from orchestrator.runtime.inbox import Post, ResourceAsked
from orchestrator.runtime.memory import in_trouble
from orchestrator.runtime.registry import ServiceRegistry

INTERVAL: Final = 10.0
HURRIED: Final = 1.0
"""Seconds between two questions for the same one; while a service that needs it is down or ill: the shorter."""
DEADLINE: Final = 5.0
"""Seconds: what has not answered by then is not there."""
_PARTING: Final = 0.2
_PRESENCE: Final = {
    Verdict.PASS: Presence.THERE,
    Verdict.FAIL: Presence.MISSING,
    Verdict.UNKNOWN: Presence.UNKNOWN,
}


def required(registry: ServiceRegistry) -> Mapping[str, bool]:
    """What services require or want of the host, and whether somebody waits for its answer."""
    return {name: bool(concerned(name, registry)) for name in registry.resources}


def concerned(name: str, registry: ServiceRegistry) -> tuple[str, ...]:
    """Whose next decision may follow from another answer."""
    needing = ((each, registry.get(each)) for each in registry.dependents_of(name))
    return tuple(each for each, record in needing if record is not None and in_trouble(record))


class ResourceMonitor:
    """Posts :class:`ResourceAsked` for every answer. Each has a question of its own: one that hangs delays no other.

    ``required``: those to ask for now, and whether somebody waits for the answer.
    """

    def __init__(
        self,
        probe: ResourceProbe,
        clock: Clock,
        post: Callable[[Post], None],
        required: Callable[[], Mapping[str, bool]],
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._post = post
        self._required = required
        self._begun: dict[str, float] = {}
        """The moment of the newest question, of those that are required."""
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._wanted.clear()
                self._ask_those_due()
                await self._wanted_or_due()
        finally:
            for task in self._asking.values():
                task.cancel()
            if self._asking:
                await asyncio.wait(self._asking.values(), timeout=_PARTING)

    def look_round(self) -> None:
        """Others may be required now: what was never asked for is asked at once."""
        self._wanted.set()

    async def _wanted_or_due(self) -> None:
        try:
            async with asyncio.timeout(HURRIED if self._begun else INTERVAL):
                await self._wanted.wait()
        except TimeoutError:
            return

    def _ask_those_due(self) -> None:
        now = self._clock.now().moment
        required = self._required()
        self._begun = {name: begun for name, begun in self._begun.items() if name in required}
        for name, hurried in required.items():
            begun = self._begun.get(name)
            due = begun is None or now - begun >= (HURRIED if hurried else INTERVAL)
            if due and name not in self._asking:
                self._begun[name] = now
                task = asyncio.get_running_loop().create_task(self._ask(name, now))
                self._asking[name] = task
                task.add_done_callback(partial(self._asked, name, now))

    async def _ask(self, name: str, begun: float) -> None:
        reading = await self._probe.ask(name, DEADLINE)
        self._post(ResourceAsked(name, ResourceReading(_PRESENCE[reading.verdict], reading.detail), begun))

    def _asked(self, name: str, begun: float, task: asyncio.Task[None]) -> None:
        del self._asking[name]
        if task.cancelled() or (error := task.exception()) is None:
            return
        context = {"message": f"{name} could not be asked", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
        words = f"asking failed, a defect of the orchestrator: {error!r}"
        self._post(ResourceAsked(name, ResourceReading(Presence.UNKNOWN, words), begun))
