"""The embedded store against the real thing: SIGKILL at any moment, a disk that is full, a disk that is read-only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from orchestrator.adapters.stores import SqliteStore
from orchestrator.core.model import Instant
from orchestrator.errors import StoreUnavailable
from orchestrator.ports import Document, EventRecord

KILLS = 20
EVENTS_A_BATCH = 7
SERVICES = 5
RETAINED = 2000
"""Small, so that kills also hit the pruning of old events."""

WRITER = f"""
import asyncio, pathlib, sys
from orchestrator.adapters.stores import SqliteStore
from orchestrator.core.model import Instant
from orchestrator.ports import EventRecord

class Clock:
    def now(self):
        return Instant(0.0, 0.0)

async def main():
    store = SqliteStore(pathlib.Path(sys.argv[1]), Clock(), retained_events={RETAINED})
    sequence = (await store.open()).last_sequence
    while True:
        batch = range(sequence + 1, sequence + 1 + {EVENTS_A_BATCH})
        sequence += {EVENTS_A_BATCH}
        await store.write(
            {{f"service-{{n}}": {{"batch": sequence, "filler": "x" * 300}} for n in range({SERVICES})}},
            [EventRecord(n, f"service-{{n % {SERVICES}}}", {{"sequence": n}}) for n in batch],
        )
        print(sequence, flush=True)

asyncio.run(main())
"""


class StoppedClock:
    def now(self) -> Instant:
        return Instant(0.0, 1_767_225_600.0)


def play(path: Path, story: Callable[[SqliteStore], Awaitable[None]]) -> None:
    async def played() -> None:
        store = SqliteStore(path, StoppedClock())
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(played())


def write_until_killed(path: Path, batches: int, then: float) -> int:
    """Let a child write, and kill it ``then`` seconds after so many batches; the last number it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            last = 0
            for _ in range(batches):
                last = int(child.stdout.readline())
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(then)
        finally:
            child.kill()
        rest = child.stdout.read().splitlines(keepends=True)
    return int(rest[-1]) if rest and rest[-1].endswith("\n") else last


def test_what_was_acknowledged_survives_sigkill_at_any_moment_and_batches_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    chance = random.Random()
    acknowledged = 0
    for kill in range(KILLS):
        # Every fifth dies while it starts: importing, opening, making the tables, recovering the log.
        starting = kill % 5 == 0
        batches = 0 if starting else chance.randint(1, 150)
        then = chance.uniform(0.1, 0.5) if starting else chance.uniform(0, 0.01)
        acknowledged = max(acknowledged, write_until_killed(path, batches, then))
        play(path, partial(assert_whole, acknowledged=acknowledged))
    assert acknowledged > 0


async def assert_whole(store: SqliteStore, acknowledged: int) -> None:
    kept = await store.open()
    newest = kept.last_sequence
    assert kept.notice == "", "no damage"
    assert newest >= acknowledged, "something acknowledged was lost"
    assert newest % EVENTS_A_BATCH == 0, "half a batch"
    assert {document["batch"] for document in kept.services.values()} == ({newest} if newest else set())
    assert len(kept.services) == (SERVICES if newest else 0)
    events = [event.sequence for event in await store.events(2 * RETAINED)]
    assert events == list(range(newest, newest - len(events), -1)), "no holes"
    assert len(events) >= min(newest, RETAINED)


# --- real disks ----------------------------------------------------------------------------------------------


def command(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(words)}: {done.stderr.strip()}. Live tests mount small disks: run them as root.")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 16 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command("mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", str(place))
    try:
        yield place
    finally:
        command("umount", str(place))


