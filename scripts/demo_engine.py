"""The demo's engine: the one that the environment names, else the Docker or Podman that answers, else a Podman of the
demo's own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from scripts.leftovers import dispose
from scripts.podman import PrivatePodman

from orchestrator.adapters.engine import DockerClient
from orchestrator.errors import EngineError

PROJECT = "orchestrator-demo"
PROJECT_LABEL = "com.docker.compose.project"
HOME: Final = os.environ.get("ORCHESTRATOR_DEMO_HOME", "")
"""A folder for everything that the demo keeps, so that two demos do not meet; empty: the usual places."""
PRIVATE_FOLDER: Final = Path(HOME or "/var/lib").absolute() / PROJECT
"""The private engine's; its path has to be short."""
NETWORK = PROJECT
"""Only in the demo's own Podman: one that takes an address range and a bridge that nobody here uses."""

COMMAND_TIMEOUT = 120.0


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoEngine:
    kind: Literal["docker", "podman"]
    version: str
    address: str
    private: bool
    """Whether it is the demo's own and ends with it."""

    @property
    def client(self) -> list[str]:
        """The command line that reaches it, in the words its users know."""
        return ["docker", "--host", self.address] if self.kind == "docker" else ["podman", "--url", self.address]

    def command(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                [*self.client, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DemoError(f"{self.kind} {' '.join(arguments)}: {error}") from None
        if done.returncode != 0:
            raise DemoError(f"{self.kind} {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()


def kept_engines(file: Path) -> list[DemoEngine]:
    """Every engine that the demo has used since it was last removed."""
    return [DemoEngine(**each) for each in json.loads(file.read_text())] if file.is_file() else []


def keep_engines(file: Path, engines: Sequence[DemoEngine]) -> None:
    file.write_text(json.dumps([asdict(each) for each in engines]))


def find_or_start() -> DemoEngine:
    own = PrivatePodman(PRIVATE_FOLDER)
    named = _named()
    if named is not None and named[1] != own.url:
        return _as_named(*named)
    if own.socket.exists() and (answering := _ask(own.url, private=True)):
        return answering
    return _ask(None, private=False) or _start_private(own)


def _named() -> tuple[str, str] | None:
    """The variable that says which engine is meant, and what it says; in the orchestrator's own order."""
    variables = ("ORCHESTRATOR_DOCKER_HOST", "DOCKER_HOST")
    return next(((name, os.environ[name]) for name in variables if os.environ.get(name)), None)


def _as_named(variable: str, address: str) -> DemoEngine:
    """That engine and no other."""
    try:
        return asyncio.run(_identify(address, private=False))
    except (EngineError, DemoError) as error:
        raise DemoError(f"{variable} names the engine to use. {error}. To use another: unset {variable}") from None


def end_private() -> None:
    """The demo's own Podman, with its containers, images, network and files; nothing when there is none."""
    if not PRIVATE_FOLDER.exists():
        return
    if PRIVATE_FOLDER.stat().st_uid != os.geteuid():
        raise DemoError(f"{PRIVATE_FOLDER} was made by root: sudo make demo-down")
    own = PrivatePodman(PRIVATE_FOLDER)
    if shutil.which("podman"):
        own.remove_everything()
        subprocess.run(
            ["podman", "network", "rm", "--force", NETWORK],
            env=dict(own.environment),
            capture_output=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    dispose(PRIVATE_FOLDER)


def _start_private(own: PrivatePodman) -> DemoEngine:
    if os.geteuid() != 0:
        raise DemoError(
            "No Docker and no Podman that the demo can use answers here. Start one, or let the demo start a Podman "
            "of its own: sudo make demo"
        )
    print("No Docker and no Podman to use answers here.", flush=True)
    print(f"The demo starts a Podman of its own in {PRIVATE_FOLDER}", flush=True)
    missing = _missing_packages()
    if missing:
        if shutil.which("apt-get") is None:
            raise DemoError(f"Programs are missing here that Debian has in these packages: {' '.join(missing)}")
        installer = Path(__file__).with_name("apt.sh")
        if subprocess.run([str(installer), *missing], check=False).returncode != 0:
            raise DemoError("Podman could not be installed; the lines above say why")
    own.configure()
    own.start()
    started = _ask(own.url, private=True)
    if started is None:
        raise DemoError(f"the demo's own Podman does not answer; see {PRIVATE_FOLDER}/logs/service.log")
    if NETWORK not in started.command("network", "ls", "--format", "{{.Name}}").splitlines():
        started.command("network", "create", "--disable-dns", NETWORK)
    return started


def _missing_packages() -> list[str]:
    needed = {"podman": "podman", "iptables": "iptables", "runc": "runc"}
    missing = [package for program, package in needed.items() if shutil.which(program, path=_ALL_PATHS) is None]
    return missing if shutil.which("netavark", path=_ALL_PATHS) else [*missing, "netavark"]


_ALL_PATHS = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/podman:/usr/libexec/podman"


def _ask(address: str | None, *, private: bool) -> DemoEngine | None:
    """Who answers there, or where the orchestrator's own search finds one; ``None``: nobody that can be used."""
    try:
        return asyncio.run(_identify(address, private=private))
    except EngineError:
        return None
    except DemoError as error:
        print(f"Not used: {error}", flush=True)
        return None


async def _identify(address: str | None, *, private: bool) -> DemoEngine:
    """Raises :class:`EngineError`, and :class:`DemoError` for one that answers and cannot be used."""
    engine = DockerClient(address)
    try:
        identity = await engine.identify()
        strangers = [each.name for each in await engine.containers() if _answers_to_labels(each.labels)]
    finally:
        await engine.close()
    if shutil.which(identity.kind) is None:
        raise DemoError(f"{engine.endpoint} answers as {identity.kind}, but there is no {identity.kind} command here")
    if strangers and not private:
        # a label without a compose project is taken for everybody's: the demo must not heal them
        raise DemoError(f"{engine.endpoint} has containers of yours with orchestrator labels: {', '.join(strangers)}")
    return DemoEngine(identity.kind, identity.version, engine.endpoint, private)


def _answers_to_labels(labels: Mapping[str, str]) -> bool:
    return PROJECT_LABEL not in labels and any(label.startswith("orchestrator.") for label in labels)
