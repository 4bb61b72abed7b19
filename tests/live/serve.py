"""``orchestrator serve`` as a user runs it: a process of its own, known by its API, its log and its exit alone."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.live.engines import wait_until

START_TIMEOUT = 30.0
END_TIMEOUT = 30.0
ANSWER_TIMEOUT = 90.0
"""More than the longest `?wait=true&timeout=` that a test asks with."""
HEAL_TIMEOUT = 30.0
"""Far beyond what healing takes: how fast it is, the benchmarks tell."""

QUICK: Mapping[str, str] = {
    "port": "8080",
    "health.http": "/health",
    "health.interval": "1",
    "health.timeout": "3",
    "grace": "2",
    "recovery.backoff_base": "0.5",
}
"""A service whose ill health is seen, and acted on, within a few seconds; a busy machine's answer may take a while."""

Document = dict[str, Any]


class Answer(NamedTuple):
    status: int
    body: Document


def service_labels(service: str, **settings: str) -> tuple[str, ...]:
    """Options of ``docker run`` for a service of that name; ``settings`` by key, ``__`` for a dot, over :data:`QUICK`.

    An empty value takes a setting of :data:`QUICK` away.
    """
    merged = {"service": service, **QUICK, **{key.replace("__", "."): value for key, value in settings.items()}}
    return tuple(f"--label=orchestrator.{key}={value}" for key, value in merged.items() if value)


def port_in(log: str) -> int:
    """Where it says that it listens; 0: nowhere yet."""
    found = re.search(r"Serving on http://127\.0\.0\.1:(\d+)", log)
    return 0 if found is None else int(found[1])


class Api:
    """A running orchestrator, by its address."""

    def __init__(self, port: int = 0) -> None:
        self._port = port

    @property
    def port(self) -> int:
        return self._port

    def ask(self, method: str, path: str) -> Answer:
        """``path`` below ``/api/system``."""
        return self.ask_any(method, f"/api/system{path}")

    def ask_any(self, method: str, path: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_TIMEOUT)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()))
        finally:
            connection.close()

    def page(self, path: str) -> bytes:
        """What a browser is given there."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_TIMEOUT)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def get(self, path: str) -> Document:
        return self.ask("GET", path).body

    def post(self, path: str) -> Document:
        """A command that has to be accepted."""
        answer = self.ask("POST", path)
        assert answer.status in (200, 202), answer
        return answer.body

    def order(self, service: str, command: str) -> Document:
        """``restart``, ``start``, ``stop``, ``enable`` or ``disable``."""
        return self.post(f"/services/{service}/{command}")

    def service(self, name: str) -> Document:
        """As served; empty: not listed."""
        answer = self.ask("GET", f"/services/{name}")
        return answer.body if answer.status == 200 else {}

    def events(self, service: str) -> list[Document]:
        """Oldest first."""
        listed: list[Document] = self.get(f"/health/events?limit=1000&service={service}").get("events", [])
        return listed[::-1]

    def told(self, service: str) -> list[str]:
        """The messages of its events, oldest first."""
        return [event["message"] for event in self.events(service) if event["type"] == "service_status"]

    def engine(self) -> Document:
        found: Document = self.get("/health/full")["engine"]
        return found

    # --- waiting ---

    def wait_for(self, service: str, timeout: float = HEAL_TIMEOUT, **wanted: object) -> Document:
        """Until the service's fields have these values; the service then."""
        seen: Document = {}

        def arrived() -> bool:
            seen.update(self.service(service))
            return all(seen.get(field) == value for field, value in wanted.items())

        try:
            wait_until(arrived, timeout, f"{service} with {wanted}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it was {seen}; told {self.told(service)}") from None
        return seen

    def wait_for_event(self, service: str, message: str, count: int = 1, timeout: float = HEAL_TIMEOUT) -> Document:
        """Until the service's events hold the message ``count`` times; the newest of them."""
        try:
            wait_until(lambda: self.told(service).count(message) >= count, timeout, f"{count} times {message!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error} of {service}; told {self.told(service)}") from None
        return [event for event in self.events(service) if event["message"] == message][-1]

    def wait_for_engine(self, *, reachable: bool, timeout: float = HEAL_TIMEOUT) -> Document:
        wait_until(lambda: self.engine()["reachable"] is reachable, timeout, f"an engine with reachable={reachable}")
        return self.engine()


class Serve(Api):
    """One state file, and the processes that served it one after another."""

    def __init__(self, endpoint: str, folder: Path, *, under: Sequence[str] = (), **settings: str) -> None:
        """``under``: words before the command, as ``setpriv ...``. ``settings``: variables without their prefix."""
        super().__init__()
        self.endpoint = endpoint
        self.folder = folder
        self.state = folder / "state.db"
        self._under = under
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "DOCKER_"))}
        self._environment = kept | {f"ORCHESTRATOR_{name.upper()}": value for name, value in settings.items()}
        self._store_options = () if "redis_url" in settings else (f"--state={self.state}",)
        self._logs: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None

    # --- the process ---

    def start(self, port: int = 0) -> None:
        """Returns when it listens, which is before it acts. ``port`` 0 takes a free one."""
        log = self.folder / f"serve-{len(self._logs) + 1}.log"
        self._logs.append(log)
        options = (f"--port={port}", *self._store_options, f"--endpoint={self.endpoint}")
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [*self._under, sys.executable, "-m", "orchestrator", "serve", *options],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        wait_until(self._listens, START_TIMEOUT, f"an address in {log}")

    def _listens(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"orchestrator serve ended with {self._process.returncode}:\n{self.log}")
        self._port = port_in(self.log)
        return self._port != 0

    def kill(self) -> None:
        """SIGKILL, at whatever it is doing."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM; it ends orderly."""
        assert self._signal(signal.SIGTERM) == 0, self.log

    def _signal(self, sent: signal.Signals) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(sent)
        try:
            return process.wait(timeout=END_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=END_TIMEOUT)
            raise

    def end(self) -> None:
        """After a test; a failed test shows the log."""
        if self._process is not None:
            self._signal(signal.SIGTERM)
        for log in self._logs:
            print(f"--- {log.name}\n{log.read_text()}")

    @property
    def port(self) -> int:
        return self._port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What the newest process wrote."""
        return self._logs[-1].read_text()


@contextmanager
def serving(endpoint: str, folder: Path, *, under: Sequence[str] = (), **settings: str) -> Iterator[Serve]:
    """A running orchestrator for one engine; ended with the context, whatever happened in it."""
    folder.mkdir(parents=True, exist_ok=True)
    serve = Serve(endpoint, folder, under=under, **settings)
    try:
        serve.start()
        yield serve
    finally:
        serve.end()
