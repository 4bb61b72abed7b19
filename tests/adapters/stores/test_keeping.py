"""State files of the first version, and what is kept of incidents for how long."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from orchestrator.adapters.stores import SqliteStore
from orchestrator.adapters.stores.documents import RETAINED_DAYS, RETAINED_INCIDENTS
from orchestrator.adapters.stores.incidents import read_histories, read_one, read_open, read_summaries
from orchestrator.core.model import Instant
from tests.adapters.stores.contract import incident


class SteppedClock:
    def __init__(self) -> None:
        self.wall = 1_767_225_600.0

    def now(self) -> Instant:
        return Instant(0.0, self.wall)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orchestrator.db"


def play(path: Path, story: Callable[[SqliteStore], Awaitable[None]], clock: SteppedClock) -> None:
    async def played() -> None:
        store = SqliteStore(path, clock)
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(played())


FIRST_VERSION = """
CREATE TABLE services (name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (sequence INTEGER PRIMARY KEY, service TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX events_by_service ON events (service, sequence);
INSERT INTO services VALUES ('web', '{"status":"running"}');
INSERT INTO events VALUES (7, 'web', '{"sequence":7}');
PRAGMA application_id = 1330791240;
PRAGMA user_version = 1;
"""


def of_the_first_version(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as older:
        older.executescript(FIRST_VERSION)


def test_a_file_of_the_first_version_is_carried_over(path: Path) -> None:
    of_the_first_version(path)

    async def story(store: SqliteStore) -> None:
        kept = await store.open()
        assert (kept.services, kept.last_sequence) == ({"web": {"status": "running"}}, 7)
        assert (kept.incidents, kept.last_incident, kept.histories) == ([], 0, {})
        await store.write({}, [], incidents=[incident(1)], histories={"web": {"segments": []}})
        kept = await store.open()
        assert list(kept.incidents) == [incident(1)]
        assert (kept.services, kept.last_sequence) == ({"web": {"status": "running"}}, 7)

    play(path, story, SteppedClock())


def test_a_file_of_the_first_version_that_cannot_be_written_is_read_as_it_is(path: Path) -> None:
    of_the_first_version(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert (read_open(connection), read_histories(connection)) == (([], 0), {})
        assert read_summaries(connection, 9, None, None, None) == []
        assert read_one(connection, 1) is None


def test_closed_incidents_are_dropped_by_number_and_by_age_and_open_ones_never(path: Path) -> None:
    clock = SteppedClock()

    async def story(store: SqliteStore) -> None:
        await store.open()
        old = [incident(1), *(incident(n, "closed") for n in range(2, RETAINED_INCIDENTS + 12))]
        await store.write({}, [], incidents=old)
        listed = await store.incidents(5000)
        assert len(listed) == RETAINED_INCIDENTS + 1
        assert (listed[-1]["id"], listed[-2]["id"]) == (1, 12)
        clock.wall += (RETAINED_DAYS + 1) * 86_400
        await store.write({}, [], incidents=[incident(1)])
        assert [each["id"] for each in await store.incidents(5000)] == [RETAINED_INCIDENTS + 11, 1]
        assert (await store.open()).last_incident == RETAINED_INCIDENTS + 11

    play(path, story, clock)
