"""A Podman of one's own: storage, network and configuration apart from the machine's, its API on a private socket.

What the machine's Podman holds is neither seen nor touched. Serves the live tests and the demo.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

START_TIMEOUT = 20.0


class PodmanError(Exception):
    """The private Podman could not be set up or did not come up."""


class PrivatePodman:
    """Everything lies under ``folder``, whose path must be short (a socket's path has about 100 characters)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "podman.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a ``podman`` command needs in its environment to be this Podman."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CONTAINER", "DOCKER_"))}
        return kept | {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }

    @property
    def pid(self) -> int:
        if self._process is None:
            raise PodmanError(f"podman system service on {self.socket} is not running")
        return self._process.pid

    def configure(self) -> None:
        """Write the configuration; existing folders are kept."""
        for name in ("storage", "run", "tmp", "networks", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "containers.conf").write_text(_containers_conf(self.folder))
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/storage"\nrunroot = "{self.folder}/run"\n'
        )

    def start(self) -> None:
        """Start the API service and wait until its socket answers a connection."""
        self.socket.unlink(missing_ok=True)
        log = self.folder / "logs" / "service.log"
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                ["podman", "system", "service", "--time=0", self.url],
                env=dict(self.environment),
                cwd=self.folder,  # conmon leaves a file named oom in the folder it was started from
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PodmanError(f"podman system service did not come up; {log} ends: {log.read_text()[-500:]}")
            time.sleep(0.02)

    def _listens(self) -> bool:
        """The file is there before anybody listens."""
        with socket.socket(socket.AF_UNIX) as caller:
            return caller.connect_ex(str(self.socket)) == 0

    def stop(self, *, hard: bool = False) -> None:
        """End the API service; containers go on. ``hard``: by SIGKILL."""
        if self._process is None:
            return
        if hard:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=10)
        self._process = None
        self.socket.unlink(missing_ok=True)

    def remove_everything(self) -> None:
        """Remove all containers, by the engine's own hand: it also releases their networks and mounts."""
        subprocess.run(
            ["podman", "rm", "--all", "--force", "--time", "0"],
            env=dict(self.environment),
            capture_output=True,
            timeout=60,
            check=False,
        )


def _containers_conf(folder: Path) -> str:
    runtime = "runc" if shutil.which("runc") or not shutil.which("crun") else "crun"
    files = _limit(resource.RLIMIT_NOFILE, 1024, 4096)
    processes = _limit(resource.RLIMIT_NPROC, 1024, 1024)
    return f"""[containers]
# Never more than this process has: raising a limit can be forbidden.
default_ulimits = ["nofile={files}", "nproc={processes}"]

[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"

[engine]
# runc and cgroupfs work with every cgroup layout and without systemd. Files for locks and events keep this Podman
# apart: the default locks are one shared memory segment for all of the machine's. The folders below storage are
# where Podman's own clean-up command, which is given only the storage's path, expects them.
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
# Two conmon processes wait so many seconds after every command that came through the API; the default is 300.
exit_command_delay = 5
tmp_dir = "{folder}/tmp"
static_dir = "{folder}/storage/libpod"
volume_path = "{folder}/storage/volumes"
"""


def _limit(which: int, soft: int, hard: int) -> str:
    _, ceiling = resource.getrlimit(which)
    if ceiling != resource.RLIM_INFINITY:
        hard = min(hard, ceiling)
    return f"{min(soft, hard)}:{hard}"
