"""The state file as a thing on disk: whose it is, who may use it, where a damaged one goes, what an error means."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from orchestrator.errors import StoreCorrupt, StoreInUse, StoreUnavailable

COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""Files that SQLite keeps beside the database; the first can hold what the database does not have yet."""

_READING_ONLY: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_INTERRUPT})
_MEANINGS: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space"),
    sqlite3.SQLITE_READONLY: ("it is read-only", "Make the file and its directory writable for this user"),
    sqlite3.SQLITE_BUSY: ("another program has it locked", "Close the program that has it open"),
    sqlite3.SQLITE_LOCKED: ("another program has it locked", "Close the program that has it open"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Check the permissions and the free space of its directory"),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk, its quota and its free space"),
    sqlite3.SQLITE_PERM: ("access is denied", "Make the file and its directory writable for this user"),
    sqlite3.SQLITE_INTERRUPT: ("it took too long and was interrupted", "Check the load of the disk"),
}


def unavailable(path: Path, fact: str, remedy: str) -> StoreUnavailable:
    return StoreUnavailable(f"State file {path}: {fact}. {remedy}; it is used again by itself.")


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension; -1 where Python made the error itself."""
    code = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else int(code) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    return primary_code(error) in _DAMAGED


def is_passing(error: sqlite3.Error) -> bool:
    """Whether the connection is as good as before."""
    return primary_code(error) in _PASSING


def still_readable(error: sqlite3.Error) -> bool:
    """Whether what refuses writing may leave reading possible."""
    return primary_code(error) in _READING_ONLY


def meaning(error: sqlite3.Error) -> tuple[str, str]:
    """The fact and the remedy, both without a full stop."""
    fact, remedy = _MEANINGS.get(primary_code(error), ("SQLite refuses it", "Check the file with sqlite3"))
    return f"{fact} ({error})", remedy


def translated(path: Path, error: sqlite3.Error) -> StoreUnavailable:
    return unavailable(path, *meaning(error))


def refused(path: Path, error: OSError) -> StoreUnavailable:
    return unavailable(path, f"{error.strerror or error} ({error.filename or path})", "Check its directory and rights")


def prepare(path: Path) -> None:
    """Make the directory (0700) and, where there is none, an empty file (0600): what is in it concerns its user.

    A file that may not be written raises :class:`PermissionError` here, where SQLite would wait for the first write.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        if not path.is_file():
            raise unavailable(path, "it is a directory or a device, no file", "Name a file with --state")
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, "it may not be read and written", str(path))
        return
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


class Custody:
    """The right to use one state file, held by one process at a time.

    An advisory lock on a file beside it, which outlives neither the process nor :meth:`release`. It is not taken
    on the database itself: closing any descriptor of that would drop SQLite's own locks. The lock file stays,
    because removing it would let two processes lock two different ones.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def take(self, path: Path) -> None:
        """Raises :class:`StoreInUse` with the holder's process id; taking it again is fine."""
        if self._descriptor is not None:
            return
        descriptor = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreInUse(
                f"State file {path}: another orchestrator (process {holder}) uses it. "
                "Stop that one, or give this one a file of its own with --state."
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        # On a full disk the lock holds, and the process id is a courtesy.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def set_aside(path: Path, wall: float) -> Path:
    """Rename the file and its companions to ``NAME.corrupt-YYYYmmdd-HHMMSS`` (UTC), over nothing that exists.

    The companions go first: a write-ahead log must never meet the fresh database that takes the old one's place.
    """
    stamp = datetime.fromtimestamp(wall, UTC).strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    count = 1
    while any(os.path.lexists(f"{aside}{suffix}") for suffix in ("", *COMPANIONS)):
        count += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{count}")
    try:
        for suffix in (*COMPANIONS, ""):
            if os.path.lexists(f"{path}{suffix}"):
                Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    except OSError as error:
        raise StoreCorrupt(
            f"State file {path}: it is damaged or no database, and cannot be set aside ({error.strerror}). "
            f"Move it away by hand, or make its directory writable; it is used again by itself."
        ) from error
    return aside
