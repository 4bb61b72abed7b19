"""The journal: nothing told is lost, nobody waits, and the store may fail as it likes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from orchestrator.adapters.stores import SqliteStore
from orchestrator.errors import StoreInUse, StoreUnavailable
from orchestrator.ports import Document, EventRecord, IncidentRecord, Kept
from orchestrator.runtime.journal import BEAT, FIRST_PAUSE, LONGEST_PAUSE, Journal
from orchestrator.testing import VirtualClock, run_virtual
from orchestrator.testing.store import EVERYTHING, Medium, MemoryStore
from tests.virtual import pass_time

RUNNING: Document = {"status": "running"}
STOPPED: Document = {"status": "stopped"}
DISABLED: Document = {"status": "disabled", "disabled_by": "human"}


class World:
    """A journal on a store, and everything that was logged."""

    def __init__(
        self,
        store: MemoryStore,
        journal: Journal,
        logs: Sequence[MutableMapping[str, Any]],
        recovered: list[tuple[Kept, Mapping[str, Document]]],
    ) -> None:
        self.store = store
        self.journal = journal
        self.logs = logs
        self.recovered = recovered

    @property
    def kept(self) -> Medium:
        return self.store.medium

    def logged(self, level: str) -> list[str]:
        return [entry["event"] for entry in self.logs if entry["log_level"] == level]

    def stored(self) -> list[int]:
        return sorted(self.kept.events)

    async def seen(self, limit: int = 100, **question: Any) -> list[int]:
        return [event.sequence for event in await self.journal.events(limit, **question)]


Story = Callable[[World], Awaitable[None]]


def play(story: Story, store: MemoryStore | None = None, **limits: Any) -> None:
    """Run the story beside a journal that was not opened yet."""
    store = store or MemoryStore()

    async def played() -> None:
        with capture_logs() as logs:
            recovered: list[tuple[Kept, Mapping[str, Document]]] = []
            journal = Journal(
                store, VirtualClock(), on_recovered=lambda kept, outrun: recovered.append((kept, outrun)), **limits
            )
            world = World(store, journal, logs, recovered)
            await story(world)

    run_virtual(played, limit=100_000)


@contextlib.asynccontextmanager
async def running(world: World) -> AsyncIterator[Journal]:
    """The journal opened, and its task running."""
    await world.journal.open()
    task = asyncio.create_task(world.journal.run())
    try:
        yield world.journal
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def moments(seconds: float = 0.01) -> None:
    await pass_time(seconds)


def tell(journal: Journal, count: int, service: str = "web") -> list[EventRecord]:
    return [journal.record(service, {"message": "Service recovered"}) for _ in range(count)]


# --- writing -------------------------------------------------------------------------------------------------


def test_what_is_told_is_written_at_once_and_as_one_batch() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            journal.remember("web", RUNNING)
            journal.remember("db", STOPPED)
            tell(journal, 3)
            assert journal.view().pending_writes == 5
            await moments()
            assert world.store.writes == 1
            assert set(world.kept.services) == {"web", "db"}
            assert world.stored() == [1, 2, 3]
            assert journal.view().pending_writes == 0

    play(story)


def test_an_idle_store_that_was_emptied_or_lost_is_noticed() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            journal.remember("web", RUNNING)
            await moments()
            world.store.broken |= EVERYTHING
            await pass_time(BEAT + 0.1)
            assert not journal.view().healthy
            world.kept.wipe()
            world.store.broken.clear()
            await pass_time(BEAT)
            assert journal.view().healthy
            assert set(world.kept.services) == {"web"}

    play(story)


def test_the_latest_document_wins() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            journal.remember("web", RUNNING)
            journal.remember("web", STOPPED)
            await moments()
            assert (await world.store.open()).services == {"web": STOPPED}
            assert world.store.writes == 1

    play(story)


def test_the_same_document_again_is_not_written_again() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            for _ in range(3):
                journal.remember("web", dict(RUNNING))
                await moments()
            assert world.store.writes == 1

    play(story)


def test_what_is_told_during_a_write_is_written_by_the_next_one() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            journal.remember("web", RUNNING)
            await pass_time(0)  # the write has begun: the fake yields before it keeps
            journal.remember("web", STOPPED)
            tell(journal, 1)
            await moments()
            assert (await world.store.open()).services == {"web": STOPPED}
            assert world.stored() == [1]
            assert world.store.writes == 2

    play(story)


def test_an_event_carries_its_number_in_its_document() -> None:
    async def story(world: World) -> None:
        first, second = tell(world.journal, 2)
        assert (first.sequence, first.document["sequence"], second.sequence) == (1, 1, 2)
        assert second.document["message"] == "Service recovered"

    play(story)


def test_numbers_go_on_across_our_own_restart() -> None:
    medium = Medium()

    async def first(world: World) -> None:
        async with running(world) as journal:
            tell(journal, 7)
            journal.remember("web", RUNNING)
            await moments()

    async def second(world: World) -> None:
        kept = await world.journal.open()
        assert (kept.services, kept.last_sequence) == ({"web": RUNNING}, 7)
        assert tell(world.journal, 1)[0].sequence == 8
        assert await world.seen() == [8, 7, 6, 5, 4, 3, 2, 1]

    play(first, MemoryStore(medium))
    play(second, MemoryStore(medium))


def test_who_waits_for_what_was_told_goes_on_when_it_is_written_though_more_is_told_meanwhile() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            await journal.secure(60)
            assert world.store.writes == 0, "nothing was told"
            journal.remember("web", RUNNING)
            await pass_time(0)  # the write has begun
            journal.remember("db", STOPPED)
            begun = asyncio.get_running_loop().time()
            await journal.secure(60)
            assert set(world.kept.services) == {"web", "db"}
            assert asyncio.get_running_loop().time() == begun

    play(story)


def test_nobody_waits_for_a_store_that_fails_and_not_for_ever_for_one_that_hangs() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            world.store.broken = {"write"}
            journal.remember("web", RUNNING)
            begun = asyncio.get_running_loop().time()
            await journal.secure(60)
            assert asyncio.get_running_loop().time() == begun
            world.store.broken = set()
            world.store.hung = {"write"}
            await moments(FIRST_PAUSE)
            await journal.secure(60)
            assert asyncio.get_running_loop().time() == pytest.approx(begun + FIRST_PAUSE, abs=0.1)

    play(story)


# --- a store that fails --------------------------------------------------------------------------------------


def test_nothing_is_lost_while_the_store_is_down_and_the_edges_are_logged_once() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            tell(journal, 2)
            await moments()
            world.store.broken = {"write"}
            for hour in range(24):
                journal.remember("web", {"status": "running", "hour": hour})
                tell(journal, 10)
                await moments(3600)
            view = journal.view()
            assert not view.healthy
            assert "told to fail" in view.detail
            assert view.pending_writes == 241
            assert world.logged("warning") == ["State store unavailable, going on from memory"]
            world.store.broken = set()
            await moments(LONGEST_PAUSE)
            assert world.stored() == list(range(1, 243))
            assert (await world.store.open()).services == {"web": {"status": "running", "hour": 23}}
            assert world.logged("info") == ["State store available again"]
            assert journal.view().healthy
            assert journal.view().detail == ""

    play(story)


def test_the_store_is_tried_less_and_less_often_but_never_given_up() -> None:
    async def story(world: World) -> None:
        tries: list[float] = []

        class Counting(MemoryStore):
            async def write(
                self, services: Mapping[str, Document | None], events: Sequence[EventRecord], **others: Any
            ) -> None:
                tries.append(asyncio.get_running_loop().time())
                await super().write(services, events, **others)

        store = Counting()
        store.broken = {"write"}
        world.journal = Journal(store, VirtualClock())
        async with running(world) as journal:
            journal.remember("web", RUNNING)
            await moments(300)
        pauses = [later - earlier for earlier, later in pairwise(tries)]
        assert pauses[:6] == pytest.approx([FIRST_PAUSE * 2**n for n in range(6)])
        assert set(pauses[6:]) == {LONGEST_PAUSE}

    play(story)


def test_a_store_that_hangs_is_given_up_on_and_tried_again() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            world.store.hung = {"write"}
            journal.remember("web", RUNNING)
            await moments(60)
            assert "has not answered within" in journal.view().detail
            world.store.hung = set()
            await moments(60)
            assert journal.view().healthy
            assert set(world.kept.services) == {"web"}

    play(story)


def test_a_write_that_was_kept_but_not_answered_doubles_nothing() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            world.store.deaf = True
            tell(journal, 3)
            await moments()
            tell(journal, 2)
            world.store.deaf = False
            await moments(LONGEST_PAUSE)
            assert await world.seen() == [5, 4, 3, 2, 1]
            assert world.stored() == [1, 2, 3, 4, 5]
            assert tell(journal, 1)[0].sequence == 6

    play(story)


def test_beyond_its_bound_the_oldest_waiting_events_are_dropped_and_counted() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            world.store.broken = {"write"}
            tell(journal, 130)
            await moments()
            assert journal.dropped_events == 30
            assert "30 events were dropped" in journal.view().detail
            world.store.broken = set()
            await moments(LONGEST_PAUSE)
            assert world.stored() == list(range(31, 131))
            assert tell(journal, 1)[0].sequence == 131

    play(story, pending_limit=100, recent_limit=10)


def test_a_store_that_lost_everything_in_use_gets_everything_again() -> None:
    medium = Medium()

    async def first(world: World) -> None:
        async with running(world) as journal:
            journal.remember("old", DISABLED)
            tell(journal, 2)
            await moments()

    async def second(world: World) -> None:
        async with running(world) as journal:
            journal.remember("web", RUNNING)
            tell(journal, 2)
            await moments()
            medium.wipe("it was set aside as state.db.corrupt-20260101-000000")
            world.store.broken = {"write"}
            tell(journal, 1)
            await moments()
            world.store.broken = set()
            await moments(LONGEST_PAUSE)
            assert (await world.store.open()).services == {"old": DISABLED, "web": RUNNING}
            assert world.stored() == [3, 4, 5], "as far back as memory reaches"
            assert "corrupt-20260101-000000" in journal.view().detail
            assert "State store has something to say" in world.logged("warning")
            assert tell(journal, 1)[0].sequence == 6
            assert world.recovered == []

    play(first, MemoryStore(medium))
    play(second, MemoryStore(medium))


def test_a_store_replaced_by_one_with_higher_numbers_is_numbered_on_from() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            tell(journal, 2)
            await moments()
            world.store.broken = {"write"}
            tell(journal, 1)
            await moments()
            world.kept.wipe()
            world.kept.events[500] = ("web", "{}")
            world.store.broken = set()
            await moments(LONGEST_PAUSE)
            assert world.stored() == [500, 501]
            assert tell(journal, 1)[0].sequence == 502

    play(story)


@pytest.mark.parametrize("fate", ["deleted", "overwritten"])
def test_a_state_file_lost_in_use_is_made_anew_with_everything_known(tmp_path: Path, fate: str) -> None:
    path = tmp_path / "state.db"

    async def played() -> None:
        journal = Journal(SqliteStore(path, VirtualClock()), VirtualClock())
        await journal.open()
        journal.remember("db", DISABLED)
        tell(journal, 2)
        assert await journal.flush(60)
        path.unlink()
        if fate == "overwritten":
            path.write_text("no database any more" * 500)
        journal.remember("web", RUNNING)
        tell(journal, 1)
        assert await journal.flush(60)
        await journal.close()
        next_process = Journal(SqliteStore(path, VirtualClock()), VirtualClock())
        kept = await next_process.open()
        assert kept.services == {"db": DISABLED, "web": RUNNING}
        assert [event.sequence for event in await next_process.events(9)] == [3, 2, 1]
        await next_process.close()

    run_virtual(played)


# --- a store that cannot be opened ---------------------------------------------------------------------------


def older() -> Medium:
    return Medium(
        services={"web": '{"status":"unhealthy"}', "db": '{"status":"disabled","disabled_by":"human"}'},
        events={n: ("web", f'{{"sequence":{n}}}') for n in range(1, 41)},
    )


@pytest.mark.parametrize("fault", ["broken", "hung"])
def test_a_store_that_cannot_be_opened_delays_the_start_by_a_bounded_time(fault: str) -> None:
    store = MemoryStore(older())
    setattr(store, fault, set(EVERYTHING))

    async def story(world: World) -> None:
        kept = await world.journal.open(deadline=3)
        assert asyncio.get_running_loop().time() <= 3
        assert (kept.services, kept.last_sequence) == ({}, 0)
        assert not world.journal.view().healthy

    play(story, store)


def test_history_found_late_is_handed_over_and_numbers_go_on_above_it() -> None:
    store = MemoryStore(older())
    store.broken = set(EVERYTHING)

    async def story(world: World) -> None:
        async with running(world) as journal:
            journal.remember("web", RUNNING)
            tell(journal, 5)
            await moments(100)
            assert await world.seen() == [5, 4, 3, 2, 1]
            store.broken = set()
            await moments(LONGEST_PAUSE)
            ((kept, outrun),) = world.recovered
            assert kept.services == {"db": DISABLED}, "nobody told of it: to be adopted"
            assert outrun == {"web": {"status": "unhealthy"}}, "told of already"
            assert (await store.open()).services == {"db": DISABLED, "web": RUNNING}
            assert world.stored() == list(range(1, 46))
            assert (await journal.events(1))[0].document["sequence"] == 45
            assert tell(journal, 1)[0].sequence == 46

    play(story, store)


def test_what_is_remembered_when_history_is_handed_over_is_what_is_kept() -> None:
    store = MemoryStore(older())
    store.broken = {"open"}

    async def played() -> None:
        def adopt(kept: Kept, outrun: Mapping[str, Document]) -> None:
            journal.remember("web", {"status": "running", "before": outrun["web"]["status"]})

        journal = Journal(store, VirtualClock(), on_recovered=adopt)
        await journal.open()
        journal.remember("web", RUNNING)
        assert not await journal.flush(1)
        store.broken = set()
        assert await journal.flush(1)
        assert (await store.open()).services["web"] == {"status": "running", "before": "unhealthy"}

    run_virtual(played)


def test_an_unopened_store_is_opened_in_the_background_with_nothing_to_write() -> None:
    store = MemoryStore(older())
    store.broken = {"open"}

    async def story(world: World) -> None:
        async with running(world) as journal:
            await moments(10)
            assert world.recovered == []
            store.broken = set()
            await moments(LONGEST_PAUSE)
            assert set(world.recovered[0][0].services) == {"web", "db"}
            assert journal.view().healthy

    play(story, store)


# --- reading -------------------------------------------------------------------------------------------------


def test_events_are_answered_from_store_and_memory_together() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            for _ in range(5):
                tell(journal, 10)
                await moments()
            world.store.broken = {"write"}
            tell(journal, 5, "db")
            await moments()
            assert await world.seen(7) == [55, 54, 53, 52, 51, 50, 49]
            assert await world.seen() == list(range(55, 0, -1))
            assert await world.seen(2, service="web") == [50, 49]
            assert await world.seen(3, before=53) == [52, 51, 50]
            assert await world.seen(since=52) == [55, 54, 53]
            assert await world.seen(service="db", before=54, since=51) == [53, 52]
            assert await world.seen(0) == []

    play(story, recent_limit=10)


@pytest.mark.parametrize("fault", ["broken", "hung"])
def test_events_are_answered_from_memory_while_the_store_is_down(fault: str) -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            tell(journal, 30)
            await moments()
            setattr(world.store, fault, set(EVERYTHING))
            tell(journal, 2)
            await moments()
            asked = asyncio.get_running_loop().time()
            assert await world.seen(5) == [32, 31, 30, 29, 28]
            assert asyncio.get_running_loop().time() - asked <= 2
            assert len(await world.seen()) >= 10

    play(story, recent_limit=10)


# --- the end -------------------------------------------------------------------------------------------------


def test_a_flush_writes_what_waits_even_after_the_task_has_ended() -> None:
    async def story(world: World) -> None:
        await world.journal.open()
        world.journal.remember("web", RUNNING)
        tell(world.journal, 1)
        assert await world.journal.flush(5)
        assert world.stored() == [1]
        await world.journal.close()
        assert world.store.closed

    play(story)


def test_a_flush_ends_in_time_and_says_what_is_left() -> None:
    async def story(world: World) -> None:
        await world.journal.open()
        world.store.hung = {"write"}
        world.journal.remember("web", RUNNING)
        assert not await world.journal.flush(2)
        assert asyncio.get_running_loop().time() == pytest.approx(2)
        assert "State store did not take everything in time" in world.logged("warning")

    play(story)


def test_a_cancelled_write_is_written_by_the_flush() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            world.store.hung = {"write"}
            journal.remember("web", RUNNING)
            await moments()
        world.store.hung = set()
        assert await journal.flush(5)
        assert set(world.kept.services) == {"web"}

    play(story)


def test_a_store_that_another_orchestrator_uses_is_refused_not_waited_for() -> None:
    async def story() -> None:
        store = MemoryStore()
        store.fault = StoreInUse("State file state.db: another orchestrator (process 7) uses it.")
        store.broken = {"open"}
        with pytest.raises(StoreInUse, match="process 7"):
            await Journal(store, VirtualClock()).open()

    run_virtual(story)


def test_a_store_that_another_orchestrator_took_while_it_was_away_ends_the_writing() -> None:
    async def story() -> None:
        store = MemoryStore()
        journal = Journal(store, VirtualClock())
        store.broken = {"open"}
        await journal.open()
        writing = asyncio.create_task(journal.run())
        await moments()
        assert not writing.done()
        store.fault = StoreInUse("Redis: another orchestrator (process 7 on elsewhere) uses it.")
        with pytest.raises(StoreInUse, match="process 7"):
            await writing
        assert "process 7" in journal.view().detail
        assert not await journal.flush(60), "what is not ours is not waited for"

    run_virtual(story)


def test_who_was_told_at_a_write_that_another_has_the_store_looks_whether_it_lives() -> None:
    async def story() -> None:
        store = MemoryStore()
        journal = Journal(store, VirtualClock())
        await journal.open()
        writing = asyncio.create_task(journal.run())
        store.fault = StoreInUse("Redis: another orchestrator (process 7 on elsewhere) uses it.")
        store.broken = {"write"}
        journal.remember("web", RUNNING)
        await moments()
        assert not journal.view().healthy
        store.broken = set()
        await moments(LONGEST_PAUSE)
        assert (journal.view().healthy, writing.done()) == (True, False)
        writing.cancel()

    run_virtual(story)


def test_a_forgotten_service_is_gone_from_the_store_also_when_the_store_was_away() -> None:
    async def story() -> None:
        store = MemoryStore()
        journal = Journal(store, VirtualClock())
        await journal.open()
        journal.remember("web", {"status": "running"})
        assert await journal.flush(5.0)
        store.broken = {"write", "open"}
        journal.forget("web")
        assert not await journal.flush(1.0)
        store.broken = set()
        assert await journal.flush(5.0)
        assert (await store.open()).services == {}

        journal.remember("web", {"status": "starting"})
        assert await journal.flush(5.0)
        assert (await store.open()).services == {"web": {"status": "starting"}}

    run_virtual(story)


# --- incidents and histories -----------------------------------------------------------------------------------


def an_incident(number: int, status: str = "open", service: str = "web") -> IncidentRecord:
    members = [{"service": service}]
    return IncidentRecord(number, {"id": number, "status": status, "members": members, "merged_into": None}, {})


async def listed(journal: Journal, **question: Any) -> list[object]:
    return [summary["id"] for summary in await journal.incidents(100, **question)]


def test_incidents_and_histories_are_written_with_the_events_of_their_turn() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            tell(journal, 1)
            journal.remember_incident(an_incident(1))
            journal.remember_history("web", {"segments": []})
            journal.remember_history("web", {"segments": []})
            assert journal.view().pending_writes == 3
            await moments()
            assert world.store.writes == 1
            assert (set(world.kept.incidents), set(world.kept.histories)) == ({1}, {"web"})
            journal.forget("web")
            await moments()
            assert (world.kept.histories, journal.history("web")) == ({}, None)
            assert set(world.kept.incidents) == {1}

    play(story)


def test_incidents_are_read_from_the_store_and_from_memory_which_is_newer() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            for number in range(1, 4):
                journal.remember_incident(an_incident(number))
            await moments()
            world.store.broken = {"write"}
            journal.remember_incident(an_incident(2, "closed"))
            journal.remember_incident(an_incident(4, service="db"))
            assert await listed(journal) == [4, 3, 2, 1]
            assert await listed(journal, status="open") == [4, 3, 1]
            assert await listed(journal, service="db") == [4]
            assert await listed(journal, before=3) == [2, 1]
            assert (await journal.incident(2)) == an_incident(2, "closed")

    play(story)


def test_memory_alone_answers_for_incidents_where_the_store_does_not() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            for number in range(1, 4):
                journal.remember_incident(an_incident(number))
            await moments()
            world.store.hung = {"events"}
            assert await listed(journal) == [3, 2, 1]
            with pytest.raises(StoreUnavailable, match="has not answered within 2 s"):
                await journal.incident(99)
            world.store.hung, world.store.broken = set(), {"events"}
            assert await listed(journal) == [3, 2, 1]

    play(story)


def test_before_the_store_was_ever_read_only_memory_knows_of_incidents() -> None:
    async def story(world: World) -> None:
        world.journal.remember_incident(an_incident(1))
        assert await listed(world.journal) == [1]
        assert await world.journal.incident(2) is None

    play(story)


def test_a_store_that_came_back_empty_gets_the_incidents_again() -> None:
    async def story(world: World) -> None:
        async with running(world) as journal:
            journal.remember_incident(an_incident(1))
            journal.remember_incident(an_incident(2, "closed"))
            journal.remember_history("web", {"segments": []})
            await moments()
            world.kept.wipe()
            world.store.broken = {"write"}
            tell(journal, 1)
            await moments()
            world.store.broken = set()
            await moments(2 * FIRST_PAUSE)
            assert (set(world.kept.incidents), set(world.kept.histories)) == ({1, 2}, {"web"})

    play(story)


def test_incidents_opened_without_the_store_are_numbered_after_its_own_when_it_is_back() -> None:
    async def story(world: World) -> None:
        earlier = MemoryStore(world.kept)
        await earlier.write({}, [], incidents=[an_incident(4), an_incident(5, "closed")])
        world.store.broken = {"open"}
        async with running(world) as journal:
            journal.remember_incident(an_incident(1, service="db"))
            world.store.broken = set()
            await moments(2 * FIRST_PAUSE)
            assert set(world.kept.incidents) == {4, 5, 6}
            assert await listed(journal, service="db") == [6]
            (kept, _), *_ = world.recovered
            assert ([each.id for each in kept.incidents], kept.last_incident) == ([4], 5)

    play(story)
