"""What the faces ask of the runtime: the narrow waist between HTTP and the orchestrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from orchestrator.core.messages import Command, Reply
from orchestrator.ports import EventRecord
from orchestrator.runtime.views import ServiceView, SystemView


class Supervisor(Protocol):
    """Implemented by :class:`orchestrator.ContainerOrchestrator`. Reading never waits."""

    def services(self) -> tuple[ServiceView, ...]: ...

    def service(self, name: str) -> ServiceView | None: ...

    def system(self) -> SystemView: ...

    async def command(self, name: str, command: Command) -> Reply:
        """Answers when the command is decided, not when it is carried out. Raises ``UnknownService``."""
        ...

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None
    ) -> Sequence[EventRecord]:
        """Newest first. Raises ``StoreError`` when they cannot be read."""
        ...
