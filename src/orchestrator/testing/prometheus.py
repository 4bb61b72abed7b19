"""A Prometheus that answers what it was told to, and counts its questions."""

from __future__ import annotations

from orchestrator.ports import ScrapeTarget, Target


class FakePrometheus:
    """Implements :class:`orchestrator.ports.Prometheus`."""

    def __init__(self) -> None:
        self.told: tuple[ScrapeTarget, ...] | str = ()
        """The next answers."""
        self.asked: list[Target] = []

    async def targets(self, target: Target, timeout: float) -> tuple[ScrapeTarget, ...] | str:
        self.asked.append(target)
        return self.told
