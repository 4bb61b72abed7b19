"""The private Docker of the live tests: a containerd and a dockerd of our own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tests.live.engines import CommandFailed, Engine, wait_until

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0


class Docker(Engine):
    kind: Literal["docker", "podman"] = "docker"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "client").mkdir(exist_ok=True)
        (folder / "containerd.toml").write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        self._configure(live_restore=True)

    def _configure(self, *, live_restore: bool) -> None:
        (self.folder / "daemon.json").write_text(json.dumps({"live-restore": live_restore}))

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def client(self) -> Sequence[str]:
        return ["docker", "--host", self.url]

    @property
    def environment(self) -> Mapping[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CONTAINER", "DOCKER_"))}
        return kept | {"DOCKER_CONFIG": str(self.folder / "client")}

    @property
    def daemon_pid(self) -> int:
        return self._processes["dockerd"].pid

    @property
    def daemon_running(self) -> bool:
        daemon = self._processes.get("dockerd")
        return daemon is not None and daemon.poll() is None

    def start_daemon(self) -> None:
        address = self.folder / "containerd.sock"
        if "containerd" not in self._processes:
            folders = ["--root", f"{self.folder}/containerd", "--state", f"{self.folder}/containerd-state"]
            configuration = ["--config", f"{self.folder}/containerd.toml"]
            self._start("containerd", *configuration, *folders, "--address", str(address))
            wait_until(address.exists, START_TIMEOUT, "containerd's socket")
        self._configure(live_restore=True)
        self._start(
            "dockerd",
            # one's own containerd: dockerd would take the machine's where there is one
            *("--containerd", str(address)),
            *("--config-file", f"{self.folder}/daemon.json"),
            *("--host", self.url),
            *("--data-root", f"{self.folder}/data"),
            *("--exec-root", f"{self.folder}/exec"),
            *("--pidfile", f"{self.folder}/dockerd.pid"),
        )
        wait_until(self._answers, START_TIMEOUT, f"an answer of dockerd; see {self.folder}/dockerd.log")

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("ab") as log:
            self._processes[program] = subprocess.Popen(
                [program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _answers(self) -> bool:
        if not self.daemon_running:
            raise CommandFailed(f"dockerd ended: {(self.folder / 'dockerd.log').read_text()[-500:]}")
        if not self.socket.exists():
            return False
        try:
            self.command("version")
        except CommandFailed:
            return False
        return True

    def stop_daemon(self) -> None:
        self._end_process("dockerd", signal.SIGTERM)

    def stop_daemon_and_containers(self) -> None:
        """What a stop of an ordinary daemon does: every container is stopped with it, with events as if by a user."""
        self._configure(live_restore=False)
        os.kill(self.daemon_pid, signal.SIGHUP)
        wait_until(self._without_live_restore, STOP_TIMEOUT, "dockerd's reload of its configuration")
        self.stop_daemon()

    def _without_live_restore(self) -> bool:
        return self.command("info", "--format", "{{.LiveRestoreEnabled}}") == "false"

    def crash_daemon(self) -> None:
        self._end_process("dockerd", signal.SIGKILL)

    def _end_process(self, program: str, sent: signal.Signals) -> None:
        process = self._processes.pop(program, None)
        if process is None:
            return
        process.send_signal(sent)
        try:
            process.wait(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=STOP_TIMEOUT)
        # a killed daemon leaves both, and the id may be another process's by the next start
        (self.folder / f"{program}.pid").unlink(missing_ok=True)
        if program == "dockerd":
            self.socket.unlink(missing_ok=True)

    def end(self) -> None:
        if self.daemon_running:
            self.thaw_daemon()
            left = self.command("ps", "--all", "--quiet").split()
            if left:
                self.command("rm", "--force", *left)
        self._end_process("dockerd", signal.SIGTERM)
        self._end_process("containerd", signal.SIGTERM)
