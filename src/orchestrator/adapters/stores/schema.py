"""How a state file is told from other files, whether it is sound, and its tables."""

from __future__ import annotations

import sqlite3
from typing import Final

APPLICATION: Final = 0x4F524348
"""SQLite's application id, ``ORCH``: how our files are told from other programs'."""
SCHEMA_VERSION: Final = 2

_LOG_LIMIT: Final = 4 * 1024 * 1024
"""Bytes to which the write-ahead log shrinks back."""
_STEPS: Final = (
    (
        "CREATE TABLE services (name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE events (sequence INTEGER PRIMARY KEY, service TEXT NOT NULL, document TEXT NOT NULL)",
        "CREATE INDEX events_by_service ON events (service, sequence)",
    ),
    (
        "CREATE TABLE incidents (id INTEGER PRIMARY KEY, status TEXT NOT NULL, changed_at REAL NOT NULL, "
        "summary TEXT NOT NULL, details TEXT NOT NULL)",
        "CREATE TABLE histories (service TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID",
    ),
)
"""What brings a file from each version to the next, from an empty one on."""


class Damaged(Exception):
    """The check found damage; the text is SQLite's."""


class Foreign(Exception):
    """Sound, and not ours to touch."""

    def __init__(self, fact: str, remedy: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.remedy = remedy


def recognise(connection: sqlite3.Connection) -> None:
    """Raises :class:`Foreign` for a file of another program, or of a later version of this one."""
    tables = number(connection, "SELECT count(*) FROM sqlite_master")
    application = number(connection, "PRAGMA application_id")
    version = version_of(connection)
    if (tables or version or application) and application != APPLICATION:
        raise Foreign("it is the database of another program, left as it is", "Name another file with --state")
    if version > SCHEMA_VERSION:
        raise Foreign(
            f"it was written by a newer version (schema {version}, known here: {SCHEMA_VERSION}), left as it is",
            "Install that version again, or name another file with --state",
        )


def check(connection: sqlite3.Connection, *, thoroughly: bool) -> None:
    """Raises :class:`Damaged`. ``thoroughly`` also compares the indexes with their tables."""
    pragma = "integrity_check" if thoroughly else "quick_check"
    found = connection.execute(f"PRAGMA {pragma}(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(str(found))


def build(connection: sqlite3.Connection) -> None:
    """Make the tables that a new file, or one of an earlier version, lacks. One that has them all is not written to:
    the disk may be full."""
    # Where the file system cannot share memory SQLite stays with its rollback journal, which survives as much.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
    version = version_of(connection)
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in (each for step in _STEPS[version:] for each in step):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def version_of(connection: sqlite3.Connection) -> int:
    """Of a file that cannot be written to, an earlier one is read as it is."""
    return number(connection, "PRAGMA user_version")


def number(connection: sqlite3.Connection, query: str) -> int:
    """The only value of the only row."""
    return int(connection.execute(query).fetchone()[0])