def fill_up(place: Path) -> Path:
    """Leave not a byte."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    assert os.statvfs(place).f_bavail == 0
    return ballast


WEB: Document = {"status": "running"}
DB: Document = {"status": "disabled", "disabled_by": "human"}
BIG: Document = {"filler": "x" * 100_000}


async def fill(store: SqliteStore) -> None:
    await store.open()
    await store.write({"web": WEB, "db": DB}, [EventRecord(1, "web", {})])


async def assert_as_filled(store: SqliteStore) -> None:
    assert (await store.open()).services == {"web": WEB, "db": DB}
    assert [event.sequence for event in await store.events(9)] == [1]


def test_a_disk_that_fills_up_loses_nothing_and_is_used_again_when_there_is_room(disk: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await fill(store)
        ballast = fill_up(disk)
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match=r"the disk is full.*Free some space"):
                await store.write({"web": BIG}, [EventRecord(2, "web", {})])
            await assert_as_filled(store)
        ballast.unlink()
        await store.write({"web": BIG}, [EventRecord(2, "web", {})])
        assert (await store.open()).services == {"web": BIG, "db": DB}

    play(disk / "state.db", story)


def test_what_was_kept_is_read_at_a_start_on_a_full_disk(disk: Path) -> None:
    path = disk / "state.db"
    play(path, fill)
    ballast = fill_up(disk)

    async def story(store: SqliteStore) -> None:
        await assert_as_filled(store)
        with pytest.raises(StoreUnavailable, match=str(path)):
            await store.write({"web": BIG}, [])
        await assert_as_filled(store)
        ballast.unlink()
        await store.write({"web": BIG}, [])
        assert (await store.open()).services == {"web": BIG, "db": DB}

    play(path, story)


def test_what_a_killed_process_left_is_read_at_a_start_on_a_full_disk(disk: Path) -> None:
    path = disk / "state.db"
    acknowledged = write_until_killed(path, 30, 0)
    Path(f"{path}-shm").unlink()
    ballast = fill_up(disk)

    async def story(store: SqliteStore) -> None:
        kept = await store.open()
        assert kept.last_sequence >= acknowledged, "also what only the write-ahead log has"
        assert "nothing can be written" in kept.notice
        ballast.unlink()
        await store.write({"web": BIG}, [])
        assert (await store.open()).notice == ""

    play(path, story)


def test_no_first_file_on_a_full_disk_and_one_when_there_is_room(disk: Path) -> None:
    ballast = fill_up(disk)

    async def story(store: SqliteStore) -> None:
        with pytest.raises(StoreUnavailable, match=str(disk)):
            await store.open()
        ballast.unlink()
        await fill(store)
        await assert_as_filled(store)

    play(disk / "state" / "state.db", story)


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_a_disk_that_turned_read_only_is_read_from_and_written_to_when_it_is_back(disk: Path, end: str) -> None:
    path = disk / "state.db"
    if end == "closed":
        play(path, fill)
    else:
        write_until_killed(path, 30, 0)
    command("mount", "-o", "remount,ro", str(disk))

    async def story(store: SqliteStore) -> None:
        kept = await store.open()
        assert "db" in kept.services or "service-1" in kept.services
        assert "Read-only file system" in kept.notice or "may not be read and written" in kept.notice
        with pytest.raises(StoreUnavailable, match=str(path)):
            await store.write({"web": BIG}, [])
        assert await store.events(1)
        command("mount", "-o", "remount,rw", str(disk))
        await store.write({"web": BIG}, [])
        assert (await store.open()).services["web"] == BIG

    play(path, story)


def test_a_disk_that_turns_read_only_in_use_is_read_from_and_written_to_when_it_is_back(tmp_path: Path) -> None:
    """A bind mount refuses new writers; descriptors that are open already go on, as the kernel promises them."""
    place = tmp_path / "disk"
    place.mkdir()
    path = place / "state.db"
    play(path, fill)
    command("mount", "--bind", str(place), str(place))
    try:
        command("mount", "-o", "remount,bind,ro", str(place))

        async def story(store: SqliteStore) -> None:
            await assert_as_filled(store)
            with pytest.raises(StoreUnavailable, match=str(path)):
                await store.write({"web": BIG}, [])
            command("mount", "-o", "remount,bind,rw", str(place))
            await store.write({"web": BIG}, [])
            assert (await store.open()).services["web"] == BIG

        play(path, story)
    finally:
        command("umount", str(place))
