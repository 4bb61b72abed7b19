"""What the faces ask of the runtime: the narrow waist between HTTP and the orchestrator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.core.ending import Ending
from orchestrator.core.evidence import LogLine
from orchestrator.core.history import Figures, Stretch
from orchestrator.core.incidents import Incident
from orchestrator.core.messages import Command, Reply
from orchestrator.core.rehearsal import Rehearsed
from orchestrator.core.sighting import Changes
from orchestrator.core.story import Chapter
from orchestrator.ports import Document, EventRecord
from orchestrator.runtime.broadcast import Broadcast
from orchestrator.runtime.configured import SettingView
from orchestrator.runtime.latencies import SampleView
from orchestrator.runtime.monitoring import MonitoringView
from orchestrator.runtime.notifier import Trial
from orchestrator.runtime.repertoire import PlaybookView
from orchestrator.runtime.requests import Requester
from orchestrator.runtime.telemetry import Load, Telemetry
from orchestrator.runtime.views import GraphView, PlanView, ServiceView, SystemView
from orchestrator.runtime.vitals import VitalsView


class Supervisor(Protocol):
    """Implemented by :class:`orchestrator.ContainerOrchestrator`. What is no coroutine never waits."""

    @property
    def broadcast(self) -> Broadcast: ...

    def services(self) -> tuple[ServiceView, ...]: ...

    def service(self, name: str) -> ServiceView | None: ...

    def graph(self) -> GraphView: ...

    def plan(self) -> tuple[PlanView, ...]:
        """What would be done next, if nothing changed; in the order of their names."""
        ...

    def plan_of(self, name: str) -> PlanView | None: ...

    def story_of(self, name: str) -> tuple[Chapter, ...]:
        """The last decisions that changed something for a service, newest first; none of before our start."""
        ...

    def playbooks(self) -> tuple[PlaybookView, ...]:
        """Of every service."""
        ...

    def rehearsal(self, name: str, playbook: str) -> tuple[Rehearsed, ...] | None:
        """How a service's playbook would be run now; ``None``: there is none."""
        ...

    def settings_of(self, name: str) -> tuple[SettingView, ...]:
        """What it is configured with, and who says so. Raises ``UnknownService``."""
        ...

    def latency(self, name: str, most: int) -> tuple[SampleView, ...]:
        """Its newest probes, oldest first."""
        ...

    def vitals(self) -> tuple[VitalsView, ...]:
        """Of the AI services."""
        ...

    async def monitoring(self) -> MonitoringView:
        """Waits for Prometheus, 2 s at the most."""
        ...

    def system(self) -> SystemView: ...

    @property
    def telemetry(self) -> Telemetry: ...

    def load(self) -> Load: ...

    async def command(
        self,
        name: str,
        command: Command,
        ending: asyncio.Future[Ending] | None = None,
        *,
        requester: Requester | None = None,
    ) -> Reply:
        """Answers when the command is decided, not when it is carried out. Raises ``UnknownService``.

        Once it is accepted, ``ending`` is resolved with how it ended; whoever cancels it does not wait any more.
        The request is journalled with its outcome, as one of ``requester``; without one, of the command's ``actor``.
        """
        ...

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        """Newest first; ``before`` and ``since`` are exclusive. Raises ``StoreError`` when they cannot be read."""
        ...

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        """Summaries, newest first; ``before`` is an exclusive id, ``service`` one of the members."""
        ...

    async def incident(self, number: int) -> Document | None:
        """The whole of it. Raises ``StoreError`` when it cannot be read."""
        ...

    def open_incidents(self) -> tuple[Incident, ...]: ...

    def availability(self, name: str, window: float) -> Figures:
        """Of one service, over the last ``window`` seconds."""
        ...

    def history(self, name: str, window: float) -> Sequence[Stretch]: ...

    async def logs(
        self, name: str, *, tail: int, follow: bool = False, since: float | None = None
    ) -> AsyncIterator[LogLine]:
        """What the service's container wrote: see :meth:`orchestrator.ports.ContainerEngine.logs`.

        Raises ``UnknownService``, ``ContainerNotFound`` and ``EngineUnavailable`` before the first line.
        """
        ...

    async def test_notifications(self, requester: Requester, channel: str | None = None) -> Sequence[Trial]:
        """A test message through this channel, or all; within some 10 s. Raises ``UnknownChannel``. Journalled."""
        ...


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A configuration came into force."""

    changes: Changes
    needs_restart: tuple[str, ...]
    """Settings whose new value waits for the next start, by name."""

    def __str__(self) -> str:
        changes, waiting = self.changes, ", ".join(self.needs_restart)
        figures = f"{len(changes.added)} added, {len(changes.changed)} changed, {len(changes.removed)} removed"
        return figures + (f"; a restart is needed for {waiting}" if waiting else "")


class Reload(Protocol):
    async def __call__(self, requester: Requester) -> Reloaded:
        """Read the configuration anew; it comes into force whole. Raises ``ConfigurationError`` with all its
        problems, and then nothing has changed. Either is journalled as asked for by ``requester``."""
        ...
