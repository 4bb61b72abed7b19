"""Clients that send too much, too slowly or too often, on real sockets of the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import connect

from orchestrator.api import server
from orchestrator.api.app import create_app
from orchestrator.api.connections import Limits
from orchestrator.api.envelope import LARGEST_BODY
from orchestrator.api.security import Access
from tests.api.asgi import Answer
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service
from tests.api.test_services import problem

LIVE = b"GET /api/system/health/live HTTP/1.1\r\nHost: localhost\r\n"
RESTART = b"POST /api/system/services/web/restart HTTP/1.1\r\nHost: localhost\r\n"
PATIENT = Limits(head_within=600, body_within=600)
IMPATIENT = Limits(head_within=0.05, body_within=0.05)


class Client(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> Answer:
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, *fields = head.decode().split("\r\n")[:-2]
        headers = dict(field.split(": ", 1) for field in fields)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(status.split()[1]), headers, body)

    async def ended(self) -> bytes:
        """What comes until the server has closed the connection."""
        rest = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while block := await self.reader.read(65536):
                rest += block
        return bytes(rest)


class Place(NamedTuple):
    supervisor: FakeSupervisor
    port: int

    @contextlib.asynccontextmanager
    async def client(self, sent: bytes = b"") -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


Story = Callable[[Place], Awaitable[Any]]


def play(
    story: Story, limits: Limits = PATIENT, access: Access | None = None, app: ASGIApp | None = None
) -> FakeSupervisor:
    supervisor = FakeSupervisor([a_service("web")])
    supervisor.broadcast.begin(0)

    async def both() -> None:
        listener = server.listen("127.0.0.1", 0, token=None)
        place = Place(supervisor, listener.getsockname()[1])
        over = asyncio.Event()

        async def run() -> None:
            await over.wait()

        served = app or create_app(supervisor, StoppedClock(), access)
        farewell = supervisor.broadcast.close
        async with asyncio.timeout(60):
            serving = asyncio.create_task(server.serve(served, listener, run, farewell, limits=limits))
            try:
                await story(place)
            finally:
                over.set()
                await serving

    asyncio.run(both())
    return supervisor


# --- too much -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        LIVE + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
        LIVE + b"X: 1\r\n" * 6_000 + b"\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        LIVE + b"X: " + b"x" * 20_000,
        LIVE + b"x" * 20_000,
        b"GET /" + b"x" * 20_000,
    ],
    ids=["a header", "many headers", "an address", "no end of a value", "no end of a name", "no end of an address"],
)
def test_a_head_that_is_too_long_is_refused_and_its_connection_ended(sent: bytes) -> None:
    async def story(place: Place) -> None:
        async with place.client(sent) as client:
            answer = await client.answer()
            problem(answer, 431, "too_large")
            assert answer.headers["connection"] == "close"
            assert answer.headers["cache-control"] == "no-store"
            assert await client.ended() == b""

    play(story)


def test_a_head_as_long_as_a_browser_s_is_served_piece_by_piece() -> None:
    async def story(place: Place) -> None:
        async with place.client(LIVE) as client:
            for _ in range(8):
                client.writer.write(b"Cookie: " + b"x" * 1500 + b"\r\n")
                await client.writer.drain()
            client.writer.write(b"\r\n")
            assert (await client.answer()).status == 200

    play(story)


def test_an_endless_body_ends_the_connection_although_it_is_refused_unread() -> None:
    async def story(place: Place) -> None:
        async with place.client(RESTART + b"Transfer-Encoding: chunked\r\n\r\n") as client:
            problem(await client.answer(), 401, "unauthorized")
            with contextlib.suppress(ConnectionError):
                for _ in range(64):
                    client.writer.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                    await client.writer.drain()
            assert await client.ended() == b""

    play(story, access=Access("127.0.0.1", "a token of this test"))


def test_what_follows_a_chunked_body_is_no_header() -> None:
    async def story(place: Place) -> None:
        sent = b"Transfer-Encoding: chunked\r\n\r\n0\r\nOrigin: https://evil.example\r\n\r\n"
        async with place.client(RESTART + sent) as client:
            assert (await client.answer()).status == 202

    assert len(play(story).commands) == 1


def test_what_is_no_http_is_refused_and_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story(place: Place) -> None:
        async with place.client(b"\x16\x03\x01 hello\r\n\r\n") as client:
            problem(await client.answer(), 400, "http")
            assert await client.ended() == b""
        async with place.client(LIVE + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n") as client:
            assert (await client.answer()).status == 200

    with caplog.at_level(logging.WARNING):
        play(story)
    assert caplog.records == []


# --- too slow -----------------------------------------------------------------------------------------------


def test_a_client_that_sends_nothing_is_let_go() -> None:
    async def story(place: Place) -> None:
        async with place.client() as client:
            assert await client.ended() == b""

    play(story, IMPATIENT)


def test_bytes_that_drip_in_do_not_keep_a_head_from_being_overdue() -> None:
    async def story(place: Place) -> None:
        async with place.client(LIVE) as client:
            ended = asyncio.create_task(client.answer())
            with contextlib.suppress(ConnectionError):
                while not ended.done():
                    client.writer.write(b"x")
                    await client.writer.drain()
                    await asyncio.wait({ended}, timeout=0.005)
            problem(await ended, 408, "http")

    play(story, IMPATIENT)


def test_blank_lines_between_requests_do_not_keep_a_connection() -> None:
    async def story(place: Place) -> None:
        async with place.client(LIVE + b"\r\n") as client:
            assert (await client.answer()).status == 200
            client.writer.write(b"\r\n")
            problem(await client.answer(), 408, "http")
            assert await client.ended() == b""

    play(story, IMPATIENT)


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 5\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
)
def test_a_request_whose_body_does_not_come_does_nothing(framing: bytes) -> None:
    async def story(place: Place) -> None:
        async with place.client(RESTART + framing) as client:
            problem(await client.answer(), 408, "http")
            assert await client.ended() == b""

    assert play(story, IMPATIENT).commands == []


def test_a_request_whose_client_leaves_in_the_middle_does_nothing() -> None:
    async def story(place: Place) -> None:
        async with place.client(RESTART + b"Content-Length: 5\r\n\r\nabc"):
            pass
        async with place.client(LIVE + b"Connection: close\r\n\r\n") as client:
            assert (await client.answer()).status == 200

    assert play(story).commands == []


def test_an_answer_that_takes_its_time_is_not_cut_off() -> None:
    """The client has sent all that it had to: who is waited for is us."""
    may_answer = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await may_answer.wait()
        await Response()(scope, receive, send)

    async def story(place: Place) -> None:
        async with place.client(LIVE + b"\r\n") as client, place.client() as idle:
            assert await idle.ended() == b"", "longer than a request may take to come"
            may_answer.set()
            assert (await client.answer()).status == 200

    play(story, IMPATIENT, app=slow)


# --- too many -----------------------------------------------------------------------------------------------


async def admitted(place: Place) -> None:
    """Until a client is served: those that left are counted until the server has seen them go."""
    while True:
        async with place.client(LIVE + b"Connection: close\r\n\r\n") as client:
            with contextlib.suppress(ConnectionResetError, asyncio.IncompleteReadError):
                if (await client.answer()).status == 200:
                    return


def test_more_connections_than_there_is_room_for_are_refused_until_others_leave(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(place: Place) -> None:
        async with connect(f"ws://127.0.0.1:{place.port}/ws/events", proxy=None) as stream:
            await stream.recv()
            async with place.client(LIVE + b"\r\n") as second:
                assert (await second.answer()).status == 200
                for _ in range(3):
                    async with place.client() as refused:
                        problem(await refused.answer(), 503, "too_many")
                        assert await refused.ended() == b""
                second.writer.write(LIVE + b"\r\n")
                assert (await second.answer()).status == 200, "who is in stays in"
            await admitted(place)

    with caplog.at_level(logging.WARNING, "orchestrator"):
        play(story, Limits(head_within=600, connections=2))
    told = [record.getMessage() for record in caplog.records]
    assert told == ["API full: new connections are refused"]


def test_a_body_may_be_as_large_as_is_promised() -> None:
    async def story(place: Place) -> None:
        sent = b"Content-Length: %d\r\n\r\n" % LARGEST_BODY + b"x" * LARGEST_BODY
        async with place.client(RESTART + sent) as client:
            assert (await client.answer()).status == 202

    play(story)
