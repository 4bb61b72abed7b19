"""The orchestrator killed at moments by chance while something goes on, and started again."""

from __future__ import annotations

import random
import threading
import time
from types import TracebackType
from typing import Self

from tests.live.serve import Serve


class Deaths:
    """While the context is open: SIGKILL after a pause by chance, and a new life after another one.

    ``count`` times at most. At the end of the context it lives.
    """

    def __init__(
        self, serve: Serve, chance: random.Random, count: int, *, lives: tuple[float, float], away: tuple[float, float]
    ) -> None:
        """``lives``, ``away``: the shortest and the longest pause in seconds."""
        self.moments: list[float] = []
        """Wall times of the deaths."""
        self._serve = serve
        self._pauses = [(chance.uniform(*lives), chance.uniform(*away)) for _ in range(count)]
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._go_on, name="deaths", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def see_through(self) -> None:
        """Until the last one is over."""
        self._thread.join()

    def _go_on(self) -> None:
        try:
            for life, away in self._pauses:
                if self._over.wait(life):
                    return
                self.moments.append(time.time())
                self._serve.kill()
                self._over.wait(away)
                self._serve.start()
        except (AssertionError, OSError, TimeoutError) as fault:
            self._error = fault
