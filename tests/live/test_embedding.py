"""The example of an application with the orchestrator in it, under a real uvicorn: it heals over its own port."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.sync.client import connect

from tests.live.engines import Engine, wait_until
from tests.live.serve import END_TIMEOUT, START_TIMEOUT, Api, service_labels

EXAMPLE = Path(__file__).parents[2] / "examples" / "embedding"


class Host(Api):
    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        super().__init__(port)
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for_its_end(self) -> None:
        """uvicorn ends by the signal that it was ended by, after everything else."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(END_TIMEOUT) in (0, -signal.SIGTERM), self.log
        assert "Application shutdown complete." in self.log


@contextmanager
def hosted(engine: Engine, folder: Path, name: str = "host") -> Iterator[Host]:
    """The example, as its first lines say how to start it, and where it listens."""
    log = folder / f"{name}.log"
    settings = {"ORCHESTRATOR_DOCKER_HOST": engine.url, "ORCHESTRATOR_STATE": str(folder / "state.db")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "DOCKER_"))}
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLE), "app:app"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--timeout-graceful-shutdown", "2", "--port", "0"],
            env=kept | settings, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
        )  # fmt: skip
    try:
        wait_until(lambda: port_in(log) != 0 or process.poll() is not None, START_TIMEOUT, f"an address in {log}")
        yield Host(port_in(log), process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(END_TIMEOUT)
        print(log.read_text())


def port_in(log: Path) -> int:
    found = re.search(r"Uvicorn running on http://127\.0\.0\.1:(\d+)", log.read_text())
    return 0 if found is None else int(found[1])


def test_a_host_application_sees_a_container_healed_over_its_own_port(engine: Engine, tmp_path: Path) -> None:
    container = engine.run("web", *service_labels("web"))
    with hosted(engine, tmp_path) as host:
        host.wait_for("web", status="running")
        assert host.ask_any("GET", "/cameras").body["rounds"] >= 1
        assert set(host.ask_any("GET", "/openapi.json").body["paths"]) == {"/cameras"}
        ready = host.ask("GET", "/health/ready")
        assert (ready.status, ready.body["workers"]) == (200, {"detection_worker": "running"}), ready
        with connect(f"ws://127.0.0.1:{host.port}/ws/events", proxy=None) as stream:
            assert '"type":"snapshot"' in str(stream.recv(timeout=30.0))

            engine.kill(container)
            host.wait_for_event("web", "Restart completed")
            healed = host.wait_for("web", status="running", restart_count=1)
            assert engine.state(container) == "running"
            assert healed["container_id"] == container[:12]

            refused = read(host.port, "/api/system/services", Host="evil.example")
            assert refused == 403
            assert read(host.port, "/cameras", Host="evil.example") == 200
            host.wait_for_its_end()
        assert stream.close_code is not None

    with hosted(engine, tmp_path, "again") as host:
        assert host.wait_for("web", status="running")["restart_count"] == 1, "its state was let go and kept"
        with hosted(engine, tmp_path, "second") as second:
            assert second.process.wait(END_TIMEOUT) != 0, "two must not heal the same containers"
            assert "another orchestrator" in second.log
        host.wait_for_its_end()


def read(port: int, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30.0)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()
