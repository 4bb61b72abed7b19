"""A compose project of a test's own, brought up, changed and taken down by the tool that users have."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.image import IMAGE

from tests.live.engines import CommandFailed, Engine
from tests.live.serve import QUICK

TIMEOUT = 120.0


class ComposeProject:
    """Services by name, each with what ``depends_on`` says. ``version`` is what an update changes of all of them."""

    def __init__(self, engine: Engine, folder: Path, services: Mapping[str, Sequence[str]]) -> None:
        self._engine = engine
        self._folder = folder
        self._services = services
        self.name = f"{engine.prefix.rstrip('-')}shop"
        self.write(version=1)

    def write(self, *, version: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        services = {name: self._service(name, needs, version) for name, needs in self._services.items()}
        (self._folder / "docker-compose.yml").write_text(json.dumps({"version": "2.4", "services": services}))

    def _service(self, name: str, needs: Sequence[str], version: int) -> dict[str, Any]:
        deaf = (
            name == "cache" and self._engine.kind == "docker"
        )  # podman-compose stops with ten seconds, whatever is written
        labels = {f"orchestrator.{key}": value for key, value in {"service": name, **QUICK}.items()}
        return {
            "image": IMAGE,
            "container_name": f"{self._engine.prefix}{name}",
            "network_mode": "bridge",
            "command": "/srv/serve" if deaf else "/srv/polite",
            "stop_grace_period": "2s",
            "environment": {"VERSION": str(version)},
            "labels": labels,
            "depends_on": list(needs),
            "ulimits": {"nofile": {"soft": 1024, "hard": 1024}, "nproc": 1024},
        }

    def update(self) -> None:
        """podman-compose replaces what changed only when it is told to replace everything."""
        self.run("up", "-d", *(["--force-recreate"] if self._engine.kind == "podman" else []))

    def run(self, *arguments: str) -> str:
        """``up -d``, ``down``, ``restart``, ...; what it printed, both streams."""
        program = "podman-compose" if self._engine.kind == "podman" else "docker-compose"
        environment = dict(self._engine.environment)
        if self._engine.kind == "docker":
            environment |= {"DOCKER_HOST": self._engine.url, "COMPOSE_HTTP_TIMEOUT": str(int(TIMEOUT))}
        done = subprocess.run(
            [program, "-p", self.name, "-f", "docker-compose.yml", *arguments],
            env=environment | {"PATH": os.environ["PATH"]},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed(f"{program} {' '.join(arguments)}: exit code {done.returncode}: {done.stdout}")
        return done.stdout
