"""The engine goes, hangs, or is none: nothing is concluded from silence, it is said once, and it is tried again."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.live.docker import Docker
from tests.live.engines import Engine, wait_until
from tests.live.podman import Podman
from tests.live.serve import Serve, service_labels, serving
from tests.live.ward import SECOND_THOUGHTS, Ward, opened

NOBODY = 65534
LOST = "Failed to connect to Docker daemon"


def test_what_died_while_the_engine_was_away_is_started_once_when_it_is_back(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        lost, kept = ward.admit("lost"), ward.admit("kept")
        lost_process, kept_process = engine.pid(lost), engine.pid(kept)
        told = ward.serve.told("kept")
        engine.stop_daemon()
        gone = ward.serve.wait_for_engine(reachable=False)
        assert engine.url in gone["detail"]
        assert "<" not in ward.serve.log, "words for people, and no representation of an error"
        engine.kill(lost_process)
        refused = ward.serve.ask("POST", "/services/kept/restart")
        assert refused.status == 503, refused
        time.sleep(SECOND_THOUGHTS)
        assert {one: ward.serve.service(one)["status"] for one in ("lost", "kept")} == {
            "lost": "running",
            "kept": "running",
        }
        back = time.time()
        engine.start_daemon()
        with engine.events(since=back) as journal:
            later = Ward(engine, ward.serve, journal)
            later.healed("lost", lost, starts=1)
            time.sleep(SECOND_THOUGHTS)
            assert len(later.starts(lost)) == 1
            assert not later.starts(kept)
        assert engine.pid(kept) == kept_process
        assert ward.serve.told("kept") == told
        assert ward.serve.log.count(LOST) == 1


def test_an_engine_that_hangs_for_20_seconds_changes_nothing(podman: Podman, docker: Docker, tmp_path: Path) -> None:
    """Both engines at once, to wait once. One service for each way of asking: from outside, by exec, by the engine."""
    with ExitStack() as stack:
        wards = [
            stack.enter_context(opened(engine, tmp_path / engine.kind, health_check_interval="2"))
            for engine in (podman, docker)
        ]
        containers = {(ward, service): container for ward in wards for service, container in _three_ways(ward).items()}
        told = {(ward, service): ward.serve.told(service) for ward, service in containers}
        for ward in wards:
            ward.engine.freeze_daemon()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            listed = [ward.serve.get("/services")["services"] for ward in wards]
            assert {one["status"] for services in listed for one in services} == {"running"}
            time.sleep(0.2)
        for ward in wards:
            hung = ward.serve.engine()
            assert not hung["reachable"]
            assert "did not answer within" in hung["detail"]
            ward.engine.thaw_daemon()
        for ward in wards:
            ward.serve.wait_for_engine(reachable=True)
        time.sleep(SECOND_THOUGHTS)
        for (ward, service), container in containers.items():
            assert ward.serve.told(service) == told[ward, service]
            assert ward.serve.service(service)["status"] == "running"
            assert len(ward.starts(container)) == 1


def _three_ways(ward: Ward) -> dict[str, str]:
    return {
        "asked": ward.admit("asked"),
        "commanded": ward.admit("commanded", health__http="", health__command="true"),
        "checked": ward.admit("checked", "--health-cmd=true", "--health-interval=1s", health__http="", port=""),
    }


def test_podman_over_tcp_is_healed_too(podman: Podman, tmp_path: Path) -> None:
    with _podman_over_tcp(podman) as endpoint, serving(endpoint, tmp_path) as serve, podman.events() as journal:
        ward = Ward(podman, serve, journal)
        serve.wait_for_engine(reachable=True)
        killed = ward.admit("killed")
        frozen = ward.admit("frozen", health__http="", health__command="true && [ ! -e /switch/upset ]")
        podman.kill(killed)
        podman.switch(frozen, "upset")
        ward.healed("killed", killed)
        ward.healed("frozen", frozen)
        assert serve.engine()["endpoint"] == endpoint


@contextmanager
def _podman_over_tcp(podman: Podman) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    endpoint = f"tcp://127.0.0.1:{port}"
    with subprocess.Popen(
        ["podman", "system", "service", "--time=0", endpoint],
        env=dict(podman.environment),
        cwd=podman.folder,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as service:
        try:
            wait_until(lambda: _listens(port), 30, "podman's TCP service")
            yield endpoint
        finally:
            service.kill()


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


# --- no engine there ----------------------------------------------------------------------------------------


def test_an_engine_that_comes_later_is_found_and_its_containers_are_healed(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "engine.sock"
    container = engine.run("late", *service_labels("late"))
    with serving(f"unix://{place}", tmp_path / "state") as serve:
        missing = _says(serve, "there is no such socket")
        assert str(place) in missing
        place.symlink_to(engine.socket)
        serve.wait_for_engine(reachable=True)
        with engine.events() as journal:
            serve.wait_for("late", status="running")
            engine.kill(container)
            Ward(engine, serve, journal).healed("late", container, starts=1)
        assert serve.log.count(LOST) == 1


def test_an_engine_that_refuses_us_is_told_with_the_remedy_and_tried_again(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    # May read everything, for the interpreter can lie in a closed home: it is writing to the socket that is refused.
    reading = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search")
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *reading)
    container = engine.run("web", *service_labels("web"))
    mode = stat.S_IMODE(engine.socket.stat().st_mode)
    with serving(engine.url, folder, under=nobody) as serve:
        _says(serve, "permission denied")
        engine.socket.chmod(0o666)
        try:
            serve.wait_for_engine(reachable=True)
            serve.wait_for("web", status="running", container_id=container[:12])
        finally:
            engine.socket.chmod(mode)


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ("<html>Welcome to nginx!</html>", "neither Docker nor Podman"),
        (json.dumps({"ApiVersion": "1.24", "Version": "1.12.6"}), "too old"),
    ],
    ids=["no engine", "too old"],
)
def test_what_answers_and_is_no_usable_engine_is_told_once_and_asked_again(
    engine_folder: Path, tmp_path: Path, answer: str, fact: str
) -> None:
    with _answering(answer) as (port, questions), serving(f"tcp://127.0.0.1:{port}", tmp_path) as serve:
        _says(serve, fact)
        asked = len(questions)
        wait_until(lambda: len(questions) > asked + 1, 30, "further questions")
        assert serve.log.count(LOST) == 1
        assert serve.ask("GET", "/health/live").status == 200


def _says(serve: Serve, fact: str) -> str:
    """Until the full health and the log tell the fact, with the endpoint; what the full health tells."""
    wait_until(lambda: fact in serve.engine()["detail"], 30, fact)
    assert serve.endpoint in serve.engine()["detail"]
    wait_until(lambda: fact in serve.log and LOST in serve.log, 30, "the same in the log")
    assert "Traceback" not in serve.log
    return str(serve.engine()["detail"])


@contextmanager
def _answering(body: str) -> Iterator[tuple[int, list[str]]]:
    """A server with one answer to everything, and what it was asked."""
    questions: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            questions.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port, questions
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
