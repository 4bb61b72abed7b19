"""The playbook of an engine that does not answer: the connection is tried again by itself, so what is left to do is to
find out why, once for each outage, and to have it stand in the host's incident."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from orchestrator.runtime.observer import Observer
from orchestrator.runtime.surroundings import Surroundings

SETTLE: Final = 2.0
"""Seconds after which an engine that was only restarted answers again."""
BOUND: Final = 10.0
"""Seconds for all of the examination."""
_LATE: Final = f"what is wrong with it was not found out within {BOUND:g} s"


class EngineDoctor(Observer):
    """``examine`` looks at the engines, and says what it found, worst first; ``note`` takes a line for the incident."""

    def __init__(
        self,
        surroundings: Surroundings,
        examine: Callable[[], Awaitable[Sequence[str]]],
        note: Callable[[str], None],
    ) -> None:
        self._surroundings = surroundings
        self._examine = examine
        self._note = note
        self._looking: asyncio.Task[None] | None = None
        self._looked = False
        """In this outage."""

    def system_changed(self) -> None:
        if self._surroundings.engine_away is None:
            self._looked = False
        elif not self._looked and (self._looking is None or self._looking.done()):
            self._looked = True
            self._looking = asyncio.get_running_loop().create_task(self._look(), name="examination of the engine")

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        await asyncio.sleep(SETTLE)
        if self._surroundings.engine_away is None:
            return
        try:
            async with asyncio.timeout(BOUND):
                findings = await self._examine()
        except TimeoutError:
            findings = (_LATE,)
        self._note("the connection is tried again all the time; nothing is restarted meanwhile")
        for finding in findings:
            self._note(f"doctor: {finding}")
