"""What every channel promises, real or fake: see :class:`orchestrator.ports.Notifier`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from orchestrator.bootstrap import make_notifier
from orchestrator.configuration.notifications import ChannelSettings
from orchestrator.core.notification import Notification, Tone
from orchestrator.ports import Notifier, Receipt
from orchestrator.runtime.clock import SystemClock
from orchestrator.testing.notifier import FakeNotifier
from tests.adapters.notifiers.receiver import listening

LONG = 20.0
SHORT = 0.3
PASSWORD = "hunter2hunter2"
MESSAGE = Notification("k1", Tone.BAD, "[box] db is down", "Cause: db", "- **Cause**: db", {"subject": "db is down"})


@dataclass
class Channel:
    notifier: Notifier
    refuse: Callable[[], object]
    hang: Callable[[], object]
    recover: Callable[[], object]
    """From both."""
    taken: Callable[[], int]
    """Messages that arrived and were not refused."""


@pytest.fixture(params=["webhook", "apprise", "fake"])
def channel(request: pytest.FixtureRequest) -> Iterator[Channel]:
    if request.param == "fake":
        yield _fake()
        return
    scheme = {"webhook": "http", "apprise": "json"}[request.param]
    with listening() as receiver:
        refused: list[int] = []

        def refuse() -> None:
            receiver.status = 503

        def recover() -> None:
            refused.append(len(receiver.received))
            receiver.status = 204
            receiver.release()

        settings = ChannelSettings(SecretStr(f"{scheme}://user:{PASSWORD}@{receiver.address}/hook"))
        yield Channel(
            notifier=make_notifier(settings, SystemClock()),
            refuse=refuse,
            hang=lambda: setattr(receiver, "hangs", True),
            recover=recover,
            taken=lambda: len(receiver.received) - (refused[-1] if refused else 0),
        )


def _fake() -> Channel:
    fake = FakeNotifier()

    def recover() -> None:
        fake.refuses, fake.hangs = "", False

    return Channel(
        notifier=fake,
        refuse=lambda: setattr(fake, "refuses", "HTTP 503"),
        hang=lambda: setattr(fake, "hangs", True),
        recover=recover,
        taken=lambda: len(fake.received),
    )


def test_a_message_arrives_once_and_that_is_known(channel: Channel) -> None:
    async def story() -> Receipt:
        try:
            return await channel.notifier.send(MESSAGE, LONG)
        finally:
            await channel.notifier.close()

    assert asyncio.run(story()).accepted
    assert channel.taken() == 1


def test_a_refusal_is_told_and_no_exception_and_the_next_message_arrives(channel: Channel) -> None:
    async def story() -> tuple[Receipt, Receipt]:
        channel.refuse()
        refused = await channel.notifier.send(MESSAGE, LONG)
        channel.recover()
        accepted = await channel.notifier.send(MESSAGE, LONG)
        await channel.notifier.close()
        return refused, accepted

    refused, accepted = asyncio.run(story())
    assert not refused.accepted
    assert "503" in refused.detail
    assert accepted.accepted
    assert channel.taken() == 1


def test_who_hangs_is_given_up_in_time_and_the_next_message_arrives(channel: Channel) -> None:
    async def story() -> tuple[Receipt, Receipt]:
        channel.hang()
        async with asyncio.timeout(LONG):
            hung = await channel.notifier.send(MESSAGE, SHORT)
        channel.recover()
        async with asyncio.timeout(LONG):
            while not (accepted := await channel.notifier.send(MESSAGE, LONG)).accepted:
                await asyncio.sleep(0.01)  # until the attempt before has let go
        await channel.notifier.close()
        return hung, accepted

    hung, accepted = asyncio.run(story())
    assert (hung.accepted, hung.detail) == (False, "no answer within 0.3 s")
    assert accepted.accepted


def test_nothing_secret_is_shown(channel: Channel) -> None:
    async def story() -> Receipt:
        channel.refuse()
        try:
            return await channel.notifier.send(MESSAGE, LONG)
        finally:
            await channel.notifier.close()

    shown = f"{asyncio.run(story())} {channel.notifier.address}"
    assert PASSWORD not in shown


def test_it_may_be_closed_before_anything_was_sent(channel: Channel) -> None:
    asyncio.run(channel.notifier.close())
