"""What an HTTP answer means, asked of real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from orchestrator.adapters.probes.http import BODY_LIMIT, HttpProbe, json_object, text_excerpt
from orchestrator.core.model import HttpCheck, Verdict
from orchestrator.ports import Reading, Target
from tests.adapters.probes.servers import Served, http, serving


def ask(
    pieces: Sequence[bytes],
    check: HttpCheck | None = None,
    *,
    hold: bool = False,
    timeout: float = 30.0,
    host: str = "127.0.0.1",
) -> tuple[Reading, Served]:
    async def main() -> tuple[Reading, Served]:
        async with serving(pieces, hold=hold, host=host) as server:
            target = Target("c1", server.host, server.port)
            return await HttpProbe().probe(check or HttpCheck("/health"), target, timeout), server

    return asyncio.run(main())


def test_the_request_names_the_path_and_the_host_and_asks_to_close() -> None:
    _, server = ask([http("200 OK")], HttpCheck("/health?deep=1"))
    head, *lines = server.heard[0].decode().split("\r\n")
    assert head == "GET /health?deep=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert "Connection: close" in lines


def test_a_path_cannot_smuggle_a_header() -> None:
    _, server = ask([http("200 OK")], HttpCheck("health\r\nX-Evil: yes"))
    head = server.heard[0].decode().split("\r\n")[0]
    assert head == "GET /health%0D%0AX-Evil:%20yes HTTP/1.1"


def test_an_ipv6_address_is_asked_and_bracketed() -> None:
    reading, server = ask([http("200 OK")], host="::1")
    assert reading.verdict is Verdict.PASS
    assert f"Host: [::1]:{server.port}".encode() in server.heard[0]


def test_a_name_is_resolved() -> None:
    async def main() -> Reading:
        async with serving([http("200 OK")]) as server:
            return await HttpProbe().probe(HttpCheck("/"), Target("c1", "localhost", server.port), 30.0)

    assert asyncio.run(main()).verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "no..name"])
def test_a_name_that_our_resolver_refuses_is_no_observation(name: str) -> None:
    reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), Target("c1", name, 80), 5.0))
    assert reading.verdict is Verdict.UNKNOWN
    assert name in reading.detail


def test_no_route_is_no_observation() -> None:
    reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), Target("c1", "255.255.255.255", 80), 5.0))
    assert reading == Reading(Verdict.UNKNOWN, "could not be asked: Network is unreachable")


@pytest.mark.parametrize("port", [0, 65536, None])
def test_an_impossible_port_is_no_observation(port: int | None) -> None:
    reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), Target("c1", "127.0.0.1", port), 5.0))
    assert reading.verdict is Verdict.UNKNOWN


def test_a_refused_connection_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), Target("c1", "127.0.0.1", port), 5.0))
    assert reading == Reading(Verdict.FAIL, "connection refused")


def test_a_server_that_accepts_and_never_answers_fails_at_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        target = Target("c1", "127.0.0.1", frozen.getsockname()[1])
        reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), target, 0.1))
    assert reading == Reading(Verdict.FAIL, "no answer within 0.1 s")


@contextmanager
def swallowing() -> Iterator[tuple[str, int]]:
    """An address at which connection attempts get no answer at all: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as frozen:
        address = frozen.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        yield address
        for one in waiting:
            one.close()


def test_a_full_backlog_is_no_answer_and_is_waited_for_no_longer_than_the_time_out() -> None:
    with swallowing() as address:
        reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), Target("c1", *address), 0.1))
    assert reading == Reading(Verdict.FAIL, "no answer within 0.1 s")


def test_silence_at_an_address_that_nobody_ever_reached_says_nothing_of_the_service() -> None:
    with swallowing() as (host, port):
        reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), Target("c1", host, port, doubtful=True), 0.1))
    assert reading.verdict is Verdict.UNKNOWN
    assert "cannot be reached from here: publish the port, or set host" in reading.detail


def test_a_server_that_accepts_and_never_answers_fails_also_where_nobody_was_before() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        target = Target("c1", "127.0.0.1", frozen.getsockname()[1], doubtful=True)
        reading = asyncio.run(HttpProbe().probe(HttpCheck("/"), target, 0.1))
    assert reading == Reading(Verdict.FAIL, "no answer within 0.1 s")


@pytest.mark.parametrize("status", ["302 Found\r\nLocation: http://127.0.0.1:1/", "404 Not Found", "503 Busy"])
def test_any_other_status_fails_and_a_redirect_is_not_followed(status: str) -> None:
    reading, server = ask([http(status)])
    assert reading == Reading(Verdict.FAIL, f"HTTP {status[:3]}")
    assert len(server.heard) == 1


