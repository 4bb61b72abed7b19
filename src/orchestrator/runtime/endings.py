"""Those who wait for the end of what they asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from orchestrator.core.ending import Ending, ending_of
from orchestrator.core.messages import Command, Event
from orchestrator.runtime.registry import Record


class Endings:
    """Part of the brain: told within its turns. Whoever cancels the future does not wait any more."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[asyncio.Future[Ending], Command]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def wait(self, service: str, command: Command, ending: asyncio.Future[Ending], record: Record) -> None:
        """``command`` was accepted just now: ``ending`` is resolved as soon as it has ended, perhaps at once."""
        if ending.done():
            return
        self._waiting.setdefault(service, {})[ending] = command
        ending.add_done_callback(partial(self._drop, service))
        self.decided(service, (), record)

    def decided(self, service: str, events: Sequence[Event], record: Record) -> None:
        """Something was decided for ``service``; ``events`` is what was told of it."""
        for ending, command in self._waiting.get(service, {}).items():
            ended = ending_of(command, events, record.state, record.evidence)
            if ended is not None and not ending.done():
                ending.set_result(ended)

    def _drop(self, service: str, ending: asyncio.Future[Ending]) -> None:
        waiting = self._waiting[service]
        del waiting[ending]
        if not waiting:
            del self._waiting[service]
