"""What services require of the host, asked: real sockets, real paths, the kernel's own list; and what hangs."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.adapters.resources import HostResources, mount_points
from orchestrator.core.model import Verdict
from orchestrator.ports import Reading

ROOT = "36 35 98:0 / / rw,noatime shared:1 - ext4 /dev/root rw"
TIMEOUT = 5.0


def asked(name: str, resources: HostResources | None = None, timeout: float = TIMEOUT) -> Reading:
    return told(lambda host: host.ask(name, timeout), resources)


def told(story: Callable[[HostResources], Awaitable[Reading]], resources: HostResources | None = None) -> Reading:
    host = resources or HostResources()

    async def play() -> Reading:
        try:
            return await story(host)
        finally:
            await host.close()

    return asyncio.run(play())


# --- addresses -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with closing(socket.create_server((request.param, 0), family=family)) as server:
        yield server


def _name_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"


def test_an_address_that_answers_is_there(listener: socket.socket) -> None:
    assert asked(_name_of(listener)) == Reading(Verdict.PASS, "connected")


def test_an_address_that_refuses_is_not(listener: socket.socket) -> None:
    name = _name_of(listener)
    listener.close()
    assert asked(name).verdict is Verdict.FAIL


def test_a_host_by_name_is_connected_to_and_one_that_is_not_resolved_is_not_there(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    if listener.family is socket.AF_INET:
        assert asked(f"tcp:localhost:{port}") == Reading(Verdict.PASS, "connected")
    nobody = HostResources(resolve=_resolver(socket.gaierror(socket.EAI_NONAME, "Name or service not known")))
    found = asked(f"tcp:nas.lan:{port}", nobody)
    assert found == Reading(Verdict.FAIL, "the name is not resolved: Name or service not known")


# --- paths -----------------------------------------------------------------------------------------------------


def test_a_path_is_there_or_not(tmp_path: Path) -> None:
    assert asked(f"path:{tmp_path}") == Reading(Verdict.PASS, "it exists")
    assert asked(f"path:{tmp_path}/library") == Reading(Verdict.FAIL, "No such file or directory")


def _failing(number: int) -> Callable[[str], object]:
    def stat(path: str) -> object:
        raise OSError(number, os.strerror(number), path)

    return stat


def test_a_path_on_a_dead_file_server_is_not_there() -> None:
    reading = asked("path:/mnt/nfs", HostResources(stat=_failing(errno.ESTALE)))
    assert reading == Reading(Verdict.FAIL, os.strerror(errno.ESTALE))


@pytest.mark.parametrize("kind", ["path", "mount"])
def test_what_we_may_not_look_at_is_not_therefore_missing(kind: str, tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"  # not readable either: it is not there
    reading = asked(f"{kind}:/root/x", HostResources(mountinfo, stat=_failing(errno.EACCES)))
    assert reading.verdict is Verdict.UNKNOWN


# --- mounts ----------------------------------------------------------------------------------------------------


def test_a_mount_is_there_by_the_kernels_own_list(tmp_path: Path) -> None:
    assert asked("mount:/proc") == Reading(Verdict.PASS, "it is mounted")
    assert asked("mount:/proc/") == Reading(Verdict.PASS, "it is mounted")
    assert asked(f"mount:{tmp_path}") == Reading(Verdict.FAIL, "nothing is mounted there")
    assert asked(f"mount:{tmp_path}/gone") == Reading(Verdict.FAIL, "No such file or directory")


def test_a_mount_is_found_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc")
    assert asked(f"mount:{tmp_path}/link").verdict is Verdict.PASS


def test_the_kernels_list_is_read_with_its_octal_and_without_what_is_cut_off() -> None:
    listed = f"{ROOT}\n42 36 0:33 / /mnt/My\\040Disk\\134 rw - nfs4 nas:/x rw\n43 36\n\n"
    assert mount_points(listed) == {"/", "/mnt/My Disk\\"}


# --- names -----------------------------------------------------------------------------------------------------


def _resolver(error: Exception | None) -> Callable[[str, None], object]:
    def resolve(name: str, port: None) -> object:
        if error is not None:
            raise error
        return []

    return resolve


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, Verdict.PASS),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), Verdict.FAIL),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), Verdict.FAIL),
        (socket.gaierror(socket.EAI_MEMORY, "Memory allocation failure"), Verdict.UNKNOWN),
        (OSError(errno.EMFILE, "Too many open files"), Verdict.UNKNOWN),
        (UnicodeError("label too long"), Verdict.UNKNOWN),
    ],
)
def test_a_name_is_there_when_it_is_resolved(error: Exception | None, verdict: Verdict) -> None:
    reading = asked("dns:nas.lan", HostResources(resolve=_resolver(error)))
    assert reading.verdict is verdict
    assert error is None or str(error.args[-1]) in reading.detail


def test_the_systems_own_resolver_is_asked() -> None:
    assert asked("dns:localhost").verdict is Verdict.PASS


# --- what hangs ------------------------------------------------------------------------------------------------


class Stuck:
    """A file server that does not answer until it is back."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.looks = 0

    def stat(self, path: str) -> object:
        self.looks += 1
        self.back.wait(30)
        return None


def test_a_look_that_hangs_is_not_begun_twice_and_its_answer_counts_when_it_comes() -> None:
    stuck = Stuck()
    hung: list[Reading] = []

    async def story(host: HostResources) -> Reading:
        hung.extend([await host.ask("path:/mnt/nfs", 0.05), await host.ask("path:/mnt/nfs", 0.05)])
        stuck.back.set()
        return await host.ask("path:/mnt/nfs", TIMEOUT)

    assert told(story, HostResources(stat=stuck.stat)) == Reading(Verdict.PASS, "it exists")
    assert hung == [Reading(Verdict.FAIL, "it has not answered within 0.05 s")] * 2
    assert stuck.looks == 1


def test_one_that_hangs_keeps_nobody_from_ending_or_from_asking_for_another(tmp_path: Path) -> None:
    stuck = Stuck()

    def stat(path: str) -> object:
        return stuck.stat(path) if path == "/mnt/nfs" else Path(path).stat()

    async def story(host: HostResources) -> Reading:
        assert (await host.ask("path:/mnt/nfs", 0.05)).verdict is Verdict.FAIL
        return await host.ask(f"path:{tmp_path}", TIMEOUT)

    assert told(story, HostResources(stat=stat)).verdict is Verdict.PASS
    assert not stuck.back.is_set()
    stuck.back.set()
