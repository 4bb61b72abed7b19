"""The stacks that the page is looked at with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.live.engines import Engine
from tests.live.serve import Serve, service_labels, serving

CHAIN: Final = ("db", "api", "web")
"""Each needs the one before it."""


def start_chain(engine: Engine) -> dict[str, str]:
    """Container ids by service."""
    return {
        name: engine.run(name, *service_labels(name, requires=needed))
        for name, needed in zip(CHAIN, ("", "db", "api"), strict=True)
    }


@contextmanager
def chain(engine: Engine, folder: Path, **settings: str) -> Iterator[tuple[Serve, dict[str, str]]]:
    """All three run, and an orchestrator that has seen it."""
    containers = start_chain(engine)
    with serving(engine.url, folder, **settings) as serve:
        if "api_token" not in settings:
            for name in CHAIN:
                serve.wait_for(name, status="running")
        yield serve, containers
