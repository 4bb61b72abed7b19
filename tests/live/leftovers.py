"""Removal of everything that belongs to a folder: its processes, its mounts, its files.

Used at the end of a run, and by the next run for one that crashed. A process belongs to the folder when its command
line names it, which the unique name of the folder makes certain.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "orchestrator-live-"


def new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / "owner").write_text(_identity(os.getpid()))
    return folder


def abandoned_folders() -> Iterator[Path]:
    """Folders of earlier runs whose owner is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            owner = (folder / "owner").read_text()
            if _identity(int(owner.split()[0])) != owner:
                yield folder


def dispose(folder: Path) -> None:
    """End the folder's processes and their descendants, by their ids, release its mounts, and delete it."""
    deadline = time.monotonic() + 10
    while (doomed := _processes_of(folder)) and time.monotonic() < deadline:
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for mount in sorted(_mounts_under(folder), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, timeout=10, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def processes_in_namespace_of(pid: int) -> list[int]:
    """All processes that share the process namespace of ``pid``: the whole container."""
    wanted = Path(f"/proc/{pid}/ns/pid").readlink()
    if wanted == Path("/proc/self/ns/pid").readlink():
        raise ValueError(f"process {pid} shares the host's process namespace: not a container's")
    found = []
    for candidate in _pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if Path(f"/proc/{candidate}/ns/pid").readlink() == wanted:
                found.append(candidate)
    return found


def _identity(pid: int) -> str:
    """A process id and its start time, for the id alone is reused; empty: no such process, or a zombie."""
    try:
        state, *figures = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return ""
    return "" if state == "Z" else f"{pid} {figures[18]}"


def _processes_of(folder: Path) -> set[int]:
    parents: dict[int, int] = {}
    named = set()
    for pid in _pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            if state == "Z":
                continue
            parents[pid] = int(parent)
            if os.fsencode(folder) in command:
                named.add(pid)
    named.discard(os.getpid())
    while more := {pid for pid, parent in parents.items() if parent in named} - named:
        named |= more
    return named


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _mounts_under(folder: Path) -> list[str]:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [mount for mount in mounts if mount.startswith(f"{folder}/")]
