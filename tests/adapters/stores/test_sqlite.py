"""What only a file can suffer: damage, wrong owners, full and missing disks, other programs, a second orchestrator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.stores import SqliteStore
from orchestrator.adapters.stores.database import PRUNED_AT_ONCE
from orchestrator.core.model import Instant
from orchestrator.errors import StoreCorrupt, StoreUnavailable
from orchestrator.ports import StateStore
from tests.adapters.stores.contract import DB, WEB, event, sequences

NOBODY = 65534
WALL = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""


class StoppedClock:
    def now(self) -> Instant:
        return Instant(0.0, WALL)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "orchestrator.db"


def play(path: Path, story: Callable[[SqliteStore], Awaitable[None]], **options: float) -> None:
    async def played() -> None:
        store = SqliteStore(path, StoppedClock(), **options)  # type: ignore[arg-type]
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(played())


def fill(path: Path, events: int = 3) -> None:
    async def story(store: SqliteStore) -> None:
        await store.open()
        await store.write({"web": WEB, "db": DB}, [event(n) for n in range(1, events + 1)])

    play(path, story)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_beside(path: Path) -> set[str]:
    return {each.name for each in path.parent.iterdir()} - {f"{path.name}.lock"}


async def refusal(store: StateStore) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await store.open()
    assert store.location in str(caught.value)
    return str(caught.value)


async def assert_usable(store: StateStore) -> None:
    await store.write({"probe": WEB}, [event(9000)])
    assert (await store.open()).services["probe"] == WEB
    assert sequences(await store.events(1)) == [9000]


# --- the file itself -----------------------------------------------------------------------------------------


def test_the_directory_and_every_file_are_for_their_user_only(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await store.open()
        await store.write({"web": WEB}, [])
        assert permissions(path.parent) == 0o700
        assert {permissions(each) for each in path.parent.iterdir()} == {0o600}

    play(path, story)


def test_an_existing_files_permissions_are_left_to_their_user(path: Path) -> None:
    fill(path)
    path.chmod(0o640)
    fill(path)
    assert permissions(path) == 0o640


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()

    async def story(store: SqliteStore) -> None:
        assert (await store.open()).notice == ""
        await assert_usable(store)

    play(path, story)


def test_a_file_behind_a_link_stays_where_it_is(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    fill(link)
    assert link.is_symlink()
    assert path.is_file()


def test_events_beyond_the_retention_are_forgotten_oldest_first(path: Path) -> None:
    newest = 3 * PRUNED_AT_ONCE

    async def story(store: SqliteStore) -> None:
        await store.open()
        for first in range(1, newest, 500):
            await store.write({}, [event(n) for n in range(first, first + 500)])
        left = sequences(await store.events(10 * newest))
        assert left == list(range(newest, newest - len(left), -1))
        assert 100 <= len(left) < 100 + PRUNED_AT_ONCE

    play(path, story, retained_events=100)


# --- damage --------------------------------------------------------------------------------------------------


def damage(path: Path, start: int = 4096) -> None:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(start)
        file.write(b"\xa5" * (size - start))


def test_a_file_that_is_no_database_is_set_aside_and_never_deleted(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("my precious shopping list\n" * 100)

    async def story(store: SqliteStore) -> None:
        kept = await store.open()
        aside = path.with_name(f"{path.name}.corrupt-20260101-000000")
        assert kept.services == {}
        assert str(aside) in kept.notice
        assert aside.read_text().startswith("my precious shopping list")
        assert (await store.open()).notice == "", "told once"
        await assert_usable(store)

    play(path, story)


def test_a_damaged_database_is_set_aside_with_its_log(path: Path) -> None:
    fill(path, events=500)
    damage(path)
    Path(f"{path}-wal").write_bytes(b"the log of the damaged one")

    async def story(store: SqliteStore) -> None:
        assert ".corrupt-20260101-000000" in (await store.open()).notice
        aside = path.with_name(f"{path.name}.corrupt-20260101-000000")
        assert b"\xa5" * 100 in aside.read_bytes()
        await assert_usable(store)

    play(path, story)


def test_damage_twice_in_one_second_overwrites_nothing(path: Path) -> None:
    path.parent.mkdir()
    for text in ("first", "second", "third"):
        path.write_text(text * 1000)
        fill(path)
    aside = f"{path.name}.corrupt-20260101-000000"
    assert {aside, f"{aside}-2", f"{aside}-3"} <= names_beside(path)
    assert path.with_name(f"{aside}-2").read_text().startswith("second")


def test_damage_found_in_use_costs_that_call_and_the_next_one_has_a_new_file(path: Path) -> None:
    fill(path)

    async def story(store: SqliteStore) -> None:
        await store.open()
        for first in range(10, 3010, 100):  # more than SQLite has in its cache
            await store.write({}, [event(n, "x" * 2000) for n in range(first, first + 100)])
        damage(path)
        with pytest.raises(StoreUnavailable, match=str(path)):
            await store.events(10_000)
        kept = await store.open()
        assert "set aside as" in kept.notice
        assert kept.services == {}
        assert any(".corrupt-" in name for name in names_beside(path))
        await assert_usable(store)

    play(path, story)


def test_damage_that_cannot_be_set_aside_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 235)  # the name it would get is longer than file systems allow
    path.write_text("no database" * 1000)

    async def story(store: SqliteStore) -> None:
        with pytest.raises(StoreCorrupt, match="cannot be set aside"):
            await store.open()
        assert path.read_text().startswith("no database")
        path.unlink()
        await store.open()
        await assert_usable(store)

    play(path, story)


@pytest.mark.parametrize("text", ["{", "[1]", "7", '"word"', "[" * 100_000, b"\xff\xfe"])
def test_a_row_that_somebody_spoiled_costs_only_itself(path: Path, text: str | bytes) -> None:
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as hand, hand:
        hand.execute("UPDATE services SET document = ? WHERE name = 'db'", (text,))
        hand.execute("UPDATE events SET document = ? WHERE sequence = 2", (text,))

    async def story(store: SqliteStore) -> None:
        kept = await store.open()
        assert kept.services == {"web": WEB}
        assert "db" in kept.notice
        assert sequences(await store.events(9)) == [3, 1]
        await assert_usable(store)

    play(path, story)


# --- files of others -----------------------------------------------------------------------------------------


def test_the_database_of_another_program_is_refused_and_untouched(path: Path) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE dashboards (title TEXT)")
    before = path.read_bytes()

    async def story(store: SqliteStore) -> None:
        assert "another program" in await refusal(store)
        assert path.read_bytes() == before
        path.unlink()
        await store.open()
        await assert_usable(store)

    play(path, story)


def test_a_file_of_a_newer_version_is_refused_and_untouched(path: Path) -> None:
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 7")
    before = path.read_bytes()

    async def story(store: SqliteStore) -> None:
        assert "newer version (schema 7" in await refusal(store)
        with pytest.raises(StoreUnavailable):
            await store.write({"web": DB}, [])
        assert path.read_bytes() == before

    play(path, story)


def test_two_orchestrators_never_share_a_file(path: Path) -> None:
    async def story(first: SqliteStore) -> None:
        await first.open()
        second = SqliteStore(path, StoppedClock())
        words = await refusal(second)
        assert f"another orchestrator (process {os.getpid()})" in words
        with pytest.raises(StoreUnavailable):
            await second.write({"web": DB}, [])
        await first.write({"web": WEB}, [])
        await first.close()
        assert (await second.open()).services == {"web": WEB}
        await second.close()

    play(path, story)


def test_a_directory_in_the_files_place_is_said_and_the_file_used_once_it_is_gone(path: Path) -> None:
    path.mkdir(parents=True)

    async def story(store: SqliteStore) -> None:
        assert "is a directory" in await refusal(store)
        path.rmdir()
        await store.open()
        await assert_usable(store)

    play(path, story)


def test_a_file_in_the_directorys_place_is_said(path: Path) -> None:
    path.parent.write_text("not a directory")

    async def story(store: SqliteStore) -> None:
        assert await refusal(store)
        path.parent.unlink()
        await store.open()
        await assert_usable(store)

    play(path, story)


def test_a_lock_held_by_another_program_ends_in_words_and_is_waited_out(path: Path) -> None:
    fill(path)

    async def story(store: SqliteStore) -> None:
        await store.open()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="another program has it locked"):
            await store.write({"web": DB}, [event(4)])
        assert sequences(await store.events(9)) == [3, 2, 1], "reading goes on"
        other.close()
        await assert_usable(store)

    play(path, story)


def test_a_call_that_takes_too_long_is_given_up_and_no_other_piles_up_behind_it(path: Path) -> None:
    fill(path)

    async def story(store: SqliteStore) -> None:
        await store.open()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"has not answered within 0\.5 s"):
            await store.write({"web": DB}, [event(4)])
        with pytest.raises(StoreUnavailable, match="has not answered"):
            store.events(9).send(None)  # refused in the same turn of the loop, without waiting
        other.close()
        while True:
            with contextlib.suppress(StoreUnavailable):
                await assert_usable(store)
                return
            await asyncio.sleep(0)

    play(path, story, deadline=0.5)


# --- disks ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """No file grows any more: for this process, what a quota is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_file_that_may_not_grow_keeps_what_it_has_and_grows_again_later(path: Path) -> None:
    fill(path)

    async def story(store: SqliteStore) -> None:
        await store.open()
        with file_size_limit(64 * 1024):
            with pytest.raises(StoreUnavailable, match="disk"):
                await store.write({"web": {"filler": "x" * 200_000}}, [event(4)])
            assert (await store.open()).services == {"web": WEB, "db": DB}
            assert sequences(await store.events(9)) == [3, 2, 1]
        await store.write({"web": {"filler": "x" * 200_000}}, [event(4)])
        assert sequences(await store.events(9)) == [4, 3, 2, 1]

    play(path, story)


