"""Real engines for the live tests. A missing part fails with its remedy: nothing here is ever skipped."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from scripts.image import static_busybox
from scripts.leftovers import dispose
from scripts.podman import PrivatePodman

from tests.live.debian import base_archive, wheels
from tests.live.docker import Docker
from tests.live.engines import Engine
from tests.live.leftovers import abandoned_folders, new_folder
from tests.live.network import private_network
from tests.live.podman import Podman

SomeEngine = TypeVar("SomeEngine", bound=Engine)

NEEDED = {
    "podman": "podman",
    "runc": "runc",
    "iptables": "iptables",
    "dockerd": "docker.io",
    "docker": "docker.io",
    "containerd": "containerd",
    "ip": "iproute2",
    "docker-compose": "docker-compose",
    "podman-compose": "podman-compose",
}


@pytest.fixture(scope="session")
def engine_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A private network and a folder with a short path; what an earlier, crashed run left is removed first."""
    _require_everything()
    static_busybox()  # fetched while there is a network to fetch it from
    if any("image_context" in getattr(item, "fixturenames", ()) for item in request.session.items):
        base_archive()
        wheels()
    for abandoned in abandoned_folders():
        PrivatePodman(abandoned / "podman").remove_everything()
        dispose(abandoned)
    with private_network():
        folder = new_folder()
        try:
            yield folder
        finally:
            dispose(folder)


@pytest.fixture(scope="session")
def podman_engine(engine_folder: Path) -> Iterator[Podman]:
    yield from _serve(Podman(engine_folder / "podman"))


@pytest.fixture(scope="session")
def docker_engine(engine_folder: Path) -> Iterator[Docker]:
    yield from _serve(Docker(engine_folder / "docker"))


@pytest.fixture
def podman(podman_engine: Podman) -> Iterator[Podman]:
    """Podman, for a test about what is Podman's alone."""
    yield from _lend(podman_engine)


@pytest.fixture
def docker(docker_engine: Docker) -> Iterator[Docker]:
    """Docker, for a test about what is Docker's alone."""
    yield from _lend(docker_engine)


@pytest.fixture(params=["podman", "docker"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the two real engines."""
    served: Engine = request.getfixturevalue(f"{request.param}_engine")
    yield from _lend(served)


def _serve(served: SomeEngine) -> Iterator[SomeEngine]:
    try:
        served.start_daemon()
        served.import_image()
        yield served
    finally:
        served.end()


def _lend(served: SomeEngine) -> Iterator[SomeEngine]:
    served.prepare(f"t{uuid.uuid4().hex[:8]}-")
    try:
        yield served
    finally:
        served.clean()


def _require_everything() -> None:
    if os.geteuid() != 0:
        pytest.fail("the live tests start engines of their own and need root: run them with sudo", pytrace=False)
    missing = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if not Path("/usr/lib/podman/netavark").exists() and shutil.which("netavark") is None:
        missing.append("netavark")
    if missing:
        pytest.fail(f"the live tests need: apt-get install --no-install-recommends {' '.join(missing)}", pytrace=False)
