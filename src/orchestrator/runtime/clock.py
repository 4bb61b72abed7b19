"""The one module that reads a clock."""

from __future__ import annotations

import asyncio
import time

from orchestrator.core.model import Instant


class SystemClock:
    """Implements :class:`orchestrator.ports.Clock` with the running loop's time and the system's wall clock."""

    def now(self) -> Instant:
        return Instant(moment=asyncio.get_running_loop().time(), wall=time.time())