def test_a_file_deleted_in_use_is_made_anew_after_saying_so(path: Path) -> None:
    fill(path)

    async def story(store: SqliteStore) -> None:
        await store.open()
        path.unlink()
        with pytest.raises(StoreUnavailable, match="moved or deleted"):
            await store.write({"web": DB}, [event(4)])
        assert (await store.open()).services == {}
        await store.write({"web": DB}, [event(4)])

    async def next_process(store: SqliteStore) -> None:
        kept = await store.open()
        assert (kept.services, kept.last_sequence) == ({"web": DB}, 4)

    play(path, story)
    play(path, next_process)


@pytest.fixture
def guarded() -> Iterator[Path]:
    """A state file whose directory an unprivileged user owns; root's rights would see no permissions at all."""
    directory = Path(tempfile.mkdtemp(prefix="orchestrator-test-"))
    try:
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        yield directory / "state.db"
    finally:
        directory.chmod(0o700)
        shutil.rmtree(directory)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_directory_is_read_from_and_written_to_when_it_may_be_again(guarded: Path) -> None:
    with unprivileged():
        fill(guarded)
        guarded.with_name("state.db.lock").unlink()
        guarded.parent.chmod(0o500)

        async def story(store: SqliteStore) -> None:
            kept = await store.open()
            assert kept.services == {"web": WEB, "db": DB}, "a disabled service must not be forgotten"
            assert str(guarded) in kept.notice
            with pytest.raises(StoreUnavailable, match="Permission denied"):
                await store.write({"web": DB}, [event(4)])
            assert sequences(await store.events(9)) == [3, 2, 1]
            guarded.parent.chmod(0o700)
            await assert_usable(store)

        play(guarded, story)


def test_a_read_only_file_is_read_from_and_written_to_when_it_may_be_again(guarded: Path) -> None:
    with unprivileged():
        fill(guarded)
        guarded.chmod(0o400)

        async def story(store: SqliteStore) -> None:
            kept = await store.open()
            assert kept.services == {"web": WEB, "db": DB}
            assert "may not be read and written" in kept.notice
            with pytest.raises(StoreUnavailable, match="may not be read and written"):
                await store.write({"web": DB}, [event(4)])
            assert sequences(await store.events(9)) == [3, 2, 1]
            guarded.chmod(0o600)
            await assert_usable(store)

        play(guarded, story)


def test_a_directory_that_may_not_be_entered_is_said(guarded: Path) -> None:
    with unprivileged():
        fill(guarded)
        guarded.parent.chmod(0o000)

        async def story(store: SqliteStore) -> None:
            assert "Permission denied" in await refusal(store)
            guarded.parent.chmod(0o700)
            assert (await store.open()).services == {"web": WEB, "db": DB}
            await assert_usable(store)

        play(guarded, story)
