"""A host that is never under pressure, unless a story makes it so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from orchestrator.core.evidence import Disk, HostPressure

_GIGABYTE: Final = 10**9


@dataclass(slots=True)
class FakeHostGauge:
    """Implements :class:`orchestrator.ports.HostGauge`."""

    disk_free: int = 100 * _GIGABYTE
    hangs: bool = False
    """As a file system does whose server is gone."""

    async def read(self, storage: str) -> HostPressure:
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        disk = Disk(storage, 200 * _GIGABYTE, self.disk_free, None)
        return HostPressure(
            load=0.1, cores=4, memory=16 * _GIGABYTE, memory_available=12 * _GIGABYTE, pressure=(), disk=disk
        )
