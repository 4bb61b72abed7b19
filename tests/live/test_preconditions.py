"""What services require of the host, on real engines: a path, a mount and a listener that come and go."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.live.engines import Engine, wait_until
from tests.live.serve import HEAL_TIMEOUT, Document, Serve
from tests.live.servers import free_port
from tests.live.ward import SECOND_THOUGHTS, opened


@contextmanager
def _listening(port: int) -> Iterator[None]:
    with closing(socket.create_server(("127.0.0.1", port))):
        yield


def _told_of_host(serve: Serve, subject: str) -> list[str]:
    """The messages of the host's events of that subject, oldest first."""
    listed: list[Document] = serve.get("/health/events?limit=1000")["events"]
    return [one["message"] for one in listed[::-1] if one["type"] == "host" and one["data"]["subject"] == subject]


def _wait_for(serve: Serve, **states: str) -> None:
    """Until the resources of the kinds named are in these states; nothing needs to be wrong with who requires them."""

    def arrived() -> bool:
        seen = {one["name"].partition(":")[0]: one["state"] for one in serve.get("/graph")["resources"]}
        return states.items() <= seen.items()

    wait_until(arrived, HEAL_TIMEOUT, f"{states} in the graph")


def test_a_service_waits_for_a_path_and_an_address_that_are_missing_and_is_started_when_both_are_there(
    engine: Engine, tmp_path: Path
) -> None:
    library, port = tmp_path / "library", free_port()
    library.mkdir()
    path, database = f"path:{library}", f"tcp:127.0.0.1:{port}"
    with opened(engine, tmp_path) as ward:
        with _listening(port):
            media = ward.admit("media", requires=f"{path},{database}")
            _wait_for(ward.serve, path="there", tcp="there")
            library.rmdir()
        _wait_for(ward.serve, path="missing", tcp="missing")
        engine.kill(media)
        held = ward.serve.wait_for("media", status="stopped", waiting_on=[path, database])
        assert (held["failure_count"], held["strikes"], held["retry_at"]) == (0, 0, None)

        library.mkdir()
        ward.serve.wait_for("media", status="stopped", waiting_on=[database])
        time.sleep(SECOND_THOUGHTS)
        assert len(ward.starts(media)) == 1, "started for half of what it requires"
        with _listening(port):
            ward.healed("media", media)
        told = ward.serve.told("media")
        assert (told.count("Waiting for dependency"), told.count("Dependency is back")) == (0, 0), "the host's tell"
        for subject in (path, database):
            assert _told_of_host(ward.serve, subject)[:2] == ["Precondition not met", "Precondition met again"]


def _command(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(words)}: {done.stderr.strip()}. Live tests mount small disks: run them as root.")


@contextmanager
def _mounted(place: Path) -> Iterator[None]:
    _command("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(place))
    try:
        yield
    finally:
        _command("umount", str(place))


def test_a_mount_that_goes_away_holds_what_requires_it_until_it_is_mounted_again(
    engine: Engine, tmp_path: Path
) -> None:
    disk = tmp_path / "My Disk"
    disk.mkdir()
    name = f"mount:{disk}"
    with opened(engine, tmp_path) as ward:
        with _mounted(disk):
            photos = ward.admit("photos", requires=name)
            _wait_for(ward.serve, mount="there")
        _wait_for(ward.serve, mount="missing")
        engine.kill(photos)
        ward.serve.wait_for("photos", status="stopped", failure_count=0, waiting_on=[name])
        with _mounted(disk):
            ward.healed("photos", photos)
        assert _told_of_host(ward.serve, name)[:2] == ["Precondition not met", "Precondition met again"]