def test_the_expected_statuses_are_configurable() -> None:
    check = HttpCheck("/", expect_status=(204, 401))
    assert ask([http("401 Unauthorized")], check)[0].verdict is Verdict.PASS
    assert ask([http("200 OK")], check)[0].verdict is Verdict.FAIL


def test_a_failure_quotes_a_text_body() -> None:
    reading, _ = ask([http("500 Internal Server Error", b"model not\n loaded")])
    assert reading.detail == "HTTP 500: model not loaded"


def test_a_failure_does_not_quote_markup() -> None:
    reading, _ = ask([http("502 Bad Gateway", b"<html><h1>502</h1></html>")])
    assert reading.detail == "HTTP 502"


def test_a_json_object_is_handed_over_and_does_not_change_the_verdict() -> None:
    reading, _ = ask([http("200 OK", json.dumps({"status": "unhealthy"}).encode())])
    assert reading == Reading(Verdict.PASS, "HTTP 200", {"status": "unhealthy"})


def test_an_answer_in_many_packets_is_put_together() -> None:
    whole = http("200 OK", b'{"status": "healthy"}')
    reading, _ = ask([whole[i : i + 7] for i in range(0, len(whole), 7)])
    assert reading.body == {"status": "healthy"}


def test_a_chunked_answer_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    reading, _ = ask([head, b'8\r\n{"ready"\r\n', b"6\r\n:true}\r\n0\r\n\r\n"], hold=True)
    assert reading == Reading(Verdict.PASS, "HTTP 200", {"ready": True})


def test_an_answer_that_ends_with_its_connection_is_read() -> None:
    reading, _ = ask([b'HTTP/1.0 200 OK\r\n\r\n{"ready":true}'])
    assert reading == Reading(Verdict.PASS, "HTTP 200", {"ready": True})


def test_an_interim_answer_is_not_the_answer() -> None:
    reading, _ = ask([b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", http("500 Internal Server Error")])
    assert reading == Reading(Verdict.FAIL, "HTTP 500")


def test_a_complete_answer_is_not_kept_waiting_for_the_server_to_hang_up() -> None:
    assert ask([http("200 OK", b"fine")], hold=True)[0].verdict is Verdict.PASS


def test_more_than_the_limit_of_a_body_is_not_waited_for() -> None:
    endless = [b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * BODY_LIMIT]
    assert ask(endless, hold=True)[0] == Reading(Verdict.PASS, "HTTP 200")


def test_headers_without_end_are_no_http() -> None:
    endless = [b"HTTP/1.1 200 OK\r\n"] + [b"X-Filler: " + b"x" * 8000 + b"\r\n"] * 20
    reading, _ = ask(endless, hold=True)
    assert reading.verdict is Verdict.FAIL
    assert "headers without end" in reading.detail


def test_another_protocol_fails_as_such() -> None:
    reading, _ = ask([b"SSH-2.0-OpenSSH_9.2\r\n"], hold=True)
    assert reading.verdict is Verdict.FAIL
    assert reading.detail.startswith("the answer is not HTTP")


def test_an_upgrade_nobody_asked_for_fails() -> None:
    reading, _ = ask([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"], hold=True)
    assert reading.verdict is Verdict.FAIL


def test_hanging_up_without_a_word_fails() -> None:
    assert ask([])[0] == Reading(Verdict.FAIL, "connection closed without an answer")


def test_a_body_that_breaks_off_fails() -> None:
    reading, _ = ask([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"])
    assert reading == Reading(Verdict.FAIL, "HTTP 200, but the connection broke off in the body")


def test_a_body_that_stalls_fails_at_the_time_out() -> None:
    reading, _ = ask([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"], hold=True, timeout=0.5)
    assert reading == Reading(Verdict.FAIL, "HTTP 200, but the body did not end within 0.5 s")


def test_a_reset_connection_fails() -> None:
    async def main() -> Reading:
        def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        server = await asyncio.start_server(reset, "127.0.0.1", 0)
        async with server:
            target = Target("c1", *server.sockets[0].getsockname())
            return await HttpProbe().probe(HttpCheck("/"), target, 5.0)

    reading = asyncio.run(main())
    assert reading.verdict is Verdict.FAIL
    assert reading.detail.startswith("connection ")


@pytest.mark.parametrize("body", [b"[1]", b"{", b'{"a":' * 100_000, b"", b"\xff\xfe{}", b"null"])
def test_what_is_no_json_object_is_left_out(body: bytes) -> None:
    assert json_object(body) is None


def test_an_excerpt_is_one_short_line() -> None:
    assert text_excerpt(b"a\r\n b\t c") == "a b c"
    assert text_excerpt(b"\x00\x01binary") == ""
    assert len(text_excerpt(b"word " * 1000)) == 100
