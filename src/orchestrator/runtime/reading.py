"""What the faces ask of the orchestrator without changing anything: its parts as they are at this moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from orchestrator.core.evidence import LogLine
from orchestrator.core.history import Figures, Stretch
from orchestrator.core.incidents import Incident
from orchestrator.core.rehearsal import Rehearsed
from orchestrator.core.story import Chapter
from orchestrator.errors import ContainerNotFound, UnknownService
from orchestrator.ports import Clock, ContainerEngine, Document, EventRecord
from orchestrator.runtime.admission import Admission
from orchestrator.runtime.configured import SettingView, settings_of
from orchestrator.runtime.dead_man import DeadMan
from orchestrator.runtime.forecast import forecast, forecast_of
from orchestrator.runtime.health import HealthMonitor
from orchestrator.runtime.history import Histories
from orchestrator.runtime.inbox import Inbox
from orchestrator.runtime.incidents import IncidentLedger
from orchestrator.runtime.introspection import Introspection
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.latencies import Latencies, SampleView
from orchestrator.runtime.lifecycle import LifecycleManager
from orchestrator.runtime.monitoring import Monitoring, MonitoringView
from orchestrator.runtime.notifier import Messenger
from orchestrator.runtime.recorder import Recorder
from orchestrator.runtime.registry import ServiceRegistry
from orchestrator.runtime.relations import draw, preconditions
from orchestrator.runtime.repertoire import PlaybookView, playbooks_of, rehearsal_of
from orchestrator.runtime.storms import Storms
from orchestrator.runtime.supervise import Crew
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.telemetry import Load
from orchestrator.runtime.views import GraphView, PlanView, ServiceView, SystemView
from orchestrator.runtime.vitals import Vitals, VitalsView


class ReadSide:
    """The reading half of :class:`~orchestrator.runtime.orchestrator.ContainerOrchestrator`. What is no coroutine never
    waits, and may be asked at any time."""

    _admission: Admission
    _clock: Clock
    _crew: Crew
    _dead_man: DeadMan | None
    _engine: ContainerEngine
    _histories: Histories
    _inbox: Inbox
    _introspection: Introspection
    _journal: Journal
    _latencies: Latencies
    _ledger: IncidentLedger
    _lifecycle: LifecycleManager
    _messenger: Messenger
    _monitor: HealthMonitor
    _monitoring: Monitoring
    _recorder: Recorder
    _registry: ServiceRegistry
    _storms: Storms
    _surroundings: Surroundings
    _vitals: Vitals

    def services(self) -> tuple[ServiceView, ...]:
        return self._registry.views(self._clock.now())

    def service(self, name: str) -> ServiceView | None:
        return self._registry.view(name, self._clock.now())

    def graph(self) -> GraphView:
        return draw(self._registry, self._surroundings.cycles, self._clock.now())

    def plan(self) -> tuple[PlanView, ...]:
        """What would be done next, if nothing changed."""
        return forecast(self._registry, self._clock.now())

    def plan_of(self, name: str) -> PlanView | None:
        return forecast_of(self._registry, name, self._clock.now())

    def story_of(self, name: str) -> tuple[Chapter, ...]:
        """The last decisions that changed something for a service, in words, newest first."""
        return self._recorder.story_of(name)

    def playbooks(self) -> tuple[PlaybookView, ...]:
        """Of every service, in the order of their names, and in that in which they are tried."""
        return tuple(view for _, record in sorted(self._registry.items()) for view in playbooks_of(record))

    def rehearsal(self, name: str, playbook: str) -> tuple[Rehearsed, ...] | None:
        """How that playbook of the service would be run now; ``None``: there is none."""
        record = self._registry.get(name)
        return None if record is None else rehearsal_of(record, self._registry, playbook)

    def settings_of(self, name: str) -> tuple[SettingView, ...]:
        """What it is configured with, and who says so; :class:`UnknownService` for a name not listed."""
        record = self._registry.get(name)
        if record is None:
            raise UnknownService(name, tuple(self._registry))
        return settings_of(record)

    def latency(self, name: str, most: int) -> tuple[SampleView, ...]:
        """Its newest probes, oldest first."""
        return self._latencies.of(name, most)

    def vitals(self) -> tuple[VitalsView, ...]:
        """Of the AI services."""
        return self._vitals.views(self._registry, self._clock.now())

    async def monitoring(self) -> MonitoringView:
        """The monitoring services, and what Prometheus tells of its targets, which takes 2 s at the most."""
        return await self._monitoring.view()

    def system(self) -> SystemView:
        return self._surroundings.view(
            self.services(),
            self._crew.views(),
            self._journal.view(),
            self._registry.host.view(self._registry.services_by_container()),
            self._engine.endpoint,
            own=replace(
                self._introspection.view(self._clock.now()),
                dead_man=None if self._dead_man is None else self._dead_man.view(),
            ),
            preconditions=tuple(preconditions(self._registry)),
            restarts_paused=self._storms.words,
            notifications=self._messenger.views(),
        )

    def load(self) -> Load:
        """What waits, and what is under way."""
        return Load(
            inbox=len(self._inbox),
            probes_waiting=self._monitor.waiting,
            probes_in_flight=self._monitor.in_flight,
            actions_in_flight=self._lifecycle.in_flight,
            actions_waiting=len(self._admission),
            pending_writes=self._journal.view().pending_writes,
            dropped_events=self._journal.dropped_events,
            store_lag=self._journal.lag,
            decisions_recorded=self._recorder.recorded,
            decisions_lost=self._recorder.lost,
        )

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        """Newest first, also what the store has not taken yet; ``before`` and ``since`` are exclusive."""
        return await self._journal.events(limit, service=service, before=before, since=since)

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        """Summaries, newest first; ``before`` is an exclusive id, ``service`` one of the members."""
        return await self._journal.incidents(limit, before=before, service=service, status=status)

    async def incident(self, number: int) -> Document | None:
        """The whole of it; raises :class:`StoreError` when it cannot be read."""
        record = await self._journal.incident(number)
        return None if record is None else {**record.summary, **record.details}

    def open_incidents(self) -> tuple[Incident, ...]:
        """Oldest first."""
        return self._ledger.open

    def availability(self, name: str, window: float) -> Figures:
        """What of the last ``window`` seconds the service was up."""
        return self._histories.figures(name, window)

    def history(self, name: str, window: float) -> Sequence[Stretch]:
        """In which status it was, oldest first, without a gap."""
        return self._histories.stretches(name, window)

    async def logs(
        self, name: str, *, tail: int, follow: bool = False, since: float | None = None
    ) -> AsyncIterator[LogLine]:
        """What its container wrote; looks at the container first, so that what is wrong is raised at once."""
        record = self._registry.get(name)
        if record is None:
            raise UnknownService(name, tuple(self._registry))
        if record.container is None:
            raise ContainerNotFound("it has no container")
        container_id = record.container.container_id
        await self._engine.inspect(container_id)
        return self._engine.logs(container_id, tail=tail, follow=follow, since=since)
