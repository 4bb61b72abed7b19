"""What a container uses and may use, as its cgroup tells: the one tree of version 2, or the several of version 1.

Only for containers whose processes are visible here. A cgroup goes with its container: Podman removes it some 50 ms
after the first process died, which is time enough to read its counters once more (:mod:`.deaths`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from orchestrator.core.evidence import Usage

MEASURED_FOR: Final = 0.1
"""Seconds between two readings of the processor time that a container used."""
_UNLIMITED: Final = 2**60
"""Bytes; version 1 writes a number near the largest for "no limit"."""
_UNIFIED: Final = ""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The folders of one container by controller; in version 2 one folder stands for all of them."""

    folders: Mapping[str, Path]

    async def measured(self) -> Usage:
        """With the processors in use, which takes a tenth of a second."""
        before = self.seconds()
        await asyncio.sleep(MEASURED_FOR)
        used, after = self.usage(), self.seconds()
        return (
            used if before is None or after is None else replace(used, cpus=round((after - before) / MEASURED_FOR, 2))
        )

    def usage(self) -> Usage:
        """All but the processors in use, which take two readings. What is gone, or not there, is not told."""
        if _UNIFIED in self.folders:
            return _second_version(self.folders[_UNIFIED])
        return _first_version(self.folders)

    def seconds(self) -> float | None:
        """Of processor time, used so far."""
        if _UNIFIED in self.folders:
            used = _table(self.folders[_UNIFIED] / "cpu.stat").get("usage_usec")
            return None if used is None else used / 1e6
        used = _number(self.folders["cpuacct"] / "cpuacct.usage") if "cpuacct" in self.folders else None
        return None if used is None else used / 1e9


def of(pid: int, container_id: str, proc: Path = Path("/proc")) -> Cgroup | None:
    """The cgroup of that container's process; ``None`` where ``pid`` is somebody else here, or has none of its own."""
    mounts = _mounts(_text(proc / "self" / "mountinfo"))
    folders: dict[str, Path] = {}
    for line in _text(proc / str(pid) / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if container_id not in path:
            continue
        for controller in controllers.split(","):
            if controller in mounts:
                folders[controller] = mounts[controller] / path.lstrip("/")
    if len(folders) > 1:  # a hybrid machine: version 2 is there, and has no controllers
        folders.pop(_UNIFIED, None)
    return Cgroup(folders) if folders else None


def _mounts(mountinfo: str) -> dict[str, Path]:
    """Where each controller is mounted; the empty name is version 2."""
    found: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        place = Path(before.split(" ")[4])
        if kind == "cgroup2":
            found[_UNIFIED] = place
        elif kind == "cgroup":
            found.update(dict.fromkeys(options.split(","), place))
    return found


def _second_version(folder: Path) -> Usage:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    return Usage(
        memory=_less(_number(folder / "memory.current"), _table(folder / "memory.stat").get("inactive_file")),
        memory_limit=_number(folder / "memory.max"),
        memory_peak=_number(folder / "memory.peak"),
        out_of_memory_kills=_table(folder / "memory.events").get("oom_kill"),
        processes=_number(folder / "pids.current"),
        processes_limit=_number(folder / "pids.max"),
        cpus_limit=int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None,
        throttled=_throttled(_table(folder / "cpu.stat")),
    )


def _first_version(folders: Mapping[str, Path]) -> Usage:
    nowhere = Path("/nonexistent")
    memory, pids, cpu = (folders.get(name, nowhere) for name in ("memory", "pids", "cpu"))
    limit = _number(memory / "memory.limit_in_bytes")
    quota, period = _number(cpu / "cpu.cfs_quota_us"), _number(cpu / "cpu.cfs_period_us")
    inactive = _table(memory / "memory.stat").get("total_inactive_file")
    return Usage(
        memory=_less(_number(memory / "memory.usage_in_bytes"), inactive),
        memory_limit=None if limit is None or limit >= _UNLIMITED else limit,
        memory_peak=_number(memory / "memory.max_usage_in_bytes"),
        out_of_memory_kills=_table(memory / "memory.oom_control").get("oom_kill"),
        processes=_number(pids / "pids.current"),
        processes_limit=_number(pids / "pids.max"),
        cpus_limit=quota / period if quota is not None and quota > 0 and period else None,
        throttled=_throttled(_table(cpu / "cpu.stat")),
    )


def _less(used: int | None, reclaimable: int | None) -> int | None:
    """What the kernel would take back before it killed anything does not count."""
    return None if used is None else max(used - (reclaimable or 0), 0)


def _throttled(stat: Mapping[str, int]) -> float | None:
    periods = stat.get("nr_periods")
    return round(stat.get("nr_throttled", 0) / periods, 3) if periods else None


def _number(path: Path) -> int | None:
    """``max`` is no number: no limit."""
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdecimal() else None


def _table(path: Path) -> dict[str, int]:
    words = (line.split() for line in _text(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdecimal()}


def _text(path: Path) -> str:
    """Empty for what is gone, or not ours to read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
