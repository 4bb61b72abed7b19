"""Every decision that changed something, with its inputs: the last ones of each service in memory, all of them in a
recording where one is kept, and there also those that were due and changed nothing.

Within a turn a decision is only put down; it is written in batches by a task of its own. A recording that cannot be
written, or not fast enough, loses decisions and counts them; nothing ever waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import Final

from orchestrator.core.recording import DecisionRecord, changes
from orchestrator.core.story import Chapter, tell
from orchestrator.errors import StoreError
from orchestrator.ports import DecisionSink
from orchestrator.runtime.observer import Observer

logger: Final = logging.getLogger("orchestrator")

REMEMBERED: Final = 20
"""Decisions of each service that ``explain`` can tell of."""
MOST_WAITING: Final = 10_000
"""Decisions that may wait to be written: what 500 services decide in a storm, for minutes."""
_GATHERING: Final = 0.5
"""Seconds in which a batch comes together."""
_BATCH: Final = 500


class Recorder(Observer):
    """``sink`` is where decisions are written; ``None``: they are only remembered."""

    def __init__(self, sink: DecisionSink | None) -> None:
        self._sink = sink
        self._latest: dict[str, deque[DecisionRecord]] = {}
        self._waiting: deque[DecisionRecord] = deque()
        self._arrived = asyncio.Event()
        self._unsaid = 0
        self._failing = False
        self.recorded = 0
        """Decisions written since the start."""
        self.lost = 0
        """Decisions that could not be."""

    def story_of(self, service: str) -> tuple[Chapter, ...]:
        """Its last decisions, newest first."""
        return tuple(map(tell, reversed(self._latest.get(service, ()))))

    # --- told by the brain -----------------------------------------------------------------------------------

    def decision_taken(self, record: DecisionRecord) -> None:
        if changes(record.before, record.decision):
            self._latest.setdefault(record.service, deque(maxlen=REMEMBERED)).append(record)
        if self._sink is None:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._lose(1)
            return
        self._waiting.append(record)
        self._arrived.set()

    def gone(self, name: str) -> None:
        self._latest.pop(name, None)

    # --- writing ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_GATHERING)
            self._arrived.clear()
            while self._waiting:
                await self._write()

    async def flush(self, deadline: float) -> None:
        """Write what waits, as far as that takes no longer than ``deadline`` seconds; then nothing more is written."""
        if self._sink is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                while self._waiting:
                    await self._write()
        self._sink.close()

    async def _write(self) -> None:
        assert self._sink is not None
        batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        unsaid, self._unsaid = self._unsaid, 0
        try:
            await self._sink.write(batch, unsaid)
        except StoreError as error:
            self._unsaid += unsaid
            self._lose(len(batch))
            if not self._failing:
                logger.warning("Decisions are not recorded", extra={"recording": self._sink.location, "detail": error})
            self._failing = True
            return
        self.recorded += len(batch)
        if self._failing:
            logger.info("Decisions are recorded again", extra={"recording": self._sink.location, "lost": self.lost})
        self._failing = False

    def _lose(self, number: int) -> None:
        self.lost += number
        self._unsaid += number
