"""A recording in memory: lines, as in a file, that outlive the orchestrator's process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator.core.model import Instant
from orchestrator.core.recording import DecisionRecord, Recording, Writer
from orchestrator.errors import StoreUnavailable


class MemoryRecording:
    """Implements :class:`orchestrator.ports.DecisionSink`. While it is ``broken`` it raises, while it is ``hung`` it
    does not return."""

    def __init__(self) -> None:
        self.broken = self.hung = False
        self.closed = False
        self._writer = Writer()
        self._text = self._writer.head("testing", Instant(0.0, 0.0))

    @property
    def location(self) -> str:
        return "memory"

    @property
    def lines(self) -> list[str]:
        return self._text.splitlines(keepends=True)

    @property
    def records(self) -> list[DecisionRecord]:
        return list(Recording(self.lines))

    async def write(self, records: Sequence[DecisionRecord], lost: int) -> None:
        await asyncio.sleep(0)
        if self.hung:
            await asyncio.Event().wait()
        if self.broken:
            raise StoreUnavailable("Memory recording: it was told to fail. Tell it otherwise.")
        self._text += (Writer.lost(lost) if lost else "") + "".join(map(self._writer.lines, records))

    def close(self) -> None:
        self.closed = True
