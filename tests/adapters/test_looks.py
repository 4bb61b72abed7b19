"""What the doctor's looks bring back, from real files, sockets and processes; everything is left as it was."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator.adapters.looks import processes
from orchestrator.adapters.looks.engine import ahead_of_us, look_at_engines, rootless, socket_file
from orchestrator.adapters.looks.state import look_at_file
from orchestrator.adapters.looks.thread import Loop, in_thread
from orchestrator.adapters.stores import SqliteStore
from orchestrator.doctor.facts import StateSeen
from orchestrator.errors import EngineAway, EngineUnsuitable
from orchestrator.runtime.clock import SystemClock

Answer = TypeVar("Answer")


def kept(path: Path, look: Callable[[], Answer], **services: dict[str, object]) -> Answer:
    """What the look sees while a store has the file."""

    async def story() -> Answer:
        store = SqliteStore(path, SystemClock())
        await store.open()
        await store.write(services, [])
        try:
            return look()
        finally:
            await store.close()

    return asyncio.run(story())


# --- the state file -----------------------------------------------------------------------------------------


def test_a_state_file_that_is_not_there_can_be_made_and_is_not(tmp_path: Path) -> None:
    seen = look_at_file(tmp_path / "deep" / "state.db")
    assert (seen.trouble, seen.new) == ("", True)
    assert list(tmp_path.iterdir()) == []


def test_a_state_file_in_use_names_its_holder_and_who_is_disabled(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    seen = kept(path, lambda: look_at_file(path), db={"disabled_by": "human"}, web={"disabled_by": None})
    assert seen.trouble == ""
    assert f"process {os.getpid()} (" in seen.holder
    assert seen.disabled == ("db",)
    assert seen.free is not None


def test_a_state_file_that_nobody_uses_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    kept(path, lambda: None, db={"disabled_by": "human"})
    before = {each: each.stat().st_mtime_ns for each in tmp_path.iterdir()}
    seen = look_at_file(path)
    assert (seen.holder, seen.disabled) == ("", ("db",))
    assert {each: each.stat().st_mtime_ns for each in tmp_path.iterdir()} == before


def test_an_empty_file_is_one_to_be_filled(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    assert look_at_file(path).trouble == ""


def test_what_is_no_state_file_is_told_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no database at all " * 100)
    assert "it is no database" in look_at_file(text).trouble
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    assert "another program" in look_at_file(foreign).trouble
    assert "it is a directory" in look_at_file(tmp_path).trouble
    assert sorted(each.name for each in tmp_path.iterdir()) == ["foreign.db", "text"]


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    seen: StateSeen = look_at_file(tmp_path / "file" / "state.db")
    assert seen.trouble
    assert seen.remedy


# --- processes ----------------------------------------------------------------------------------------------


def test_who_listens_on_a_port_is_found_by_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = processes.who_listens(server.getsockname()[1])
    assert found is not None
    assert found.pid == os.getpid()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert processes.who_listens(free.getsockname()[1]) is None


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000", "0.0.0.0"),
        ("00000000000000000000000001000000", "::1"),
        ("0000000000000000FFFF00000100007F", "127.0.0.1"),
    ],
)
def test_an_address_is_read_as_the_kernel_writes_it(written: str, address: str) -> None:
    assert str(processes.address_of(written)) == address


def test_a_process_that_is_no_container_s_is_not_listened_to() -> None:
    assert processes.container_listeners("c" * 64, os.getpid()) is None


def test_the_limit_is_the_holder_s_else_our_own(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert processes.limit_of_holder(path).whose == "a process started from here"
    seen = kept(path, lambda: processes.limit_of_holder(path))
    assert f"process {os.getpid()} (" in seen.whose
    assert seen.open_files > 0


# --- engines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("date", "ahead"), [(0.0, 0.0), (100.0, 0.0), (101.0, 0.0), (160.0, 58.8), (40.0, -60.0)])
def test_a_clock_of_whole_seconds_is_compared_with_ours(date: float, ahead: float) -> None:
    assert ahead_of_us(date, 100.9, 101.2) == pytest.approx(ahead)


def test_rootless_is_read_from_the_security_options() -> None:
    assert rootless({"SecurityOptions": ["name=seccomp", "name=rootless"]}) is True
    assert rootless({"SecurityOptions": []}) is False
    assert rootless({}) is None


def test_every_address_is_tried_and_each_says_why_not(tmp_path: Path) -> None:
    runtime = tmp_path / "podman"
    runtime.mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(runtime / "podman.sock"))  # nobody listens
        environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
        seen = asyncio.run(look_at_engines(None, environment, 2.0))
    mine = next(each for each in seen.attempts if str(tmp_path) in each.address)
    assert isinstance(mine.answer, EngineAway)
    assert mine.socket is not None
    assert mine.socket.owner == seen.user
    wrong = asyncio.run(look_at_engines("ftp://x", {}, 2.0))
    assert isinstance(wrong.attempts[0].answer, EngineUnsuitable)
    assert wrong.chosen is None


def test_what_is_no_local_socket_has_no_file() -> None:
    assert socket_file("tcp://127.0.0.1:2375") is None
    assert socket_file("unix:///nowhere/at/all.sock") is None


# --- threads ------------------------------------------------------------------------------------------------


def test_a_look_that_hangs_keeps_neither_its_caller_nor_the_loop() -> None:
    never = threading.Event()

    async def story() -> str:
        try:
            async with asyncio.timeout(0.05):
                await in_thread(never.wait)
        except TimeoutError:
            return "left to itself"
        return "waited"

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(story()) == "left to itself"
    never.set()


def test_a_look_s_error_and_a_name_look_up_arrive() -> None:
    def refused() -> None:
        raise PermissionError("no")

    async def story() -> int:
        with pytest.raises(PermissionError):
            await in_thread(refused)
        return len(await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80))

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(story()) > 0
