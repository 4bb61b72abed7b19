"""``/ws/events`` by a real server on a socket of the loopback interface, and a real client."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from orchestrator.api import server
from orchestrator.api.app import create_app
from orchestrator.api.security import STREAM_PROTOCOL, Access
from orchestrator.runtime.broadcast import Broadcast
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service, an_event

TOKEN = "correct horse battery staple"
OFFERED = "orchestrator.bearer." + base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")

Story = Callable[[FakeSupervisor, str], Awaitable[None]]


def play(story: Story, access: Access | None = None, most_waiting: int = 100) -> None:
    async def both() -> None:
        supervisor = FakeSupervisor([a_service("web")], [an_event(n, "web", "Service recovered") for n in (1, 2, 3)])
        supervisor.broadcast = Broadcast(
            StoppedClock(), supervisor.system, supervisor.events, most_clients=2, most_waiting=most_waiting
        )
        supervisor.broadcast.begin(3)
        listener = server.listen("127.0.0.1", 0, token=None)
        address = server.address_of(listener).replace("http", "ws") + "/ws/events"
        over = asyncio.Event()

        async def run() -> None:
            await over.wait()

        app = create_app(supervisor, StoppedClock(), access)
        async with asyncio.timeout(60):
            serving = asyncio.create_task(server.serve(app, listener, run, supervisor.broadcast.close))
            try:
                await story(supervisor, address)
            finally:
                over.set()
                await serving

    asyncio.run(both())


async def heard(client: ClientConnection, count: int) -> list[Any]:
    return [json.loads(await client.recv()) for _ in range(count)]


async def refused(address: str, **given: Any) -> tuple[int, Any]:
    with pytest.raises(InvalidStatus) as failed:
        await connect(address, proxy=None, **given)
    response = failed.value.response
    return response.status_code, json.loads(response.body or b"{}")


def test_a_client_gets_the_snapshot_what_it_missed_and_what_happens() -> None:
    async def story(supervisor: FakeSupervisor, address: str) -> None:
        async with connect(f"{address}?since=1", proxy=None) as client:
            snapshot, second, third = await heard(client, 3)
            assert (snapshot["type"], snapshot["sequence"], snapshot["resumed"]) == ("snapshot", 3, True)
            assert [second, third] == [one.document for one in supervisor.kept[1:]]
            await client.send("nobody asked")
            supervisor.broadcast.recorded(an_event(4, "web", "Health check failed"))
            supervisor.broadcast.kept(4)
            (live,) = await heard(client, 1)
            assert live == an_event(4, "web", "Health check failed").document

    play(story)


def test_the_document_of_a_service_is_the_one_that_is_asked_for() -> None:
    async def story(supervisor: FakeSupervisor, address: str) -> None:
        async with connect(address, proxy=None) as client:
            (snapshot,) = await heard(client, 1)
            assert snapshot["data"]["services"][0]["health"]["verdict"] == "pass"
            assert snapshot["data"]["version"] == "1.2.3"
            assert (snapshot["data"]["status"], snapshot["data"]["engine"]["kind"]) == ("healthy", "docker")

    play(story)


def test_a_client_that_reads_too_slowly_is_closed_with_the_reason() -> None:
    async def story(supervisor: FakeSupervisor, address: str) -> None:
        async with connect(address, proxy=None) as slow:
            await heard(slow, 1)
            for sequence in range(4, 20):  # at once: more than may wait for anyone who does not get a turn
                supervisor.broadcast.recorded(an_event(sequence, "web", "Service recovered"))
            supervisor.broadcast.kept(19)
            with pytest.raises(ConnectionClosed) as closed:
                await heard(slow, 100)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "too slow: reconnect with since")

    play(story, most_waiting=10)


def test_a_client_is_told_that_the_orchestrator_ends() -> None:
    clients: list[ClientConnection] = []

    async def story(supervisor: FakeSupervisor, address: str) -> None:
        client = await connect(address, proxy=None)
        await heard(client, 1)
        clients.append(client)
        ending = asyncio.create_task(supervisor.broadcast.close())
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        await ending

    play(story)


def test_one_client_too_many_is_refused_with_the_remedy() -> None:
    async def story(_: FakeSupervisor, address: str) -> None:
        async with connect(address, proxy=None), connect(address, proxy=None):
            status, body = await refused(address)
            assert (status, body["code"]) == (429, "too_many")
        async with connect(address, proxy=None):
            pass

    play(story)


@pytest.mark.parametrize("since", ["-1", "x", "", "9" * 30])
def test_what_is_no_sequence_number_is_refused(since: str) -> None:
    async def story(_: FakeSupervisor, address: str) -> None:
        status, body = await refused(f"{address}?since={since}")
        assert (status, body["code"], body["errors"][0]["where"]) == (422, "invalid_input", "query.since")

    play(story)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
@pytest.mark.parametrize("access", [Access(), Access("0.0.0.0", TOKEN)])
def test_a_page_of_another_site_is_refused(origin: str, access: Access) -> None:
    async def story(_: FakeSupervisor, address: str) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert (await refused(address, origin=Origin(origin), additional_headers=headers))[0] == 403

    play(story, access)


def test_a_name_made_to_resolve_to_us_is_refused() -> None:
    async def story(_: FakeSupervisor, address: str) -> None:
        port = address.split(":")[2].split("/", maxsplit=1)[0]
        away = address.replace("127.0.0.1", "evil.example")
        status, body = await refused(away, host="127.0.0.1", port=int(port))
        assert (status, body["code"]) == (403, "foreign_host")

    play(story)


@pytest.mark.parametrize(
    "offered", [(), ("orchestrator.events",), ("orchestrator.events", f"{OFFERED}x"), ("orchestrator.bearer.a",)]
)
def test_without_the_token_nobody_listens_once_it_is_set(offered: Sequence[str]) -> None:
    async def story(_: FakeSupervisor, address: str) -> None:
        subprotocols = [Subprotocol(one) for one in offered] or None
        status, body = await refused(address, subprotocols=subprotocols)
        assert (status, body["code"]) == (401, "unauthorized")

    play(story, Access("0.0.0.0", TOKEN))


def test_the_token_is_taken_from_the_header_or_from_what_a_browser_can_send_and_is_not_echoed() -> None:
    async def story(_: FakeSupervisor, address: str) -> None:
        async with connect(address, proxy=None, additional_headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            assert client.subprotocol is None
        offered = [Subprotocol("orchestrator.events"), Subprotocol(OFFERED)]
        async with connect(address, proxy=None, subprotocols=offered) as client:
            assert client.subprotocol == "orchestrator.events"

    play(story, Access("0.0.0.0", TOKEN))


def test_a_token_shown_as_a_subprotocol_is_neither_answered_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def story(_: FakeSupervisor, address: str) -> None:
        offered = [Subprotocol(STREAM_PROTOCOL), Subprotocol(OFFERED)]
        async with connect(address, proxy=None, subprotocols=offered) as client:
            assert client.response is not None
            assert not any(OFFERED in value for value in client.response.headers.values())
        await refused(address, subprotocols=[Subprotocol("orchestrator.bearer.d3Jvbmc")])

    with caplog.at_level(logging.INFO):
        play(story, Access("0.0.0.0", TOKEN))
    assert "Request refused" in caplog.text
    assert not any(one in caplog.text for one in (OFFERED, TOKEN, "d3Jvbmc"))
