"""The state in an SQLite file, synchronously and from one thread: :class:`Database`.

``synchronous=NORMAL`` with a write-ahead log: a commit is in the kernel's hands when it returns, so it survives the
death of this process at any moment, and a power cut never damages the file. What a power cut can take are the last
commits before it, and it ends every run that they tell of; an fsync for each change would wear out the SD cards and
stall on the busy disks that small machines have, to save just that.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from orchestrator.adapters.stores import custody, incidents, schema
from orchestrator.adapters.stores.documents import bounded, decoded, encoded, plain
from orchestrator.errors import StoreUnavailable
from orchestrator.ports import Clock, Document, EventRecord, IncidentRecord, Kept

PRUNED_AT_ONCE: Final = 1000
"""Events by which the file may exceed its limit, so that not every write has to prune."""

_LOCK_PATIENCE: Final = 1.0
"""Seconds left to another program (a backup, a person with sqlite3) that has the file locked."""
# Ways to open the file: URI parameters and locking mode.
_WRITING: Final = ("mode=rw", "NORMAL")
_NO_LOG: Final = ("mode=ro&immutable=1", "NORMAL")
"""Touches nothing but the database itself; would not see what only a write-ahead log has."""
_FULL_DISK: Final = ("mode=rw", "EXCLUSIVE")
"""With exclusive locking, set before the first access, the log's index is in memory and needs no new file."""
_READ_ONLY_DISK: Final = ("mode=ro", "NORMAL")
"""Reads a log whose index a killed process left beside it."""
_FORGET_SERVICE: Final = "DELETE FROM services WHERE name = ?"
_KEEP_SERVICE: Final = (
    "INSERT INTO services VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document"
)
_APPEND_EVENT: Final = "INSERT INTO events VALUES (?, ?, ?) ON CONFLICT (sequence) DO NOTHING"


