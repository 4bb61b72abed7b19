"""What happened in the fake world, in order, with times: what tests count and compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.core.model import Instant

Who = Literal["orchestrator", "policy", "user", "itself"]
"""``policy`` is the engine's own restart policy; ``itself`` the process in the container."""
What = Literal[
    "created", "started", "exited", "paused", "unpaused", "removed", "renamed", "refused",
    "asked to start", "asked to stop", "asked to restart", "asked to kill",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happening:
    at: Instant
    container: str
    """Its name: it stays when the container is recreated."""
    what: What
    by: Who
    detail: str = ""
    well: bool = False
    """Whether the container ran and was plainly healthy just before: for longer than any question about it takes."""

    def __str__(self) -> str:
        return f"{self.at.moment:.3f} s: {self.container} {self.what} by {self.by} {self.detail}".rstrip()


@dataclass(slots=True)
class Ledger:
    happenings: list[Happening] = field(default_factory=list)

    def write(self, happening: Happening) -> None:
        self.happenings.append(happening)

    def of(self, container: str, what: What | None = None, by: Who | None = None) -> list[Happening]:
        """What happened to one container, in order; ``what`` and ``by`` narrow it down."""
        return [
            each
            for each in self.happenings
            if each.container == container and what in (None, each.what) and by in (None, each.by)
        ]

    def starts(self, container: str, by: Who | None = "orchestrator") -> list[Happening]:
        """Starts that really happened; a start of what already runs is none."""
        return self.of(container, "started", by)

    def requests(self, container: str | None = None, by: Who = "orchestrator") -> list[Happening]:
        """Everything that was asked of the engine, also what it refused or what changed nothing."""
        return [
            each
            for each in self.happenings
            if each.what.startswith("asked") and each.by == by and container in (None, each.container)
        ]

    def __iter__(self) -> Iterator[Happening]:
        return iter(self.happenings)

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.happenings)
