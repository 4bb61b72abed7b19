import asyncio

import pytest

from orchestrator.core.messages import Enable, Outcome, Reply, Result
from orchestrator.core.sighting import Survey
from orchestrator.runtime.inbox import MOST_WAITING_COMMANDS, Asked, Ended, Inbox, InboxFull, Looked, Surveyed
from orchestrator.testing import run_virtual


def ended(action_id: str) -> Ended:
    return Ended("web", Outcome(action_id, Result.DONE, ""))


def test_a_newer_look_replaces_the_older_one_and_takes_the_last_place() -> None:
    async def story() -> None:
        inbox = Inbox()
        inbox.post(Looked("web", None, 1.0))
        inbox.post(Looked("db", None, 1.0))
        inbox.post(Looked("web", None, 2.0))

        assert inbox.drain() == [Looked("db", None, 1.0), Looked("web", None, 2.0)]
        assert inbox.drain() == []

    run_virtual(story)


def test_a_newer_list_keeps_the_place_of_the_older_one_so_that_no_look_comes_before_its_service_is_known() -> None:
    async def story() -> None:
        inbox = Inbox()
        newer = Surveyed(Survey({}, {"web": "unknown"}))
        inbox.post(Surveyed(Survey({}, {})))
        inbox.post(Looked("db", None, 1.0))
        inbox.post(newer)

        assert inbox.drain() == [newer, Looked("db", None, 1.0)]

    run_virtual(story)


def test_no_outcome_is_ever_replaced() -> None:
    async def story() -> None:
        inbox = Inbox()
        inbox.post(ended("a"))
        inbox.post(ended("b"))

        assert inbox.drain() == [ended("a"), ended("b")]

    run_virtual(story)


def test_commands_beyond_the_bound_are_refused_and_accepted_again_after_a_turn() -> None:
    async def story() -> None:
        inbox = Inbox()

        def ask() -> None:
            reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            inbox.post(Asked("web", Enable("somebody"), reply))

        for _ in range(MOST_WAITING_COMMANDS):
            ask()
        with pytest.raises(InboxFull):
            ask()
        assert len(inbox.drain()) == MOST_WAITING_COMMANDS
        ask()

    run_virtual(story)


def test_waiting_ends_with_the_first_post() -> None:
    async def story() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        loop.call_later(3.0, inbox.post, Surveyed(Survey({}, {})))

        await inbox.wait(60.0)

        assert loop.time() == pytest.approx(3.0)
        await inbox.wait(60.0)
        assert loop.time() == pytest.approx(3.0), "what is there already is not waited for"

    run_virtual(story)


def test_waiting_ends_at_its_deadline() -> None:
    async def story() -> None:
        await Inbox().wait(5.0)
        assert asyncio.get_running_loop().time() == pytest.approx(5.0)

    run_virtual(story)
