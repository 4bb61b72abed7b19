"""Whose folder it is: a run's own folder, and those that crashed runs left behind."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.leftovers import process_ids

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


def processes_in_namespace_of(pid: int) -> list[int]:
    """All processes that share the process namespace of ``pid``: the whole container."""
    wanted = Path(f"/proc/{pid}/ns/pid").readlink()
    if wanted == Path("/proc/self/ns/pid").readlink():
        raise ValueError(f"process {pid} shares the host's process namespace: not a container's")
    found = []
    for candidate in process_ids():
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