class Database:
    """One state file. Raises only :class:`StoreError`; after most errors the next use starts afresh from the file."""

    def __init__(self, path: Path, clock: Clock, retained_events: int) -> None:
        self._named = path
        self._path = path
        self._clock = clock
        self._retained = retained_events
        self._custody = custody.Custody()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._writes = False
        self._suspect = False
        self._notice = ""
        self._oldest = 0

    def open(self) -> Kept:
        """Everything kept, but events and closed incidents. What cannot be written any more is still read, and
        ``notice`` says so."""
        with self._edge():
            notice = ""
            try:
                connection = self._writable()
            except (sqlite3.Error, OSError) as error:
                connection = self._reading(error)
                notice = f"Kept state was read, but nothing can be written. {self._words(error)}"
            return self._kept(connection, notice)

    def write(
        self,
        services: Mapping[str, Document | None],
        events: Sequence[EventRecord],
        opened: Sequence[IncidentRecord],
        histories: Mapping[str, Document | None],
        wall: float,
    ) -> None:
        """``wall``: now."""
        incident_rows, history_texts = incidents.rows_of(opened, wall), incidents.histories_text(histories)
        service_rows = [(plain(name), encoded(document)) for name, document in services.items() if document is not None]
        forgotten = [(plain(name),) for name, document in services.items() if document is None]
        event_rows = [(event.sequence, plain(event.service), encoded(event.document)) for event in events]
        with self._edge():
            if self._connection is not None and self._writes and not self._is_in_place():
                self._drop()
                raise custody.unavailable(self._named, "it was moved or deleted while in use", "A new one is made")
            connection = self._writable()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_KEEP_SERVICE, service_rows)
            connection.executemany(_FORGET_SERVICE, forgotten)
            connection.executemany(_APPEND_EVENT, event_rows)
            incidents.write(connection, incident_rows, wall)
            incidents.write_histories(connection, history_texts)
            if events:
                self._prune(connection, max(event.sequence for event in events))
            connection.execute("COMMIT")

    def events(self, limit: int, service: str | None, before: int | None, since: int | None) -> list[EventRecord]:
        conditions, values = ["TRUE"], list[str | int]()
        if service is not None:
            conditions.append("service = ?")
            values.append(plain(service))
        if before is not None:
            conditions.append("sequence < ?")
            values.append(bounded(before))
        if since is not None:
            conditions.append("sequence > ?")
            values.append(bounded(since))
        query = (
            f"SELECT sequence, service, document FROM events WHERE {' AND '.join(conditions)} "  # noqa: S608 - constants
            "ORDER BY sequence DESC LIMIT ?"
        )
        with self._edge():
            rows = self._readable().execute(query, (*values, bounded(max(limit, 0)))).fetchall()
        read = ((sequence, name, decoded(text)) for sequence, name, text in rows)
        return [EventRecord(sequence, name, document) for sequence, name, document in read if document is not None]

    def incidents(self, limit: int, before: int | None, service: str | None, status: str | None) -> list[Document]:
        with self._edge():
            return incidents.read_summaries(self._readable(), limit, before, service, status)

    def incident(self, number: int) -> IncidentRecord | None:
        with self._edge():
            return incidents.read_one(self._readable(), number)

    def interrupt(self) -> None:
        """From any thread: whatever runs now ends with an error."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(sqlite3.ProgrammingError):  # closed by its own thread in the meantime
                connection.interrupt()

    def close(self) -> None:
        self._drop()
        self._custody.release()

    # --- connections -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _edge(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._suspect = self._suspect or custody.is_damage(error)
            self._recover(error)
            raise custody.translated(self._named, error) from error
        except schema.Damaged as error:
            self._drop()
            raise custody.unavailable(self._named, f"it is damaged ({error})", "Move it away") from error
        except schema.Foreign as error:
            self._drop()
            raise custody.unavailable(self._named, error.fact, error.remedy) from error
        except OSError as error:
            self._drop()
            raise custody.refused(self._named, error) from error

    def _recover(self, error: sqlite3.Error) -> None:
        """Leave no transaction open; keep the connection where it is as good as before, since reading goes on."""
        if self._connection is None or self._file is None or not custody.is_passing(error):
            self._drop()
        elif self._connection.in_transaction:
            self._connection.rollback()

    def _words(self, error: sqlite3.Error | OSError) -> StoreUnavailable:
        if isinstance(error, OSError):
            return custody.refused(self._named, error)
        return custody.translated(self._named, error)

    def _writable(self) -> sqlite3.Connection:
        if self._connection is not None and self._writes and self._is_in_place():
            return self._connection
        self._drop()
        self._path = self._named.resolve()
        custody.prepare(self._path)
        self._custody.take(self._path)
        try:
            return self._adopt(self._connect(_WRITING), writes=True)
        except (schema.Damaged, sqlite3.DatabaseError) as error:
            if not isinstance(error, schema.Damaged) and not custody.is_damage(error):
                raise
            self._drop()
            aside = custody.set_aside(self._path, self._clock.now().wall)
            self._suspect = False
            self._notice = (
                f"State file {self._named} was damaged or no database ({error}): it was set aside as {aside}, "
                "and a new one was made."
            )
        custody.prepare(self._path)
        return self._adopt(self._connect(_WRITING), writes=True)

    def _reading(self, refusal: sqlite3.Error | OSError) -> sqlite3.Connection:
        """A connection for when nothing can be written, not even the shared memory that a WAL reader needs."""
        if isinstance(refusal, sqlite3.Error) and not custody.still_readable(refusal):
            raise refusal
        log = Path(f"{self._path}-wal")
        ways = [_FULL_DISK, _READ_ONLY_DISK]
        if not log.exists() or not log.stat().st_size:
            ways.insert(0, _NO_LOG)
        for way in ways:
            self._drop()
            try:
                return self._adopt(self._connect(way), writes=False)
            except (sqlite3.Error, schema.Damaged):
                continue
        raise refusal

    def _readable(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_in_place():
            return self._connection
        try:
            return self._writable()
        except (sqlite3.Error, OSError) as error:
            return self._reading(error)

    def _connect(self, way: tuple[str, str]) -> sqlite3.Connection:
        parameters, locking = way
        address = f"{self._path.as_uri()}?{parameters}"
        connection = sqlite3.connect(address, uri=True, timeout=_LOCK_PATIENCE, isolation_level=None)
        connection.execute(f"PRAGMA locking_mode = {locking}")
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        return connection

    def _adopt(self, connection: sqlite3.Connection, *, writes: bool) -> sqlite3.Connection:
        """Check it, and use it from now on."""
        self._connection, self._writes = connection, writes
        schema.recognise(connection)
        schema.check(connection, thoroughly=self._suspect)
        self._suspect = False
        if writes:
            schema.build(connection)
        self._oldest = schema.number(connection, "SELECT coalesce(min(sequence), 0) FROM events")
        status = self._path.stat()
        self._file = (status.st_dev, status.st_ino)
        return connection

    def _is_in_place(self) -> bool:
        try:
            status = self._path.stat()
        except OSError:
            return False
        return self._file == (status.st_dev, status.st_ino)

    def _drop(self) -> None:
        connection, self._connection, self._file = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    # --- contents --------------------------------------------------------------------------------------------

    def _kept(self, connection: sqlite3.Connection, notice: str) -> Kept:
        rows = connection.execute("SELECT name, document FROM services").fetchall()
        read = {name: decoded(text) for name, text in rows}
        services = {name: document for name, document in read.items() if document is not None}
        last = schema.number(connection, "SELECT coalesce(max(sequence), 0) FROM events")
        notices = [self._notice, notice]
        if len(services) < len(read):
            unread = ", ".join(sorted(read.keys() - services.keys()))
            notices.append(f"State file {self._named}: what it keeps of {unread} cannot be read and is begun anew.")
        self._notice = ""
        opened, last_incident = incidents.read_open(connection)
        return Kept(
            services,
            last,
            " ".join(filter(None, notices)),
            opened,
            last_incident,
            incidents.read_histories(connection),
        )

    def _prune(self, connection: sqlite3.Connection, newest: int) -> None:
        oldest_wanted = newest - self._retained + 1
        if oldest_wanted - self._oldest >= PRUNED_AT_ONCE:
            connection.execute("DELETE FROM events WHERE sequence < ?", (oldest_wanted,))
            self._oldest = oldest_wanted
