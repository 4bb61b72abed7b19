"""Real engines for the benchmarks: those of the live tests, in a network and a folder of their own, removed
at the end.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.bare import ask
from scripts.leftovers import dispose
from tests.live.docker import Docker
from tests.live.engines import Engine
from tests.live.leftovers import new_folder
from tests.live.network import private_network
from tests.live.podman import Podman
from tests.live.serve import Serve


@contextmanager
def real_engines() -> Iterator[tuple[Path, list[Engine]]]:
    """A folder, and a running Podman and Docker with the demo's image. Needs root."""
    if os.geteuid() != 0:
        sys.exit("these benchmarks start engines of their own and need root: run them with sudo")
    with private_network():
        folder = new_folder()
        try:
            with ExitStack() as engines:
                yield folder, [engines.enter_context(_running(kind, folder)) for kind in (Podman, Docker)]
        finally:
            dispose(folder)


@contextmanager
def served(endpoint: str, folder: Path, **settings: str) -> Iterator[Serve]:
    """``orchestrator serve`` for one engine, as a user runs it."""
    folder.mkdir(parents=True, exist_ok=True)
    serve = Serve(endpoint, folder, **settings)
    serve.start()
    try:
        yield serve
    finally:
        serve.stop()


@contextmanager
def _running(kind: type[Podman] | type[Docker], folder: Path) -> Iterator[Engine]:
    engine = kind(folder / kind.kind)
    try:
        engine.start_daemon()
        engine.import_image()
        asyncio.run(ask(str(engine.socket), "GET", "/version"))  # Podman's service sets itself up at its first question
        engine.prepare(f"b{uuid.uuid4().hex[:8]}-")
        yield engine
    finally:
        engine.end()
