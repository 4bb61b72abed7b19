"""Where it listens, and how it ends: real sockets of the loopback interface, real signals to this process."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest

from orchestrator.api import server
from orchestrator.api.app import create_app
from tests.api.fakes import FakeSupervisor, StoppedClock

# --- the address --------------------------------------------------------------------------------------------


def test_port_0_takes_a_free_one_and_says_which() -> None:
    with server.listen("127.0.0.1", 0, token=None) as listener:
        port = listener.getsockname()[1]
        assert server.address_of(listener) == f"http://127.0.0.1:{port}"
        assert port > 0


def test_a_taken_port_is_refused_with_the_remedy() -> None:
    with server.listen("127.0.0.1", 0, token=None) as taken, pytest.raises(server.CannotListen) as refused:
        server.listen("127.0.0.1", taken.getsockname()[1], token=None)
    assert "the port is in use" in str(refused.value)
    assert "--port" in str(refused.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_others_reach_is_refused_without_a_token(host: str) -> None:
    with pytest.raises(server.CannotListen, match="ORCHESTRATOR_API_TOKEN"):
        server.listen(host, 0, token=None)


def test_an_address_that_others_reach_is_opened_with_a_token() -> None:
    with server.listen("0.0.0.0", 0, token="secret") as listener:
        assert server.address_of(listener).startswith("http://0.0.0.0:")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_loopback_address_needs_no_token(host: str) -> None:
    with server.listen(host, 0, token=None) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_an_address_of_another_machine_is_refused_with_the_fact() -> None:
    with pytest.raises(server.CannotListen, match="no such address"):
        server.listen("192.0.2.1", 0, token="secret")


def test_a_name_that_nobody_knows_is_refused_with_the_fact() -> None:
    with pytest.raises(server.CannotListen, match="not known"):
        server.listen("no host has blanks", 0, token="secret")


# --- the end ------------------------------------------------------------------------------------------------


class Life:
    """What the orchestrator's ``run`` went through."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.begun = asyncio.Event()

    async def run(self) -> None:
        self.steps.append("begun")
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.steps.append("ended")


def live(script: Callable[[Life, str], Awaitable[None]]) -> list[str]:
    """Serve until the script is over and whatever it did has ended the server."""

    async def both() -> list[str]:
        life = Life()
        listener = server.listen("127.0.0.1", 0, token=None)
        supervisor = FakeSupervisor()
        app = create_app(supervisor, StoppedClock())
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(app, listener, life.run, supervisor.broadcast.close))
            await life.begun.wait()
            await script(life, server.address_of(listener))
            await serving
        return life.steps

    return asyncio.run(both())


def get(address: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request("GET", "/api/system/health/live")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_the_orchestrator(number: signal.Signals) -> None:
    async def script(life: Life, address: str) -> None:
        assert await asyncio.to_thread(get, address) == 200
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    assert live(script) == ["begun", "ended"]
    assert signal.getsignal(number) == before


def test_the_orchestrator_has_its_time_to_end_also_after_the_server_has_ended() -> None:
    steps: list[str] = []
    begun = asyncio.Event()

    async def run() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.wait({task for task in asyncio.all_tasks() if task.get_name() == "api"})
            for _ in range(10):
                await asyncio.sleep(0)
            steps.append("ended orderly")

    async def both() -> None:
        listener = server.listen("127.0.0.1", 0, token=None)
        supervisor = FakeSupervisor()
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(
                server.serve(create_app(supervisor, StoppedClock()), listener, run, supervisor.broadcast.close)
            )
            await begun.wait()
            os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(both())
    assert steps == ["ended orderly"]


def test_an_idle_connection_does_not_delay_the_end() -> None:
    idle = socket.socket()

    async def script(life: Life, address: str) -> None:
        idle.connect(("127.0.0.1", urlsplit(address).port))
        idle.sendall(b"GET /api/system/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        os.kill(os.getpid(), signal.SIGTERM)

    with idle:
        assert live(script) == ["begun", "ended"]


def test_a_thread_that_waits_for_a_dead_disk_does_not_keep_the_process() -> None:
    script = """
import threading
from concurrent.futures import ThreadPoolExecutor
from orchestrator.api import server
ThreadPoolExecutor(1).submit(threading.Event().wait)
server.end_within(0.1)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "a thread still hangs" in ended.stderr


def test_an_orchestrator_that_fails_takes_the_server_with_it_and_is_not_hidden() -> None:
    async def fail() -> None:
        raise LookupError("the cause")

    async def serve() -> None:
        listener = server.listen("127.0.0.1", 0, token=None)
        async with asyncio.timeout(60):
            supervisor = FakeSupervisor()
            await server.serve(create_app(supervisor, StoppedClock()), listener, fail, supervisor.broadcast.close)

    with pytest.raises(LookupError, match="the cause"):
        asyncio.run(serve())
