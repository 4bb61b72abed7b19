"""What the first line of Redis' answer proves."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.adapters.probes.redis import RedisProbe, judge
from orchestrator.core.model import RedisCheck, Verdict
from orchestrator.ports import Reading, Target
from tests.adapters.probes.servers import Served, serving


def ask(*pieces: bytes, hold: bool = True) -> tuple[Reading, Served]:
    async def main() -> tuple[Reading, Served]:
        async with serving(pieces, hold=hold) as server:
            reading = await RedisProbe().probe(RedisCheck(), Target("c1", server.host, server.port), 30.0)
            return reading, server

    return asyncio.run(main())


def test_it_says_ping_and_nothing_else() -> None:
    reading, server = ask(b"+PONG\r\n")
    assert reading == Reading(Verdict.PASS, "PONG")
    assert server.heard == [b"PING\r\n"]


def test_an_answer_in_pieces_is_put_together() -> None:
    assert ask(b"+PO", b"NG", b"\r", b"\n")[0].verdict is Verdict.PASS


def test_an_endless_line_is_no_redis() -> None:
    assert ask(b"+" + b"x" * 5000)[0].verdict is Verdict.FAIL


def test_hanging_up_without_a_word_fails() -> None:
    assert ask(hold=False)[0] == Reading(Verdict.FAIL, "connection closed without an answer")


@pytest.mark.parametrize(
    "refusal",
    [
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "NOPERM this user has no permissions to run the 'ping' command",
        "DENIED Redis is running in protected mode",
        "ERR unknown command 'PING', with args beginning with: ",
    ],
)
def test_a_refusal_of_us_proves_a_live_server(refusal: str) -> None:
    reading = judge(f"-{refusal}")
    assert reading.verdict is Verdict.PASS
    assert refusal in reading.detail


@pytest.mark.parametrize(
    "refusal",
    [
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "BUSY Redis is busy running a script.",
        "ERR max number of clients reached",
    ],
)
def test_a_refusal_of_everybody_fails_with_its_words(refusal: str) -> None:
    reading = judge(f"-{refusal}")
    assert reading.verdict is Verdict.FAIL
    assert refusal[:40] in reading.detail


def test_another_protocol_fails_as_such() -> None:
    assert judge("HTTP/1.1 400 Bad Request").detail == "the answer is not Redis: 'HTTP/1.1 400 Bad Request'"
