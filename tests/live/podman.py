"""The private Podman of the live tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from scripts.podman import PrivatePodman

from tests.live.engines import Engine


class Podman(Engine):
    kind: Literal["docker", "podman"] = "podman"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._podman = PrivatePodman(folder)
        self._podman.configure()
        self._running = False

    @property
    def socket(self) -> Path:
        return self._podman.socket

    @property
    def client(self) -> Sequence[str]:
        """Podman's command line needs no daemon: it works on while the API service is stopped or frozen."""
        return ["podman"]

    @property
    def environment(self) -> Mapping[str, str]:
        return self._podman.environment

    @property
    def daemon_pid(self) -> int:
        return self._podman.pid

    @property
    def daemon_running(self) -> bool:
        return self._running

    def start_daemon(self) -> None:
        self._podman.start()
        self._running = True

    def stop_daemon(self) -> None:
        self._podman.stop()
        self._running = False

    def crash_daemon(self) -> None:
        self._podman.stop(hard=True)
        self._running = False

    def remove(self, container: str) -> None:
        """With those that use its network, which it would refuse to leave behind."""
        self.command("rm", "--force", "--volumes", "--depend", "--ignore", container)

    def end(self) -> None:
        self._podman.stop()
        self._podman.remove_everything()
