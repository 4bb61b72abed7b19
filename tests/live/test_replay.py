"""Podman tells old events again when its event log rotates: a wake-up is no fact, and nothing is done for it."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.engines import wait_until
from tests.live.podman import Podman
from tests.live.ward import SECOND_THOUGHTS, lent, opened

SMALL_LOG = 'events_logfile_max_size = "20k"\n'
SECOND_HALF = 12_000
"""Bytes of the log after which an event survives its rotation, and so is told again."""
MOST_VOLUMES = 1000


@pytest.fixture
def forgetful(engine_folder: Path) -> Iterator[Podman]:
    """A Podman of its own whose event log is soon full."""
    podman = Podman(engine_folder / "forgetful")
    configuration = podman.folder / "containers.conf"
    configuration.write_text(configuration.read_text() + SMALL_LOG)
    podman.start_daemon()
    try:
        podman.import_image()
        with lent(podman):
            yield podman
    finally:
        podman.end()


def test_a_replay_of_old_events_restarts_nothing(forgetful: Podman, tmp_path: Path) -> None:
    log = next(forgetful.folder.rglob("events.log"))
    with opened(forgetful, tmp_path) as ward:
        container = ward.admit("web")
        _create_volumes(forgetful, "filler", until=lambda: log.stat().st_size > SECOND_HALF)
        forgetful.kill(container)
        ward.healed("web", container)
        ward.wait_for_death(container)
        run, told = forgetful.inspect(container)["State"]["StartedAt"], ward.serve.told("web")
        full = log.stat().st_size
        _create_volumes(forgetful, "flood", until=lambda: log.stat().st_size < full)
        wait_until(
            lambda: len(ward.deaths(container)) == 2, 30, "a death told twice, without which this proves nothing"
        )
        assert len({death.at for death in ward.deaths(container)}) == 1
        time.sleep(SECOND_THOUGHTS)
        assert forgetful.inspect(container)["State"]["StartedAt"] == run
        assert ward.serve.told("web") == told
        assert ward.serve.service("web")["status"] == "running"


def _create_volumes(podman: Podman, name: str, *, until: Callable[[], bool]) -> None:
    with socket.socket(socket.AF_UNIX) as connected:
        connected.connect(str(podman.socket))
        connection = http.client.HTTPConnection("podman")
        connection.sock = connected
        for number in itertools.count():
            if until():
                return
            assert number < MOST_VOLUMES, "the event log does not fill up"
            body = json.dumps({"Name": f"{name}{number}"})
            connection.request("POST", "/v1.40/volumes/create", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 201, answer.status
