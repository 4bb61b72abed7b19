"""The incidents and the histories in an SQLite file: its tables of version 2, for :class:`Database`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from orchestrator.adapters.stores import schema
from orchestrator.adapters.stores.documents import (
    RETAINED_DAYS,
    RETAINED_INCIDENTS,
    bounded,
    concerns,
    decoded,
    encoded,
    plain,
)
from orchestrator.ports import Document, IncidentRecord

_KEEP: Final = (
    "INSERT INTO incidents VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
    "changed_at = excluded.changed_at, summary = excluded.summary, details = excluded.details"
)
_PRUNE: Final = (
    "DELETE FROM incidents WHERE status = 'closed' AND id < (SELECT max(id) FROM incidents) AND (changed_at < ? OR id "
    "<= (SELECT id FROM incidents WHERE status = 'closed' ORDER BY id DESC LIMIT 1 OFFSET ?))"
)
"""Never the newest: the next one is numbered after it."""
_KEEP_HISTORY: Final = (
    "INSERT INTO histories VALUES (?, ?) ON CONFLICT (service) DO UPDATE SET document = excluded.document"
)
_FORGET_HISTORY: Final = "DELETE FROM histories WHERE service = ?"
_PAGE: Final = 100
_DAY: Final = 86_400.0

Row = tuple[int, str, float, str, str]


def rows_of(incidents: Sequence[IncidentRecord], wall: float) -> list[Row]:
    """``wall``: now."""
    return [
        (bounded(each.id), str(each.summary.get("status")), wall, encoded(each.summary), encoded(each.details))
        for each in incidents
    ]


def write(connection: sqlite3.Connection, rows: Sequence[Row], wall: float) -> None:
    """Within a transaction."""
    if rows:
        connection.executemany(_KEEP, rows)
        connection.execute(_PRUNE, (wall - RETAINED_DAYS * _DAY, RETAINED_INCIDENTS))


def write_histories(connection: sqlite3.Connection, histories: Mapping[str, str | None]) -> None:
    """``None``: forget it."""
    connection.executemany(_KEEP_HISTORY, [(name, text) for name, text in histories.items() if text is not None])
    connection.executemany(_FORGET_HISTORY, [(name,) for name, text in histories.items() if text is None])


def histories_text(histories: Mapping[str, Document | None]) -> dict[str, str | None]:
    return {plain(name): None if each is None else encoded(each) for name, each in histories.items()}


def read_open(connection: sqlite3.Connection) -> tuple[list[IncidentRecord], int]:
    """The open ones, oldest first, and the highest number given; what cannot be read is left out."""
    if schema.version_of(connection) < schema.SCHEMA_VERSION:
        return [], 0
    rows = connection.execute("SELECT id, summary, details FROM incidents WHERE status = 'open' ORDER BY id").fetchall()
    last = schema.number(connection, "SELECT coalesce(max(id), 0) FROM incidents")
    return [record for record in (_record(*row) for row in rows) if record is not None], last


def read_histories(connection: sqlite3.Connection) -> dict[str, Document]:
    if schema.version_of(connection) < schema.SCHEMA_VERSION:
        return {}
    read = ((name, decoded(text)) for name, text in connection.execute("SELECT service, document FROM histories"))
    return {name: document for name, document in read if document is not None}


def read_one(connection: sqlite3.Connection, number: int) -> IncidentRecord | None:
    if schema.version_of(connection) < schema.SCHEMA_VERSION:
        return None
    query = "SELECT id, summary, details FROM incidents WHERE id = ?"
    row = connection.execute(query, (bounded(number),)).fetchone()
    return None if row is None else _record(*row)


def read_summaries(
    connection: sqlite3.Connection, limit: int, before: int | None, service: str | None, status: str | None
) -> list[Document]:
    """Newest first. Of one service: reads through all of them at the most, which are bounded."""
    if schema.version_of(connection) < schema.SCHEMA_VERSION:
        return []
    found: list[Document] = []
    below = bounded(10**30 if before is None else before)
    query = "SELECT id, summary FROM incidents WHERE id < ? AND (? IS NULL OR status = ?) ORDER BY id DESC LIMIT ?"
    while len(found) < limit:
        rows = connection.execute(query, (below, status, status, _PAGE)).fetchall()
        read = (decoded(text) for _, text in rows)
        found.extend(each for each in read if each is not None and concerns(each, service))
        if len(rows) < _PAGE:
            break
        below = rows[-1][0]
    return found[: max(limit, 0)]


def _record(number: int, summary: str, details: str) -> IncidentRecord | None:
    head, rest = decoded(summary), decoded(details)
    return None if head is None else IncidentRecord(number, head, rest or {})
