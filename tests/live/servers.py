"""Real Redis and PostgreSQL servers on the loopback address, each a child of the test and ended with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from orchestrator.adapters.probes.postgres import PostgresProbe
from orchestrator.adapters.probes.redis import RedisProbe
from orchestrator.core.model import PostgresCheck, RedisCheck, Verdict
from orchestrator.ports import Reading, Target

PATIENCE = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Server(ABC):
    """One server process; ``log`` is everything it said."""

    fast_shutdown = signal.SIGTERM
    """What makes it end at once with everything it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def target(self) -> Target:
        return Target("no container", "127.0.0.1", self.port)

    @abstractmethod
    def command(self, *settings: str) -> list[str]: ...

    @abstractmethod
    def ask(self, timeout: float = 5.0) -> Reading: ...

    def start(self, *settings: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(*settings), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
            )

    def start_and_wait(self, *settings: str) -> None:
        self.start(*settings)
        self.ask_until(Verdict.PASS)

    def ask_until(self, verdict: Verdict, words: str = "") -> Reading:
        """Ask until the answer is this one; the last answer, and the server's log, when it never comes."""
        deadline = time.monotonic() + PATIENCE
        while True:
            reading = self.ask(timeout=1.0)
            if reading.verdict is verdict and words in reading.detail:
                return reading
            if time.monotonic() > deadline:
                pytest.fail(f"not {verdict} {words!r}, but {reading} after {PATIENCE:g} s:\n{self.log}")
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        if self.process is None:
            return
        for number in (signal.SIGCONT, self.fast_shutdown):
            self.process.send_signal(number)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Redis(Server):
    fast_shutdown = signal.SIGKILL
    """A polite one is refused where the data cannot be saved."""

    def command(self, *settings: str) -> list[str]:
        program = shutil.which("redis-server") or pytest.fail("apt-get install redis-server", pytrace=False)
        basics = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        return [program, *basics, *settings]

    def ask(self, timeout: float = 5.0) -> Reading:
        return asyncio.run(RedisProbe().probe(RedisCheck(), self.target, timeout))

    def client(self) -> socket.socket:
        """A client that stays until it is closed."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def tell(self, *commands: str) -> str:
        """Each command as one line; the last reply's beginning."""
        with self.client() as connection:
            reply = b""
            for command in commands:
                connection.sendall(command.encode() + b"\r\n")
                reply = connection.recv(65536)
            return reply.decode()


class Postgres(Server):
    fast_shutdown = signal.SIGINT
    """Its fast shutdown: sessions are ended, not waited for."""

    @property
    def programs(self) -> Path:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        return found[-1] if found else pytest.fail("apt-get install postgresql", pytrace=False)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def initialize(self) -> None:
        """A fresh cluster, as the user postgres: the server refuses to run as root."""
        shutil.chown(self.folder, "postgres", "postgres")
        command = [str(self.programs / "initdb"), "--no-sync", "--auth=trust", "--username=postgres"]
        subprocess.run([*self._as_postgres(), *command, str(self.data)], check=True, capture_output=True, timeout=120)

    def adopt(self, cluster: Path) -> None:
        """Begin with a copy of this data."""
        shutil.chown(self.folder, "postgres", "postgres")
        subprocess.run(["cp", "-a", str(cluster), str(self.data)], check=True, timeout=120)

    def command(self, *settings: str) -> list[str]:
        basics = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"]
        options = [word for setting in (*basics, "fsync=off", *settings) for word in ("-c", setting)]
        return [*self._as_postgres(), str(self.programs / "postgres"), "-D", str(self.data), *options]

    def _as_postgres(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]

    def ask(self, timeout: float = 5.0, user: str = "postgres") -> Reading:
        return asyncio.run(PostgresProbe().probe(PostgresCheck(user), self.target, timeout))

    def pg_isready(self, user: str = "postgres") -> int:
        """What the server's own program says: 0 accepting, 1 rejecting, 2 no response."""
        command = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", user]
        return subprocess.run([*command, "-t", "1"], check=False, timeout=PATIENCE).returncode

    def session(self) -> subprocess.Popen[bytes]:
        """A client that stays."""
        command = [str(self.programs / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        command += ["-c", "select pg_sleep(60)"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
