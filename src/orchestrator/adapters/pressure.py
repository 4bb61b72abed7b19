"""How hard this machine works: the kernel's pressure figures, its load, and the room on the engine's disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal

from orchestrator.adapters.looks.thread import in_thread
from orchestrator.core.evidence import Disk, HostPressure, Pressure, Unread

_RESOURCES: Final[tuple[Literal["cpu", "memory", "io"], ...]] = ("cpu", "memory", "io")


class HostFigures:
    """Implements :class:`orchestrator.ports.HostGauge`."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc

    async def read(self, storage: str) -> HostPressure:
        return await in_thread(partial(self._read, storage))

    def _read(self, storage: str) -> HostPressure:
        memory = self._memory()
        return HostPressure(
            load=os.getloadavg()[0],
            cores=os.cpu_count() or 1,
            memory=memory.get("MemTotal", 0),
            memory_available=memory.get("MemAvailable", 0),
            pressure=self._pressure(),
            disk=_disk(storage),
        )

    def _memory(self) -> dict[str, int]:
        words = (line.split() for line in (self._proc / "meminfo").read_text().splitlines())
        return {each[0].rstrip(":"): int(each[1]) * 1024 for each in words if len(each) > 1}

    def _pressure(self) -> tuple[Pressure, ...] | Unread:
        try:
            return tuple(self._pressures())
        except FileNotFoundError:
            return Unread("this kernel keeps no pressure figures (PSI): it needs psi=1, or a newer one")
        except OSError as error:
            return Unread(f"the kernel's pressure figures cannot be read: {error.strerror}")

    def _pressures(self) -> Iterator[Pressure]:
        for resource in _RESOURCES:
            text = (self._proc / "pressure" / resource).read_text()
            shares = {line.split()[0]: float(line.split()[1].partition("=")[2]) for line in text.splitlines()}
            yield Pressure(resource, shares.get("some", 0.0), shares.get("full", 0.0))


def _disk(path: str) -> Disk | Unread:
    try:
        seen = os.statvfs(path)
    except OSError as error:
        return Unread(f"{path} cannot be looked at from here: {error.strerror}")
    files_free = seen.f_favail if seen.f_files else None
    return Disk(path, seen.f_blocks * seen.f_frsize, seen.f_bavail * seen.f_frsize, files_free)
