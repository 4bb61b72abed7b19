"""Where containers fall ill: one engine with its event journal, and one orchestrator that heals them.

The engine's journal judges how often a container was started: our own API could only tell what we believe.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.engines import Engine, wait_until
from tests.live.events import EventLog, SeenEvent
from tests.live.serve import HEAL_TIMEOUT, Serve, service_labels, serving

DEATHS = ("die", "died")
SECOND_THOUGHTS = 1.5
"""Seconds in which a second start of what was started already would have come."""


def starts(journal: EventLog, container: str) -> list[SeenEvent]:
    """Every start of the container, its first one included, by the engine's journal."""
    return [event for event in journal.seen if event.container_id == container and event.action == "start"]


class Ward(NamedTuple):
    engine: Engine
    serve: Serve
    journal: EventLog

    def admit(
        self, service: str, *options: str, command: Sequence[str] = (), status: str = "running", **settings: str
    ) -> str:
        """A new container, seen by the orchestrator and well, its start in the journal; its full id."""
        container = self.engine.run(service, *service_labels(service, **settings), *options, command=command)
        self.serve.wait_for(service, status=status, container_id=container[:12])
        self.wait_for_starts(container, 1)
        return container

    def starts(self, container: str) -> list[SeenEvent]:
        """Every start of the container, its first one included, by the engine's journal."""
        return starts(self.journal, container)

    def deaths(self, container: str) -> list[SeenEvent]:
        return [event for event in self.journal.seen if event.container_id == container and event.action in DEATHS]

    def wait_for_starts(self, container: str, count: int, timeout: float = HEAL_TIMEOUT) -> None:
        """Until the container was started ``count`` times in all, the first time included."""
        wait_until(lambda: len(self.starts(container)) >= count, timeout, f"{count} starts of {container[:12]}")

    def wait_for_death(self, container: str, count: int = 1, timeout: float = HEAL_TIMEOUT) -> None:
        wait_until(lambda: len(self.deaths(container)) >= count, timeout, f"{count} deaths of {container[:12]}")

    def healed(self, service: str, container: str, starts: int = 2, completed: int = 1) -> None:
        """Wait until it runs again, verified so often in all, and see that it took so many starts and not one more."""
        self.wait_for_starts(container, starts)
        self.serve.wait_for_event(service, "Restart completed", count=completed)
        self.serve.wait_for(service, status="running", failure_count=0)
        assert len(self.starts(container)) == starts, self.serve.told(service)


@contextmanager
def lent(engine: Engine) -> Iterator[Engine]:
    """An engine for longer than one test."""
    engine.prepare(f"t{uuid.uuid4().hex[:8]}-")
    try:
        yield engine
    finally:
        engine.clean()


@contextmanager
def opened(engine: Engine, folder: Path, **settings: str) -> Iterator[Ward]:
    with serving(engine.url, folder, **settings) as serve, engine.events() as journal:
        serve.wait_for_engine(reachable=True)
        yield Ward(engine, serve, journal)


def engine_of(request: pytest.FixtureRequest, kind: str) -> Engine:
    engine: Engine = request.getfixturevalue(f"{kind}_engine")
    return engine
