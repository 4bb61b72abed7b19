"""The one module that reads a clock."""

from __future__ import annotations

import asyncio
import time

from orchestrator.core.model import Instant


class SystemClock:
    """Implements :class:`orchestrator.ports.Clock` with the running loop's time and the system's wall clock."""

    def now(self) -> Instant:
        """May also be asked in a thread without a loop: the moment is of the same timeline there."""
        try:
            moment = asyncio.get_running_loop().time()
        except RuntimeError:
            moment = time.monotonic()
        return Instant(moment=moment, wall=time.time())
