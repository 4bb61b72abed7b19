"""Sensors, brain and hands put together, and what the faces ask of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.core.ending import Ending
from orchestrator.core.history import Figures, Stretch
from orchestrator.core.incidents import Incident
from orchestrator.core.messages import Command, Outcome, Reply
from orchestrator.core.model import Check, Instant, ProbeResult
from orchestrator.core.sighting import Changes
from orchestrator.errors import ContainerNotFound, UnknownService
from orchestrator.ports import (
    Clock,
    ContainerEngine,
    Document,
    EventRecord,
    GpuDriver,
    Kept,
    LogLine,
    Probe,
    Prometheus,
    ResourceProbe,
    StateStore,
    Surveyor,
)
from orchestrator.runtime import narrator
from orchestrator.runtime.admission import Admission
from orchestrator.runtime.brain import Brain
from orchestrator.runtime.broadcast import Broadcast
from orchestrator.runtime.configured import SettingView, settings_of
from orchestrator.runtime.discovery import ContainerDiscoveryService
from orchestrator.runtime.forecast import forecast, forecast_of
from orchestrator.runtime.gpus import GpuMonitor
from orchestrator.runtime.health import HealthMonitor
from orchestrator.runtime.history import Histories
from orchestrator.runtime.host import tell
from orchestrator.runtime.inbox import (
    Asked,
    Ended,
    HistoryFound,
    Inbox,
    InboxFull,
    Probed,
    Surveyed,
)
from orchestrator.runtime.incidents import IncidentLedger
from orchestrator.runtime.intake import Intake
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.judgement import Judgement
from orchestrator.runtime.latencies import Latencies, SampleView
from orchestrator.runtime.lifecycle import LifecycleManager
from orchestrator.runtime.maintenance import MaintenanceWindows
from orchestrator.runtime.memory import watched_closely
from orchestrator.runtime.monitoring import Monitoring, MonitoringView
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import ServiceRegistry
from orchestrator.runtime.relations import draw, preconditions
from orchestrator.runtime.requests import NO_SERVICE, Requester, reload_document, request_document
from orchestrator.runtime.resources import ResourceMonitor, required
from orchestrator.runtime.storms import Storms
from orchestrator.runtime.supervise import Crew
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.telemetry import Load, Telemetry
from orchestrator.runtime.updates import ProjectUpdates
from orchestrator.runtime.views import GraphView, PlanView, ServiceView, SystemView
from orchestrator.runtime.vitals import Vitals, VitalsView

TIME_TO_KEEP: Final = 0.25
"""Seconds that the answer to a command waits for the store."""
_LARGEST_JITTER: Final = 0.1
_TIME_TO_FINISH: Final = 6.0
_TIME_TO_FLUSH: Final = 1.5
_TIME_TO_CLOSE: Final = 0.5
"""9 s in all, with the second of the probes' parting: engine and disk may hang at once, and 10 s are promised."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the runtime itself is configured with."""

    interval: float = 30.0
    """Seconds between two lists of all containers."""
    width: int = 8
    """Actions under way at once."""
    jitter: float = _LARGEST_JITTER


