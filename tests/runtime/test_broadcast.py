"""The live view: everything once and in order, nobody waited for, nothing lost between one connection and the next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.incidents import Cause, Incident
from orchestrator.core.model import Status
from orchestrator.ports import Kept
from orchestrator.runtime.broadcast import (
    HISTORY,
    LONGEST_HELD,
    START_DEADLINE,
    Broadcast,
    NotStarted,
    Subscription,
    TooManyClients,
)
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.views import SystemView
from orchestrator.testing import VirtualClock, run_virtual
from orchestrator.testing.store import MemoryStore
from tests.api.fakes import FakeSupervisor, a_service
from tests.virtual import pass_time

SERVICE = a_service("web")


class World:
    """A journal and its broadcast, as the orchestrator joins them; ``die`` and ``live_again`` as after SIGKILL."""

    def __init__(self, **limits: int) -> None:
        self.store = MemoryStore()
        self.limits = limits
        self.snapshots = 0
        self.begin()

    def begin(self) -> None:
        clock = VirtualClock()
        self.broadcast = Broadcast(clock, self.system, self._recall, **self.limits)
        self.journal = Journal(
            self.store, clock, on_recorded=self.broadcast.recorded, on_kept=self.broadcast.kept, recent_limit=10
        )

    async def open(self) -> Kept:
        kept = await self.journal.open()
        self.broadcast.begin(self.journal.last_sequence)
        self.writing = asyncio.create_task(self.journal.run())
        return kept

    async def die(self) -> None:
        self.writing.cancel()
        await asyncio.wait({self.writing})

    def system(self) -> SystemView:
        self.snapshots += 1
        return FakeSupervisor([SERVICE]).system()

    async def _recall(self, limit: int) -> Any:
        return await self.journal.events(limit)

    def tell(self, count: int = 1) -> None:
        for _ in range(count):
            self.journal.record("web", {"type": "service_status", "message": "Service recovered"})


def play(story: Callable[[World], Awaitable[None]], **limits: int) -> None:
    async def played() -> None:
        world = World(**limits)
        await world.open()
        await story(world)
        await world.die()

    run_virtual(played)


async def taken(subscription: Subscription) -> list[dict[str, Any]]:
    """All that arrives within a moment."""
    found: list[str] = []
    try:
        async with asyncio.timeout(1):
            while True:
                found += await subscription.take()
    except TimeoutError:
        return [json.loads(text) for text in found]


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [one["sequence"] for one in messages if one["type"] == "service_status"]


def test_first_the_snapshot_then_each_event_once_and_in_order() -> None:
    async def story(world: World) -> None:
        world.tell(2)
        await pass_time(1)
        subscription = await world.broadcast.subscribe()
        world.tell(3)
        snapshot, *later = await taken(subscription)
        assert (snapshot["type"], snapshot["sequence"], snapshot["resumed"]) == ("snapshot", 2, False)
        assert snapshot["data"]["services"][0]["name"] == "web"
        assert "missed" not in snapshot
        assert numbers(later) == [3, 4, 5]

    play(story)


def test_a_request_is_told_among_the_events_in_its_turn_live_as_resumed() -> None:
    async def story(world: World) -> None:
        live = await world.broadcast.subscribe()
        world.tell()
        world.journal.record("web", {"type": "request", "message": "Request accepted"})
        world.tell()
        _, *told = await taken(live)
        assert [(one["sequence"], one["type"]) for one in told] == [
            (1, "service_status"),
            (2, "request"),
            (3, "service_status"),
        ]
        _, *resumed = await taken(await world.broadcast.subscribe(0))
        assert resumed == told

    play(story)


@pytest.mark.parametrize("since", [0, 3, 30, 50])
def test_what_was_missed_comes_exactly_once_between_the_snapshot_and_what_is_live(since: int) -> None:
    async def story(world: World) -> None:
        world.tell(50)
        await pass_time(1)
        asked = asyncio.create_task(world.broadcast.subscribe(since))
        world.tell(2)
        subscription = await asked
        world.tell(2)
        snapshot, *later = await taken(subscription)
        assert snapshot["resumed"]
        assert numbers(later) == list(range(since + 1, 55))

    play(story)


def test_after_our_own_death_a_client_resumes_with_nothing_missed_or_doubled() -> None:
    async def story(world: World) -> None:
        before = await world.broadcast.subscribe()
        world.tell(40)
        seen = numbers(await taken(before))
        world.tell(5)  # nobody is told of these in time
        await world.die()
        world.begin()
        await world.open()
        subscription = await world.broadcast.subscribe(seen[-1])
        world.tell(3)
        seen += numbers(await taken(subscription))
        assert seen == list(range(1, world.journal.last_sequence + 1))

    play(story)


def test_a_client_is_told_of_no_event_that_our_death_could_take_back() -> None:
    async def story(world: World) -> None:
        subscription = await world.broadcast.subscribe()
        world.store.hung = {"write"}
        world.tell()
        await pass_time(LONGEST_HELD / 2)
        texts = await subscription.take()
        assert [json.loads(text)["type"] for text in texts] == ["snapshot"]
        other = await world.broadcast.subscribe()
        assert json.loads((await other.take())[0])["sequence"] == 0
        await pass_time(LONGEST_HELD)
        assert numbers([json.loads(text) for text in await subscription.take()]) == [1], (
            "a hung store is not waited for"
        )
        assert numbers([json.loads(text) for text in await other.take()]) == [1]

    play(story)


@pytest.mark.parametrize("since", [1, 5000])
def test_what_cannot_be_resumed_is_said(since: int) -> None:
    async def story(world: World) -> None:
        world.tell(HISTORY + 10)
        await pass_time(1)
        snapshot, *later = await taken(await world.broadcast.subscribe(since))
        assert (snapshot["resumed"], snapshot["missed"], later) == (False, True, [])

    play(story)


def test_a_client_that_does_not_take_is_dropped_while_others_are_served() -> None:
    async def story(world: World) -> None:
        slow, quick = await world.broadcast.subscribe(), await world.broadcast.subscribe()
        seen: list[int] = []
        for _ in range(12):
            world.tell()
            seen += numbers(await taken(quick))
        assert seen == list(range(1, 13))
        assert await slow.ended() == "too_slow"
        assert not quick.over

    play(story, most_waiting=10)


def test_a_service_that_changes_often_fills_no_queue_and_ends_as_it_is() -> None:
    async def story(world: World) -> None:
        subscription = await world.broadcast.subscribe()
        for strikes in range(100):
            world.broadcast.changed(replace(SERVICE, strikes=strikes))
        world.broadcast.changed(a_service("db"))
        _, web, db = await taken(subscription)
        assert (web["type"], web["data"]["strikes"]) == ("service", 99)
        assert db["data"]["name"] == "db"
        world.broadcast.gone("db")
        world.broadcast.system_changed()
        gone, system = await taken(subscription)
        assert (gone["type"], gone["data"]) == ("service_gone", {"name": "db"})
        assert (system["type"], system["data"]["engine"]["reachable"]) == ("system", True)

    play(story, most_waiting=10)


def test_an_incident_is_told_as_it_is_whenever_it_changed_and_without_its_story() -> None:
    async def story(world: World) -> None:
        subscription = await world.broadcast.subscribe()
        incident = Incident(7, Cause("db exited", "db"), "db exited", 1_705_312_800.0, None)
        world.broadcast.incident_changed(incident)
        world.broadcast.incident_changed(replace(incident, severity="critical"))
        world.broadcast.incident_changed(replace(incident, id=8))
        _, first, second = await taken(subscription)
        assert (first["type"], first["data"]["id"], first["data"]["severity"]) == ("incident", 7, "critical")
        assert (second["data"]["id"], "timeline" in second["data"]) == (8, False)

    play(story)


def test_a_message_is_one_text_for_all_clients_and_so_is_the_snapshot() -> None:
    async def story(world: World) -> None:
        clients = [await world.broadcast.subscribe() for _ in range(3)]
        openings = [await client.take() for client in clients]
        assert world.snapshots == 1
        assert openings[0] == openings[1]
        world.broadcast.changed(replace(SERVICE, status=Status.STOPPED))
        texts = [(await client.take())[0] for client in clients]
        assert texts[0] is texts[1] is texts[2]
        await (await world.broadcast.subscribe()).take()
        assert world.snapshots == 2, "it had changed"

    play(story)


def test_more_clients_than_may_be_are_refused_until_one_leaves() -> None:
    async def story(world: World) -> None:
        first = await world.broadcast.subscribe()
        with pytest.raises(TooManyClients):
            await world.broadcast.subscribe()
        world.broadcast.leave(first)
        assert await first.ended() == "left"
        await world.broadcast.subscribe()

    play(story, most_clients=1)


def test_a_client_waits_for_what_the_store_remembers_but_not_for_ever() -> None:
    async def story() -> None:
        world = World()
        with pytest.raises(NotStarted):
            await world.broadcast.subscribe(1)
        assert asyncio.get_running_loop().time() == pytest.approx(START_DEADLINE)

    run_virtual(story)


def test_at_the_end_every_client_is_told_and_a_late_one_too() -> None:
    async def story(world: World) -> None:
        subscription = await world.broadcast.subscribe()
        closing = asyncio.create_task(world.broadcast.close())
        assert await subscription.ended() == "shutdown"
        world.broadcast.leave(subscription)
        await closing
        assert await (await world.broadcast.subscribe()).ended() == "shutdown"

    play(story)
