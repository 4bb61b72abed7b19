"""Delivery in virtual time: settling, retries, a channel that hangs, quiet hours by the clock, our own death."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from orchestrator.core.incidents import Cause, Incident, Member
from orchestrator.core.model import Category, Status
from orchestrator.core.routing import Digest, QuietHours, Route, Rules
from orchestrator.core.windows import Window
from orchestrator.errors import UnknownChannel
from orchestrator.ports import Document
from orchestrator.runtime.notifier import PATIENCE, Messenger, Telling
from orchestrator.testing.clock import EPOCH, VirtualClock
from orchestrator.testing.loop import run_virtual
from orchestrator.testing.notifier import FakeNotifier

CATEGORIES = {"db": Category.INFRASTRUCTURE, "llm": Category.AI}

ONCE = Rules(reminder=0.0)


@dataclass
class Office:
    """A messenger with its channels, and what outlives it."""

    rules: Rules = ONCE
    channels: Mapping[str, FakeNotifier] = field(default_factory=lambda: {"ops": FakeNotifier()})
    kept: Document = field(default_factory=dict)
    past: tuple[Incident, ...] = ()
    notes: list[tuple[int, str]] = field(default_factory=list)
    renumbered: set[int] = field(default_factory=set)
    clock: VirtualClock = field(default_factory=VirtualClock)

    @property
    def telling(self) -> Telling:
        return Telling(replace(self.rules, channels=tuple(self.channels)), self.channels, "box")

    @contextmanager
    def open(self) -> Iterator[Messenger]:
        """Until it is killed: nothing is said to it at the end."""

        def keep(document: Document) -> None:
            self.kept = document

        messenger = Messenger(
            self.telling,
            self.clock,
            self,
            category_of=CATEGORIES.get,
            keep=keep,
        )
        messenger.take_over(self.kept)
        task = asyncio.get_running_loop().create_task(messenger.run())
        try:
            yield messenger
        finally:
            task.cancel()

    # the archive

    def is_open(self, number: int) -> bool:
        return number not in self.renumbered

    async def recent(self) -> tuple[Incident, ...]:
        return self.past

    def note(self, incident: Incident, words: str) -> None:
        self.notes.append((incident.id, words))

    def incident(self, number: int = 1, service: str = "db", **changes: Any) -> Incident:
        now = self.clock.now().wall
        members = (Member(service, "root", Status.STOPPED, now),)
        opened = Incident(number, Cause(f"{service} died", service), f"{service}: died", now, now, members=members)
        return replace(opened, **changes)

    def over(self, incident: Incident) -> Incident:
        now = self.clock.now().wall
        return replace(incident, recovered_at=now, closed_at=now)


def story(told: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(told)


def test_one_message_when_it_opens_and_one_when_it_is_resolved() -> None:
    office = Office()

    async def told() -> None:
        with office.open() as messenger:
            incident = office.incident()
            messenger.incident_changed(incident)
            await asyncio.sleep(29)
            assert office.channels["ops"].told == []
            await asyncio.sleep(2)
            for _ in range(30):
                messenger.incident_changed(incident)
                await asyncio.sleep(1)
            messenger.incident_changed(office.over(incident))
            await asyncio.sleep(1)
        assert office.channels["ops"].told == [("opened", [1]), ("resolved", [1])]
        assert office.notes == [(1, "ops was told (opened)"), (1, "ops was told (resolved)")]

    story(told)


def test_a_channel_that_hangs_holds_up_neither_the_others_nor_who_tells() -> None:
    office = Office(channels={"slow": FakeNotifier(hangs=True), "ops": FakeNotifier()})

    async def told() -> None:
        with office.open() as messenger:
            begun = office.clock.now().moment
            messenger.incident_changed(office.incident())
            assert office.clock.now().moment == begun
            await asyncio.sleep(30.1)
            assert office.channels["ops"].told == [("opened", [1])]
            await asyncio.sleep(PATIENCE + 1)
            slow, ops = messenger.views()
            assert (slow.working, slow.undelivered, slow.failed, slow.delivered) == (False, 1, 1, 0)
            assert slow.detail == f"no answer within {PATIENCE:g} s"
            assert slow.retry_at is not None
            assert (ops.working, ops.undelivered, ops.delivered, ops.retry_at) == (True, 0, 1, None)
            assert ops.delivered_at is not None
            office.channels["slow"].hangs = False
            await asyncio.sleep(10)
            assert office.channels["slow"].told == [("opened", [1])]

    story(told)


def test_what_was_not_delivered_is_after_our_death_and_what_was_is_not_again() -> None:
    office = Office(channels={"down": FakeNotifier(refuses="HTTP 500"), "ops": FakeNotifier()})

    async def told() -> None:
        incident = office.incident()
        with office.open() as messenger:
            messenger.incident_changed(incident)
            await asyncio.sleep(60)
        office.past = (incident,)
        office.channels["down"].refuses = ""
        await asyncio.sleep(60)
        with office.open() as messenger:
            await asyncio.sleep(1)
            assert office.channels["down"].told == [("opened", [1])]
            office.past = (office.over(incident),)
            await asyncio.sleep(1)
        with office.open():  # nobody told this life of the end: it was kept
            await asyncio.sleep(1)
        for channel in office.channels.values():
            assert channel.told == [("opened", [1]), ("resolved", [1])]
            assert len(channel.received) == 2

    story(told)


def test_a_message_whose_answer_was_lost_comes_again_under_the_same_key() -> None:
    office = Office()

    async def told() -> None:
        incident = office.incident()
        office.channels["ops"].deaf = True
        with office.open() as messenger:
            messenger.incident_changed(incident)
            await asyncio.sleep(31)
        office.channels["ops"].deaf, office.past = False, (incident,)
        with office.open():
            await asyncio.sleep(31)
        assert [each.key for each in office.channels["ops"].received] == [office.channels["ops"].received[0].key] * 2
        assert office.channels["ops"].told == [("opened", [1])]

    story(told)


def test_quiet_hours_are_by_the_clock_on_the_wall() -> None:
    assert EPOCH % 86_400 == 0  # midnight, UTC
    quiet = QuietHours(Window(22 * 60, 7 * 60, timezone="UTC"), critical_breaks_through=True)
    office = Office(Rules(quiet_hours=(quiet,), reminder=0.0))

    async def told() -> None:
        with office.open() as messenger:
            messenger.incident_changed(office.incident(1))
            messenger.incident_changed(office.incident(2, severity="critical"))
            await asyncio.sleep(7 * 3600 - 1)
            assert office.channels["ops"].told == [("opened", [2])]
            await asyncio.sleep(2)
            assert office.channels["ops"].told == [("opened", [2]), ("opened", [1])]

    story(told)


def test_routes_go_by_the_category_of_the_members_also_of_those_that_are_gone() -> None:
    rules = Rules(routes=(Route(("ops",), categories=frozenset({Category.AI})),), reminder=0.0)
    office = Office(rules)

    async def told() -> None:
        with office.open() as messenger:
            messenger.incident_changed(office.incident(1, "db"))
            llm = office.incident(2, "llm")
            messenger.incident_changed(llm)
            await asyncio.sleep(1)
            messenger.incident_changed(replace(llm, members=()))
            await asyncio.sleep(31)
            assert office.channels["ops"].told == [("opened", [2])]

    story(told)


def test_a_part_of_another_incident_ends_silently() -> None:
    office = Office()

    async def told() -> None:
        with office.open() as messenger:
            part, whole = office.incident(1, "llm"), office.incident(2, "db")
            messenger.incident_changed(part)
            await asyncio.sleep(31)
            messenger.incident_changed(whole)
            messenger.incident_changed(replace(office.over(part), merged_into=2))
            await asyncio.sleep(61)
            messenger.incident_changed(office.over(whole))
            await asyncio.sleep(1)
        assert office.channels["ops"].told == [("opened", [1]), ("updated", [2]), ("resolved", [2])]

    story(told)


def test_an_incident_that_goes_by_another_number_is_not_waited_for_under_the_old_one() -> None:
    office = Office(Rules(reminder=60.0))

    async def told() -> None:
        with office.open() as messenger:
            messenger.incident_changed(office.incident(1))
            await asyncio.sleep(31)
            office.renumbered.add(1)
            messenger.incident_changed(office.incident(8))
            await asyncio.sleep(120)
            assert [ids for kind, ids in office.channels["ops"].told if kind == "reminder"] == [[8]]

    story(told)


def test_another_configuration_is_in_force_at_once() -> None:
    office = Office()

    async def told() -> None:
        with office.open() as messenger:
            before = office.channels["ops"]
            messenger.incident_changed(office.incident())
            await asyncio.sleep(31)
            office.channels = {"phone": FakeNotifier()}
            messenger.adopt(office.telling)
            await asyncio.sleep(1)
            assert before.closed == 1
            assert [each.name for each in messenger.views()] == ["phone"]
            assert office.channels["phone"].told == [("opened", [1])]
            await messenger.close()
            assert office.channels["phone"].closed == 1

    story(told)


def test_a_storm_is_one_message_at_a_time() -> None:
    office = Office(Rules(digest=Digest(after=2, within=60.0), reminder=0.0))

    async def told() -> None:
        with office.open() as messenger:
            for number in range(1, 31):
                messenger.incident_changed(office.incident(number))
            await asyncio.sleep(40)
            assert office.channels["ops"].told == [("digest", list(range(1, 31)))]

    story(told)


def test_what_is_long_over_is_given_up() -> None:
    office = Office(channels={"ops": FakeNotifier(refuses="HTTP 410")})

    async def told() -> None:
        with office.open() as messenger:
            incident = office.incident()
            messenger.incident_changed(incident)
            await asyncio.sleep(60)
            messenger.incident_changed(office.over(incident))
            await asyncio.sleep(86_400 + 3600)
            office.channels["ops"].refuses = ""
            await asyncio.sleep(3600)
            (view,) = messenger.views()
            assert (view.undelivered, office.channels["ops"].received) == (0, [])

    story(told)


def test_a_test_message_goes_through_every_channel_and_how_it_ended_is_told() -> None:
    office = Office(channels={"ops": FakeNotifier(), "down": FakeNotifier(refuses="HTTP 403")})

    async def told() -> None:
        with office.open() as messenger:
            ops, down = await messenger.test()
            assert (ops.channel, ops.address, ops.receipt.accepted) == ("ops", "memory://", True)
            assert (down.channel, down.receipt.detail) == ("down", "HTTP 403")
            (alone,) = await messenger.test("ops")
            assert alone.receipt.accepted
            with pytest.raises(UnknownChannel, match=r"named 'opps'. There are: ops, down."):
                await messenger.test("opps")
            assert all(view.working and view.failed == 0 for view in messenger.views())

    story(told)
