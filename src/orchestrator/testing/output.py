"""What a fake container wrote, as its engine keeps it across runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from orchestrator.core.evidence import LogLine


class Output:
    """Lines, oldest first; whoever follows is told of news."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []
        self._news = asyncio.Event()

    def write(self, line: LogLine) -> None:
        self._lines.append(line)
        self.end_run()

    def end_run(self) -> None:
        """Who follows looks whether there is more to wait for."""
        self._news.set()
        self._news = asyncio.Event()

    def newest(self, tail: int, since: float | None, until: float | None) -> Sequence[LogLine]:
        """As engines do it: the newest so many, and of them those until then."""
        wanted = [line for line in self._lines if since is None or line.at is None or line.at >= since]
        return [line for line in wanted[-tail:] if until is None or line.at is None or line.at <= until]

    async def follow(self, process: asyncio.Event, broken: asyncio.Future[None]) -> AsyncGenerator[LogLine, None]:
        """What comes from now on, until the process is gone or the connection breaks."""
        told = len(self._lines)
        while True:
            news = self._news
            while told < len(self._lines):
                told += 1
                yield self._lines[told - 1]
            if process.is_set() or broken.done():
                return
            waiting = asyncio.create_task(_told(news))
            try:
                await asyncio.wait({waiting, broken}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()


async def _told(news: asyncio.Event) -> None:
    await news.wait()
