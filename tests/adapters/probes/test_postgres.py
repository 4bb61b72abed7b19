"""How PostgreSQL's answer to a start-up packet is judged, and how the probe takes its leave."""

from __future__ import annotations

import asyncio
import struct

import pytest

from orchestrator.adapters.probes.postgres import PostgresProbe, startup_packet
from orchestrator.core.model import PostgresCheck, Verdict
from orchestrator.ports import Reading, Target
from tests.adapters.probes.servers import Served, serving


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def error(code: str, words: str) -> bytes:
    return message(b"E", f"SFATAL\0VFATAL\0C{code}\0M{words}\0\0".encode())


AUTHENTICATED = message(b"R", struct.pack("!i", 0))
SCRAM_WANTED = message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0")
READY = message(b"Z", b"I")
SETTINGS = message(b"S", b"TimeZone\0UTC\0") + message(b"K", b"\0" * 8)


def ask(*pieces: bytes, hold: bool = True, timeout: float = 30.0) -> tuple[Reading, Served]:
    async def main() -> tuple[Reading, Served]:
        async with serving(pieces, hold=hold) as server:
            target = Target("c1", server.host, server.port)
            reading = await PostgresProbe().probe(PostgresCheck("watcher"), target, timeout)
            if hold:
                await asyncio.wait_for(server.left.wait(), 30.0)
            return reading, server

    return asyncio.run(main())


def test_the_startup_packet_names_the_user_and_its_own_database() -> None:
    packet = startup_packet("watcher")
    assert struct.unpack("!ihh", packet[:8]) == (len(packet), 3, 0)
    fields = packet[8:].removesuffix(b"\0\0").split(b"\0")
    assert dict(zip(fields[::2], fields[1::2], strict=True)) == {
        b"user": b"watcher",
        b"database": b"watcher",
        b"application_name": b"orchestrator",
    }


def test_a_user_name_cannot_smuggle_a_setting() -> None:
    assert b"user\0a" + b"replication" in startup_packet("a\0replication")


def test_a_request_for_a_password_proves_a_started_server() -> None:
    reading, server = ask(SCRAM_WANTED)
    assert reading == Reading(Verdict.PASS, "accepting connections")
    assert server.farewells == [b""]


def test_a_session_without_a_password_is_ended_politely() -> None:
    reading, server = ask(AUTHENTICATED, SETTINGS, READY)
    assert reading.verdict is Verdict.PASS
    assert server.farewells == [b"X\0\0\0\4"]


def test_an_answer_in_pieces_is_put_together() -> None:
    whole = AUTHENTICATED + SETTINGS + READY
    reading, server = ask(*(whole[i : i + 3] for i in range(0, len(whole), 3)))
    assert reading.verdict is Verdict.PASS
    assert server.farewells == [b"X\0\0\0\4"]


def test_an_authenticated_session_that_stalls_or_breaks_still_proves_a_started_server() -> None:
    assert ask(AUTHENTICATED, timeout=0.5)[0].verdict is Verdict.PASS
    assert ask(AUTHENTICATED, hold=False)[0].verdict is Verdict.PASS


@pytest.mark.parametrize("words", ["the database system is starting up", "the database system is shutting down"])
def test_cannot_connect_now_fails_with_the_servers_words(words: str) -> None:
    assert ask(error("57P03", words))[0] == Reading(Verdict.FAIL, words)


@pytest.mark.parametrize("code", ["53300", "28000", "3D000", "08P01"])
def test_any_other_error_with_a_code_passes_as_pg_isready_has_it(code: str) -> None:
    reading, _ = ask(error(code, "some words"))
    assert reading == Reading(Verdict.PASS, "accepting connections (some words)")


def test_an_error_without_a_code_fails() -> None:
    assert ask(message(b"E", b"Mout of luck\0\0"))[0] == Reading(Verdict.FAIL, "out of luck")


def test_the_bare_text_of_a_postmaster_that_cannot_fork_fails() -> None:
    reading, _ = ask(b"Ecould not fork new process for connection\n\0")
    assert reading.verdict is Verdict.FAIL
    assert "could not fork" in reading.detail


def test_another_protocol_fails_as_such() -> None:
    reading, _ = ask(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert reading.verdict is Verdict.FAIL
    assert reading.detail.startswith("the answer is not PostgreSQL")


def test_hanging_up_without_a_word_fails() -> None:
    assert ask(hold=False)[0] == Reading(Verdict.FAIL, "connection closed without an answer")
