"""The real engines of the live tests: a private Podman and a private Docker, and what a test does to them.

One engine object serves a whole session; a test sees it through the ``engine`` fixture, with names of its own, and
finds it running and thawed, whatever the test before did.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from scripts.image import IMAGE, import_image

from tests.live.events import EventLog
from tests.live.leftovers import processes_in_namespace_of

COMMAND_TIMEOUT = 60.0


class CommandFailed(AssertionError):
    """A command line of the engine ended with an error; the message holds its words."""


class Engine(ABC):
    """One real engine. Containers are named by the short name a test gives; ``full_name`` tells the engine's."""

    kind: Literal["docker", "podman"]
    prefix: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = ""

    # --- the daemon ---

    @property
    @abstractmethod
    def socket(self) -> Path: ...

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    @abstractmethod
    def client(self) -> Sequence[str]:
        """The command line that reaches this engine."""

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]: ...

    @property
    @abstractmethod
    def daemon_pid(self) -> int: ...

    @property
    @abstractmethod
    def daemon_running(self) -> bool: ...

    @abstractmethod
    def start_daemon(self) -> None:
        """Returns when the API answers."""

    @abstractmethod
    def stop_daemon(self) -> None:
        """A graceful stop of the API; containers go on."""

    @abstractmethod
    def crash_daemon(self) -> None:
        """SIGKILL; containers go on."""

    @abstractmethod
    def end(self) -> None:
        """The end of the session: no container and no process is left."""

    def freeze_daemon(self) -> None:
        """From now on it accepts connections and never answers."""
        _suspend([self.daemon_pid])

    def thaw_daemon(self) -> None:
        os.kill(self.daemon_pid, signal.SIGCONT)

    # --- the command line ---

    def command(self, *arguments: str, timeout: float = COMMAND_TIMEOUT) -> str:
        """Run the engine's command line and return what it printed, stripped."""
        done = subprocess.run(
            [*self.client, *arguments],
            env=dict(self.environment),
            cwd=self.folder,  # conmon leaves a file named oom in the folder it was started from
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed(
                f"{self.kind} {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout.strip()

    def run(self, name: str, *options: str, command: Sequence[str] = (), image: str = IMAGE) -> str:
        """Create and start a container; ``options`` are those of ``docker run``. Returns its full id.

        Its server is process 1 and ignores SIGTERM, so that it is stopped by SIGKILL unless ``--stop-signal`` is given.
        """
        return self._new("run", "--detach", name, options, command, image)

    def create(self, name: str, *options: str, command: Sequence[str] = (), image: str = IMAGE) -> str:
        """As :meth:`run`, not started."""
        return self._new("create", "", name, options, command, image)

    def _new(self, verb: str, flag: str, name: str, options: Sequence[str], command: Sequence[str], image: str) -> str:
        if not any(option.startswith("--stop-signal") for option in options):
            options = ("--stop-signal=SIGKILL", *options)
        flags = [flag] if flag else []
        return self.command(verb, *flags, f"--name={self.full_name(name)}", *options, image, *command).splitlines()[-1]

    def full_name(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def inspect(self, container: str) -> dict[str, Any]:
        """A container by id or full name, as the engine's command line shows it."""
        documents: list[dict[str, Any]] = json.loads(self.command("container", "inspect", container))
        return documents[0]

    def state(self, container: str) -> str:
        """``running``, ``exited``, ``paused``, ..., in the engine's own word."""
        return str(self.inspect(container)["State"]["Status"])

    def pid(self, container: str) -> int:
        """The container's first process, on the host; 0: it does not run."""
        return int(self.inspect(container)["State"]["Pid"])

    def address(self, container: str) -> str:
        """Its address on its first network, reachable from the test process."""
        settings = self.inspect(container)["NetworkSettings"]
        networks: dict[str, dict[str, Any]] = settings.get("Networks") or {}
        addresses = [str(network["IPAddress"]) for network in networks.values() if network.get("IPAddress")]
        return addresses[0] if addresses else str(settings["IPAddress"])

    def published(self, container: str, port: int = 8080) -> int:
        """The host port of a container started with ``--publish 127.0.0.1::PORT``."""
        return int(self.command("port", container, f"{port}/tcp").splitlines()[0].rpartition(":")[2])

    def execute(self, container: str, *command: str) -> str:
        return self.command("exec", container, *command)

    def logs(self, container: str) -> str:
        """Both of its streams."""
        done = subprocess.run(
            [*self.client, "logs", container],
            env=dict(self.environment),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=True,
        )
        return done.stdout

    def switch(self, container: str, switch: str, content: str = "") -> None:
        """Turn a fault of the image on: ``sick``, ``slow``, ``crash``, ... (``examples/demo/rootfs/srv/serve``)."""
        self.execute(container, "sh", "-c", 'printf %s "$1" >"/switch/$0"', switch, content)

    def switch_off(self, container: str, switch: str) -> None:
        self.execute(container, "rm", "-f", f"/switch/{switch}")

    def remove(self, container: str) -> None:
        """Remove it, running or not."""
        self.command("rm", "--force", "--volumes", container)

    # --- what happens to containers by other hands: by process, so that it works while the daemon is away ---

    def kill(self, container_or_pid: str | int, sent: signal.Signals = signal.SIGKILL) -> None:
        """Signal a container's first process from the host, as a crash would: the engine is not asked to."""
        os.kill(self._first_process(container_or_pid), sent)

    def freeze(self, container_or_pid: str | int) -> None:
        """SIGSTOP to every process of a container: it accepts connections and never answers."""
        _suspend(processes_in_namespace_of(self._first_process(container_or_pid)))

    def thaw(self, container_or_pid: str | int) -> None:
        for pid in processes_in_namespace_of(self._first_process(container_or_pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _first_process(self, container_or_pid: str | int) -> int:
        pid = container_or_pid if isinstance(container_or_pid, int) else self.pid(container_or_pid)
        if pid <= 1:
            raise ValueError(f"{container_or_pid} has no process")
        return pid

    # --- watching ---

    def events(self, since: float | None = None) -> EventLog:
        """Usable as a context: container events with the moment of their arrival, from a wall time on."""
        return EventLog(self.socket, since)

    # --- between tests ---

    def prepare(self, prefix: str) -> None:
        """Before a test: the API answers, and names are the test's own."""
        self.prefix = prefix
        if not self.daemon_running:
            self.start_daemon()

    def clean(self) -> None:
        """After a test: the API answers again and the test's containers are gone."""
        if not self.daemon_running:
            self.start_daemon()
        self.thaw_daemon()
        listed = self.command("ps", "--all", "--quiet", "--no-trunc", "--filter", f"name={self.prefix}").split()
        for container in listed:
            if self.state(container) == "paused":
                self.command("unpause", container)
        for container in listed:
            self.remove(container)

    def import_image(self) -> None:
        import_image(self.client, self.environment)


def _suspend(pids: Sequence[int]) -> None:
    """SIGSTOP, and wait until it holds: on a busy machine other threads go on until one has taken the signal."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # a short-lived child, gone since it was listed
            os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(map(_suspended, pids)), 30, f"a stop of every thread of {pids}")


def _suspended(pid: int) -> bool:
    try:
        states = [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False  # a thread or a child that ended meanwhile: look again
    return all(state in "TZX" for state in states)


def wait_until(condition: Callable[[], bool], deadline: float, what: str) -> None:
    """Poll until ``condition()`` is true; :class:`TimeoutError` naming ``what`` after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline:g} s: {what}")
        time.sleep(0.02)
