"""Removal of everything that belongs to a folder: its processes, its mounts, its files.

A process belongs to the folder when its command line names it, which a unique name of the folder makes certain.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


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


def _processes_of(folder: Path) -> set[int]:
    parents: dict[int, int] = {}
    named = set()
    for pid in process_ids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            if state == "Z":
                continue
            parents[pid] = int(parent)
            if os.fsencode(folder) in command:
                named.add(pid)
    # neither ourselves nor the shell whose command line names the folder because it called us
    own: int | None = os.getpid()
    while own is not None:
        named.discard(own)
        own = parents.get(own)
    while more := {pid for pid, parent in parents.items() if parent in named} - named:
        named |= more
    return named


def process_ids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _mounts_under(folder: Path) -> list[str]:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [mount for mount in mounts if mount.startswith(f"{folder}/")]
