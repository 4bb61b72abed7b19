"""What every state store promises. A store joins by a subclass that says how to make one and how to come back to it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from orchestrator.ports import Document, EventRecord, IncidentRecord, StateStore

WEB: Document = {"status": "running", "strikes": 2, "retry_at": None, "run": {"started_at": 1.25}, "tags": ["ü", "\n"]}
DB: Document = {"status": "disabled", "disabled_by": "human"}


def event(sequence: int, service: str = "web") -> EventRecord:
    return EventRecord(sequence, service, {"sequence": sequence, "message": "Service recovered", "cause": "HTTP 200 ✓"})


def incident(number: int, status: str = "open", *services: str) -> IncidentRecord:
    members = [{"service": service, "role": "root"} for service in services or ("web",)]
    return IncidentRecord(
        number,
        {"id": number, "status": status, "title": "web exited ✓", "members": members},
        {"timeline": [{"text": "HTTP 500"}], "evidence": []},
    )


def numbers(summaries: Sequence[Document]) -> list[object]:
    return [summary["id"] for summary in summaries]


def sequences(records: Sequence[EventRecord]) -> list[int]:
    return [record.sequence for record in records]


class StateStoreContract(ABC):
    """Each test gets an empty medium of its own; ``make`` returns a store on it, as often as it is called."""

    @abstractmethod
    def make(self) -> StateStore: ...

    @pytest.fixture(autouse=True)
    def medium(self, tmp_path: Path) -> None:
        """Override to prepare a medium; this one remembers a directory."""
        self.directory = tmp_path

    def run(self, story: Callable[[StateStore], Awaitable[None]]) -> None:
        async def played() -> None:
            store = self.make()
            try:
                async with asyncio.timeout(60):
                    await story(store)
            finally:
                await store.close()

        asyncio.run(played())

    def test_a_new_store_holds_nothing_and_has_nothing_to_say(self) -> None:
        async def story(store: StateStore) -> None:
            kept = await store.open()
            assert (kept.services, kept.last_sequence, kept.notice) == ({}, 0, "")
            assert await store.events(10) == []

        self.run(story)

    def test_what_was_written_is_there_for_the_next_process(self) -> None:
        async def first(store: StateStore) -> None:
            await store.open()
            await store.write({"web": WEB, "db": DB}, [event(1), event(2, "db")])

        async def second(store: StateStore) -> None:
            kept = await store.open()
            assert kept.services == {"web": WEB, "db": DB}
            assert kept.last_sequence == 2
            assert await store.events(10) == [event(2, "db"), event(1)]

        self.run(first)
        self.run(second)

    def test_a_document_replaces_the_one_before_and_no_other(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({"web": WEB, "db": DB}, [])
            await store.write({"web": {"status": "stopped"}}, [])
            assert (await store.open()).services == {"web": {"status": "stopped"}, "db": DB}

        self.run(story)

    def test_a_service_is_forgotten_with_all_that_was_kept_of_it_but_its_events(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({"web": WEB, "db": DB}, [event(1)])
            await store.write({"web": None, "never-kept": None}, [])
            assert (await store.open()).services == {"db": DB}
            assert await store.events(10) == [event(1)]

        self.run(story)

    def test_writing_the_same_batch_again_changes_nothing(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            for _ in range(2):
                await store.write({"web": WEB}, [event(1), event(2)])
            assert await store.events(10) == [event(2), event(1)]
            assert (await store.open()).services == {"web": WEB}

        self.run(story)

    def test_an_empty_batch_is_written(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({}, [])
            assert (await store.open()).services == {}

        self.run(story)

    def test_a_batch_that_cannot_be_written_leaves_nothing_behind(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            impossible: Document = {"status": object()}
            with pytest.raises(TypeError):
                await store.write({"web": WEB, "db": impossible}, [event(1)])
            kept = await store.open()
            assert (kept.services, kept.last_sequence) == ({}, 0)
            await store.write({"web": WEB}, [event(1)])
            assert (await store.open()).services == {"web": WEB}

        self.run(story)

    def test_events_come_newest_first_and_no_more_than_asked_for(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({}, [event(sequence) for sequence in range(1, 21)])
            assert sequences(await store.events(3)) == [20, 19, 18]
            assert sequences(await store.events(1000)) == list(range(20, 0, -1))
            assert sequences(await store.events(0)) == []
            assert sequences(await store.events(-1)) == []

        self.run(story)

    def test_before_and_since_are_exclusive(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({}, [event(sequence) for sequence in range(1, 11)])
            assert sequences(await store.events(3, before=5)) == [4, 3, 2]
            assert sequences(await store.events(2, since=5)) == [10, 9]
            assert sequences(await store.events(9, before=8, since=5)) == [7, 6]
            assert sequences(await store.events(9, before=0)) == []
            assert sequences(await store.events(9, since=10)) == []
            assert sequences(await store.events(1, since=-(10**30), before=10**30)) == [10]

        self.run(story)

    def test_events_of_one_service_are_found_among_the_others(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({}, [event(sequence, ("web", "db")[sequence % 2]) for sequence in range(1, 11)])
            assert sequences(await store.events(3, service="db")) == [9, 7, 5]
            assert sequences(await store.events(9, service="db", before=7, since=1)) == [5, 3]
            assert await store.events(9, service="nobody") == []

        self.run(story)

    def test_sequence_numbers_may_have_gaps(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({}, [event(7), event(4000)])
            assert (await store.open()).last_sequence == 4000
            assert sequences(await store.events(9)) == [4000, 7]

        self.run(story)

    @pytest.mark.parametrize("name", ["", "a/b", "ü ✓", "x'; DROP TABLE services; --", "a\nb", "*", "n" * 300])
    def test_any_name_is_kept_as_it_is(self, name: str) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({name: WEB}, [event(1, name)])
            assert (await store.open()).services == {name: WEB}
            assert await store.events(9, service=name) == [event(1, name)]

        self.run(story)

    def test_a_name_that_is_no_text_holds_up_no_other_service(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({"half a pair \ud83d": DB, "web": WEB}, [event(1, "\ud83d"), event(2)])
            assert (await store.open()).services["web"] == WEB
            assert event(2) in await store.events(9)

        self.run(story)

    def test_opening_again_tells_what_is_kept_by_now(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({"web": WEB}, [event(1)])
            kept = await store.open()
            assert (kept.services, kept.last_sequence) == ({"web": WEB}, 1)

        self.run(story)

    def test_what_it_hands_out_is_not_its_own_memory(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({"web": WEB}, [event(1)])
            kept = await store.open()
            kept.services["web"]["status"] = "scribbled over"
            (await store.events(1))[0].document["message"] = "scribbled over"
            assert (await store.open()).services == {"web": WEB}
            assert await store.events(1) == [event(1)]

        self.run(story)

    def test_reading_while_writing_sees_whole_batches(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()

            async def write() -> None:
                for batch in range(20):
                    first = batch * 5 + 1
                    await store.write({"web": {"batch": batch}}, [event(first + n) for n in range(5)])

            async def read() -> None:
                for _ in range(20):
                    assert len(await store.events(1000)) % 5 == 0

            await asyncio.gather(write(), read(), read())
            assert len(await store.events(1000)) == 100

        self.run(story)

    def test_five_hundred_services_are_one_batch(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write(
                {f"service-{n}": {**WEB, "strikes": n} for n in range(500)}, [event(n) for n in range(1, 5001)]
            )
            kept = await store.open()
            assert len(kept.services) == 500
            assert kept.services["service-77"]["strikes"] == 77
            assert kept.last_sequence == 5000

        self.run(story)

    def test_open_incidents_and_histories_are_there_for_the_next_process(self) -> None:
        history: Document = {"segments": [["running", 1.5]], "hours": {}}

        async def first(store: StateStore) -> None:
            await store.open()
            batch = [incident(1, "closed"), incident(2), incident(3, "open", "db", "api"), incident(4, "closed")]
            await store.write({}, [], incidents=batch, histories={"web": history, "": {"alive_at": 7.0}})

        async def second(store: StateStore) -> None:
            kept = await store.open()
            assert list(kept.incidents) == [incident(2), incident(3, "open", "db", "api")]
            assert kept.last_incident == 4
            assert kept.histories == {"web": history, "": {"alive_at": 7.0}}
            assert (kept.services, kept.last_sequence) == ({}, 0)

        self.run(first)
        self.run(second)

    def test_an_incident_is_replaced_by_what_became_of_it(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({}, [], incidents=[incident(1)])
            await store.write({}, [], incidents=[incident(1, "closed", "web", "db")])
            assert await store.incident(1) == incident(1, "closed", "web", "db")
            assert (await store.open()).incidents == []
            await store.write({}, [], incidents=[incident(1)])
            assert list((await store.open()).incidents) == [incident(1)]

        self.run(story)

    def test_incidents_are_listed_newest_first_by_service_and_status(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            services = [("web",), ("db", "web"), ("cache",)]
            batch = [incident(n, ("open", "closed")[n % 2], *services[n % 3]) for n in range(1, 251)]
            await store.write({}, [], incidents=batch)
            assert numbers(await store.incidents(3)) == [250, 249, 248]
            assert numbers(await store.incidents(2, before=249)) == [248, 247]
            assert numbers(await store.incidents(3, status="closed")) == [249, 247, 245]
            assert numbers(await store.incidents(3, service="web")) == [250, 249, 247]
            assert numbers(await store.incidents(1000, service="cache", status="open", before=20)) == [14, 8, 2]
            assert numbers(await store.incidents(1000)) == list(range(250, 0, -1))
            assert numbers(await store.incidents(0)) == []
            assert numbers(await store.incidents(9, before=1)) == []
            assert numbers(await store.incidents(1, before=10**30)) == [250]
            assert numbers(await store.incidents(9, before=-(10**30))) == []
            assert numbers(await store.incidents(9, service="nobody")) == []

        self.run(story)

    def test_an_incident_that_there_is_not_is_none(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            assert await store.incident(1) is None
            assert await store.incident(10**30) is None

        self.run(story)

    def test_writing_the_same_incident_again_changes_nothing(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            for _ in range(2):
                await store.write({}, [], incidents=[incident(7)], histories={"web": {"segments": []}})
            kept = await store.open()
            assert (list(kept.incidents), kept.last_incident) == ([incident(7)], 7)

        self.run(story)

    def test_a_history_is_forgotten_when_it_is_told_so(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.write({}, [], histories={"web": {"segments": []}, "db": {"segments": [1]}})
            await store.write({}, [], histories={"web": None, "never-kept": None})
            assert (await store.open()).histories == {"db": {"segments": [1]}}

        self.run(story)

    def test_closing_twice_is_fine(self) -> None:
        async def story(store: StateStore) -> None:
            await store.open()
            await store.close()

        self.run(story)

    def test_it_says_where_it_is(self) -> None:
        async def story(store: StateStore) -> None:
            assert store.location

        self.run(story)
