"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.cli.service_manager import ServiceManager, sentence
from orchestrator.runtime.views import SystemView
from orchestrator.testing import VirtualLoop
from tests.api.fakes import FakeSupervisor
from tests.virtual import pass_time


class Ear:
    """systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """The assignments that came since it was asked last."""
        lines: list[str] = []
        while True:
            try:
                lines += self._socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return lines

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@orchestrator-{uuid.uuid4().hex}"
    listening = Ear(address)
    yield listening
    listening.close()


class Brain:
    """Turns when it is told to."""

    def __init__(self) -> None:
        self.view = replace(FakeSupervisor().system(), turns=0)

    def system(self) -> SystemView:
        return self.view

    def turn(self) -> None:
        self.view = replace(self.view, turns=self.view.turns + 1)

    async def run(self) -> None:
        await asyncio.Event().wait()


def told(environment: dict[str, str], story: Callable[[Brain], object], brain: Brain | None = None) -> None:
    brain = brain or Brain()

    async def live() -> None:
        manager = ServiceManager.of(environment)
        running = asyncio.create_task(manager.telling(brain.run, brain.system))
        await pass_time(1)
        await story(brain)  # type: ignore[misc]
        running.cancel()
        await asyncio.wait({running})

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(live())


def test_ready_is_said_once_and_not_before_the_brain_has_turned(ear: Ear) -> None:
    async def story(brain: Brain) -> None:
        assert ear.heard() == []
        brain.turn()
        await pass_time(10)
        assert ear.heard() == ["READY=1", f"STATUS={sentence(brain.view)}"]
        brain.turn()
        await pass_time(10)
        assert ear.heard() == []

    told({"NOTIFY_SOCKET": ear.address}, story)
    assert ear.heard() == ["STOPPING=1"]


def test_the_watchdog_is_fed_by_turns_and_starves_with_a_brain_that_hangs(ear: Ear) -> None:
    async def story(brain: Brain) -> None:
        for _ in range(12):
            brain.turn()
            await pass_time(5)
        assert ear.heard().count("WATCHDOG=1") >= 10
        await pass_time(600)
        assert ear.heard() == []

    told({"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, story)


@pytest.mark.parametrize("other", [{"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_PID": "1"}])
def test_a_watchdog_that_is_not_ours_is_not_fed(ear: Ear, other: dict[str, str]) -> None:
    async def story(brain: Brain) -> None:
        brain.turn()
        await pass_time(60)
        assert "WATCHDOG=1" not in ear.heard()

    told({"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "60000000", **other}, story)


def test_an_engine_that_is_lost_is_told_in_one_line(ear: Ear) -> None:
    async def story(brain: Brain) -> None:
        brain.turn()
        await pass_time(10)
        ear.heard()
        brain.view = replace(brain.view, engine=replace(brain.view.engine, reachable=False, detail="gone\nfor good"))
        brain.turn()
        await pass_time(10)
        assert ear.heard() == ["STATUS=The engine cannot be reached: gone for good"]

    told({"NOTIFY_SOCKET": ear.address}, story)


def test_nobody_who_listens_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    async def story(brain: Brain) -> None:
        for _ in range(3):
            brain.turn()
            await pass_time(10)

    told({"NOTIFY_SOCKET": "/nowhere/notify"}, story)
    told({}, story)
    assert len([one for one in caplog.records if "service manager" in one.getMessage()]) == 1


def test_what_the_orchestrator_fails_with_is_not_hidden() -> None:
    class Failing(Brain):
        async def run(self) -> None:
            raise LookupError("the cause")

    async def live() -> None:
        await ServiceManager(None).telling(Failing().run, Brain().system)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner, pytest.raises(LookupError, match="the cause"):
        runner.run(live())
