"""The dead-man ping over real sockets."""

from __future__ import annotations

import asyncio

from orchestrator.adapters.dead_man import DeadManPing
from tests.adapters.notifiers.receiver import listening


def ping(url: str, timeout: float = 20.0) -> str:
    return asyncio.run(DeadManPing(url).ping(timeout))


def test_a_ping_is_a_get_of_the_whole_address_and_says_nothing_of_us() -> None:
    with listening() as receiver:
        assert ping(f"http://{receiver.address}/ping/secret-uuid?x=1") == ""
    (got,) = receiver.received
    assert (got.path, got.body) == ("/ping/secret-uuid?x=1", b"")


def test_what_is_not_accepted_is_said_in_words_without_the_address() -> None:
    with listening() as receiver:
        receiver.status = 404
        assert ping(f"http://{receiver.address}/secret-uuid") == "HTTP 404"
        address = receiver.address
    assert ping(f"http://{address}/secret-uuid") == "connection refused"


def test_who_does_not_answer_is_not_waited_for_for_ever() -> None:
    with listening() as receiver:
        receiver.hangs = True
        assert ping(f"http://{receiver.address}/", timeout=0.2) == "no answer within 0.2 s"
        receiver.release()


def test_only_scheme_and_host_of_the_address_are_shown() -> None:
    assert DeadManPing("https://u:p@ping.example:8443/secret").address == "https://ping.example:8443"