class ContainerOrchestrator:
    """One engine's containers, supervised. Reading (``services``, ``system``) never waits and may be done at any time.

    ``run`` works until it is cancelled; then it lets actions in flight end (6 s at most) and writes the state.
    """

    def __init__(
        self,
        *,
        engine: ContainerEngine,
        surveyor: Surveyor,
        probes: Mapping[type[Check], Probe],
        store: StateStore,
        prometheus: Prometheus,
        gpus: GpuDriver,
        resources: ResourceProbe,
        clock: Clock,
        pace: Pace | None = None,
        chance: random.Random | None = None,
        version: str = "",
        telemetry: Telemetry | None = None,
    ) -> None:
        """``telemetry``: where ``engine`` counts its calls already, if it does."""
        self._pace = pace or Pace()
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._engine = engine
        self._probes = probes
        self._inbox = Inbox()
        self._registry = ServiceRegistry()
        self.broadcast = Broadcast(clock, self.system, self.events)
        self._journal = Journal(
            store,
            clock,
            on_recovered=self._recovered,
            on_recorded=self.broadcast.recorded,
            on_kept=self.broadcast.kept,
        )
        self._discovery = ContainerDiscoveryService(
            engine, surveyor, clock, self._inbox.post, interval=self._pace.interval, chance=self._chance
        )
        self._monitor = HealthMonitor(clock, probes, self._probed, random=self._chance)
        self._lifecycle = LifecycleManager(engine, clock, self._ended, width=self._pace.width)
        self._gpus = gpus
        self._gpu_monitor = GpuMonitor(gpus, engine, clock, self._inbox.post, lambda: watched_closely(self._registry))
        self._resources = resources
        self._resource_monitor = ResourceMonitor(resources, clock, self._inbox.post, lambda: required(self._registry))
        self._crew = Crew()
        self._crew.add("discovery", self._discovery.run)
        self._crew.add("health", self._monitor.run)
        self._crew.add("gpus", self._gpu_monitor.run)
        self._crew.add("resources", self._resource_monitor.run)
        self._crew.add("journal", self._journal.run)
        self._surroundings = Surroundings(version)
        self._vitals = Vitals()
        self._latencies = Latencies()
        self._monitoring = Monitoring(self._registry, prometheus, engine, clock)
        self.telemetry: Final = telemetry or Telemetry(clock)
        self._admission = Admission(
            self._registry, clock, self._chance, most=self._pace.width, jitter=self._pace.jitter
        )
        self._storms = Storms(
            self._registry,
            clock,
            usual=lambda: self._admission.usual,
            ask=self._monitor.ask,
            examine=self._discovery.examine,
            tell=self._tell_of_host,
        )
        self._ledger = IncidentLedger(
            self._registry,
            self._surroundings,
            self._journal,
            storm=lambda: self._storms.why,
            publish=self._publish_incident,
        )
        self._histories = Histories(self._registry, self._journal, clock)
        self._observers: tuple[Observer, ...] = (
            self.broadcast,
            self._vitals,
            self._latencies,
            self.telemetry,
            self._admission,
            self._storms,
            self._ledger,
            self._histories,
        )
        self._updates = ProjectUpdates(self._registry, self._tell_of_host)
        self._windows = MaintenanceWindows(self._registry)
        self._intake = Intake(
            registry=self._registry,
            surroundings=self._surroundings,
            engine=engine,
            journal=self._journal,
            look=self._discovery.look,
            require=self._resource_monitor.look_round,
            updates=self._updates,
            windows=self._windows,
            incidents=self._ledger,
            histories=self._histories,
        )
        self._judgement = Judgement(
            registry=self._registry,
            journal=self._journal,
            lifecycle=self._lifecycle,
            admission=self._admission,
            monitor=self._monitor,
            observers=self._observers,
            engine=engine,
            read_gpus=self._gpu_monitor.ask,
            chance=self._chance,
            jitter=self._pace.jitter,
        )
        self._brain = Brain(
            inbox=self._inbox,
            clock=clock,
            registry=self._registry,
            surroundings=self._surroundings,
            intake=self._intake,
            judgement=self._judgement,
            journal=self._journal,
            observers=self._observers,
            admission=self._admission,
            storms=self._storms,
            updates=self._updates,
            windows=self._windows,
            incidents=self._ledger,
            histories=self._histories,
        )
        self._crew.add("brain", self._brain.run)

    # --- for the faces ------------------------------------------------------------------------------------

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
            preconditions=tuple(preconditions(self._registry)),
            restarts_paused=self._storms.words,
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

    async def command(
        self,
        name: str,
        command: Command,
        ending: asyncio.Future[Ending] | None = None,
        *,
        requester: Requester | None = None,
    ) -> Reply:
        """Answers when it is decided and kept, not when it is carried out: what was accepted outlives us. A store that
        does not take it in ``TIME_TO_KEEP`` seconds, or fails, delays the answer no further.

        :class:`UnknownService` for a name not listed.

        Once it is accepted, ``ending`` is resolved with how it ended; cancel it to wait no more.
        The request is journalled with its outcome, as one of ``requester``; without one, of the command's ``actor``.
        """
        if self._registry.get(name) is None:
            raise UnknownService(name, tuple(self._registry))
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        asker = requester or Requester(command.actor)
        try:
            self._inbox.post(Asked(name, command, reply, ending, asker))
        except InboxFull:
            full = Reply(False, "too many requests wait to be decided: try again in a moment", "in_flight")
            self._journal.record(name, request_document(name, command, asker, full, self._clock.now()))
            return full
        answer = await reply
        await self._journal.secure(TIME_TO_KEEP)
        return answer

    def adopt(self, surveyor: Surveyor, interval: float | None = None) -> Changes:
        """Another configuration for the containers, at once and whole. Services keep their counters and runs, actions
        in flight end as they were begun; what is not listed any more leaves. ``interval``: see :class:`Pace`."""
        changes = self._discovery.adopt(surveyor, self._pace.interval if interval is None else interval)
        narrator.reloaded(changes)
        return changes

    def reload_answered(self, requester: Requester, detail: str, *, accepted: bool) -> None:
        """Journal that ``requester`` asked for another configuration, and what became of it."""
        self._journal.record(NO_SERVICE, reload_document(requester, detail, self._clock.now(), accepted=accepted))

    async def run(self) -> None:
        """Until cancelled. Neither an engine nor a store that is away keeps it from starting.

        Raises :class:`StoreInUse` when another orchestrator has the state, also when it took it later, while the store
        could not be used: two must not heal the same containers.
        """
        now = self._clock.now()
        self._surroundings.begin(now)
        kept = await self._journal.open()
        self._intake.remember(kept, now)
        self.broadcast.begin(self._journal.last_sequence)
        self._intake.take_in(Surveyed(self._discovery.surveyor.survey(())), now)
        narrator.started(self._surroundings.version, self._engine.endpoint, self._journal.view().location)
        try:
            await self._crew.run()
        finally:
            await self._lifecycle.finish(_TIME_TO_FINISH)
            self._brain.turn(acting=False)
            await self._journal.flush(_TIME_TO_FLUSH)
            await self._journal.close(_TIME_TO_CLOSE)
            for probe in self._probes.values():
                await probe.close()
            await self._gpus.close()
            await self._resources.close()
            await self._engine.close()
            narrator.stopped()

    # --- what the parts tell ------------------------------------------------------------------------------

    def _recovered(self, kept: Kept, outrun: Mapping[str, Document]) -> None:
        self._inbox.post(HistoryFound(kept, outrun))

    def _probed(self, service: str, result: ProbeResult) -> None:
        self._inbox.post(Probed(service, result))
        record = self._registry.get(service)
        if record is not None:
            for observer in self._observers:
                observer.probed(record.spec, result)

    def _ended(self, service: str, outcome: Outcome) -> None:
        self._inbox.post(Ended(service, outcome))

    def _publish_incident(self, incident: Incident) -> None:
        for observer in self._observers:
            observer.incident_changed(incident)

    def _tell_of_host(self, subject: str, message: str, cause: str, now: Instant) -> None:
        """What is no single service's."""
        tell(self._journal, subject, message, cause, now, well=False)
