"""What processes used, by the kernel's accounts."""

from __future__ import annotations

import contextlib
from pathlib import Path

MEGABYTE = 1e6
GROUPS = Path("/sys/fs/cgroup")


def processor_seconds(pid: int) -> float:
    """Of all threads of a process that live, to the nanosecond."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    raise ProcessLookupError(f"process {pid} is gone")


class Account:
    """A control group: all that its processes and all their descendants use, those that ended too."""

    def __init__(self, name: str) -> None:
        self.name = name
        accounting = GROUPS / "cpuacct"
        self._folder = (accounting if accounting.is_dir() else GROUPS) / name

    def enrol(self, pid: int) -> None:
        """A running process; what it starts from now on is counted with it."""
        group = self._folder / "engine"
        group.mkdir(parents=True, exist_ok=True)
        (group / "cgroup.procs").write_text(str(pid))

    def spent(self) -> float:
        """Processor seconds so far."""
        version_1 = self._folder / "cpuacct.usage"
        if version_1.exists():
            return int(version_1.read_text()) / 1e9
        words = (self._folder / "cpu.stat").read_text().split()
        return int(words[words.index("usage_usec") + 1]) / 1e6

    def close(self) -> None:
        """Remove it, and the groups of the same name that an engine made for other resources. Nobody may be left."""
        for group in (GROUPS / self.name, *GROUPS.glob(f"*/{self.name}")):
            if group.is_dir():
                for folder in sorted((one for one in group.rglob("*") if one.is_dir()), reverse=True):
                    folder.rmdir()
                group.rmdir()
