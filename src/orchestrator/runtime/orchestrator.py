"""Sensors, brain and hands put together, and what the faces ask of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.core.ending import Ending
from orchestrator.core.holding import span
from orchestrator.core.incidents import Incident
from orchestrator.core.messages import Action, Command, Outcome, Reply, Request
from orchestrator.core.model import ActionKind, Check, Instant, ProbeResult
from orchestrator.core.sighting import Changes
from orchestrator.core.strain import STALLED_AFTER
from orchestrator.errors import UnknownService
from orchestrator.ports import (
    Clock,
    ContainerEngine,
    DecisionSink,
    Document,
    GpuDriver,
    HostGauge,
    Kept,
    Pinger,
    Probe,
    Prometheus,
    ResourceProbe,
    StateStore,
    Surveyor,
)
from orchestrator.runtime import narrator
from orchestrator.runtime.admission import Admission
from orchestrator.runtime.archive import IncidentArchive
from orchestrator.runtime.brain import Brain
from orchestrator.runtime.broadcast import Broadcast
from orchestrator.runtime.dead_man import DeadMan
from orchestrator.runtime.discovery import ContainerDiscoveryService
from orchestrator.runtime.dry_run import DryRunEngine
from orchestrator.runtime.engine_doctor import EngineDoctor
from orchestrator.runtime.evidence import EvidenceCollector
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
from orchestrator.runtime.introspection import OURSELVES, WORTH_TELLING, Introspection
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.judgement import Judgement
from orchestrator.runtime.latencies import Latencies
from orchestrator.runtime.lifecycle import LifecycleManager
from orchestrator.runtime.maintenance import MaintenanceWindows
from orchestrator.runtime.memory import watched_closely
from orchestrator.runtime.monitoring import Monitoring
from orchestrator.runtime.notifier import NOTHING_TOLD, TOLD, Messenger, Telling, Trial
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.reading import ReadSide
from orchestrator.runtime.recorder import Recorder
from orchestrator.runtime.registry import ServiceRegistry
from orchestrator.runtime.requests import NO_SERVICE, Requester, reload_document, request_document, test_document
from orchestrator.runtime.resources import ResourceMonitor, required
from orchestrator.runtime.storms import Storms
from orchestrator.runtime.supervise import Crew
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.telemetry import Telemetry
from orchestrator.runtime.updates import ProjectUpdates
from orchestrator.runtime.views import local_time
from orchestrator.runtime.vitals import Vitals

TIME_TO_KEEP: Final = 0.25
"""Seconds that the answer to a command waits for the store."""
_LARGEST_JITTER: Final = 0.1
_TIME_TO_FINISH: Final = 6.0
_TIME_TO_FLUSH: Final = 1.5
_TIME_TO_CLOSE: Final = 0.5
"""9 s in all, with the second of the probes' parting: engine and disk may hang at once, and 10 s are promised."""


async def _nothing_found() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Pace:
    """What the runtime itself is configured with."""

    interval: float = 30.0
    """Seconds between two lists of all containers."""
    width: int = 8
    """Actions under way at once."""
    jitter: float = _LARGEST_JITTER
    dry_run: bool = False
    """What would be done is told, and nothing is changed."""


class ContainerOrchestrator(ReadSide):
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
        gauge: HostGauge,
        clock: Clock,
        pace: Pace | None = None,
        chance: random.Random | None = None,
        version: str = "",
        telemetry: Telemetry | None = None,
        pinger: Pinger | None = None,
        telling: Telling = NOTHING_TOLD,
        recording: DecisionSink | None = None,
        examine_engine: Callable[[], Awaitable[Sequence[str]]] | None = None,
    ) -> None:
        """``telemetry``: where ``engine`` counts its calls already, if it does. ``pinger`` is told that we live.
        ``telling``: who is told what. ``recording``: where decisions are written, if anywhere. ``examine_engine`` says
        what is wrong with an engine that does not answer, worst first, within seconds."""
        self._pace = pace or Pace()
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._engine = engine = DryRunEngine(engine) if self._pace.dry_run else engine
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
        self._evidence = EvidenceCollector(
            engine=engine, gauge=gauge, registry=self._registry, clock=clock, post=self._inbox.post
        )
        self._discovery = ContainerDiscoveryService(
            engine,
            surveyor,
            clock,
            self._inbox.post,
            heard=self._evidence.heard,
            interval=self._pace.interval,
            chance=self._chance,
        )
        self._monitor = HealthMonitor(clock, probes, self._probed, random=self._chance)
        self._lifecycle = LifecycleManager(engine, clock, self._ended, before=self._before, width=self._pace.width)
        self._gpus = gpus
        self._gpu_monitor = GpuMonitor(gpus, engine, clock, self._inbox.post, lambda: watched_closely(self._registry))
        self._resources = resources
        self._resource_monitor = ResourceMonitor(resources, clock, self._inbox.post, lambda: required(self._registry))
        self._recorder = Recorder(recording)
        self._surroundings = Surroundings(version, dry_run=self._pace.dry_run)
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
        self._introspection = Introspection(
            clock,
            self.telemetry,
            self.load,
            lambda: self._surroundings.engine_reached,
            lambda message, cause, now: self._tell_of_host(OURSELVES, message, cause, now, well=not cause),
        )
        self._dead_man = None if pinger is None else DeadMan(pinger, clock, self._faults)
        self._ledger = IncidentLedger(
            self._registry,
            self._surroundings,
            self._journal,
            storm=lambda: self._storms.why,
            publish=self._publish_incident,
        )
        archive = IncidentArchive(self._ledger, self._journal, clock, self._publish_incident)
        self._messenger = Messenger(
            telling,
            clock,
            archive,
            category_of=self._registry.category,
            keep=lambda document: self._journal.remember_history(TOLD, document),
        )
        self._histories = Histories(self._registry, self._journal, clock)
        self._engine_doctor = EngineDoctor(
            self._surroundings, examine_engine or _nothing_found, self._ledger.note_of_engine
        )
        self._observers: tuple[Observer, ...] = (
            self._recorder,
            self.broadcast,
            self._vitals,
            self._latencies,
            self.telemetry,
            self._admission,
            self._storms,
            self._evidence,
            self._ledger,
            self._histories,
            self._messenger,
            self._engine_doctor,
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
            evidence=self._evidence,
            read_gpus=self._gpu_monitor.ask,
            request=self._request,
            chance=self._chance,
            jitter=self._pace.jitter,
            dry_run=self._pace.dry_run,
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
        self._crew = self._manned(recorded=recording is not None)

    def _manned(self, *, recorded: bool) -> Crew:
        """Everybody who works without being asked; the brain last, so that what it tells is heard."""
        crew = Crew()
        crew.add("discovery", self._discovery.run)
        crew.add("health", self._monitor.run)
        crew.add("gpus", self._gpu_monitor.run)
        crew.add("resources", self._resource_monitor.run)
        crew.add("introspection", self._introspection.run)
        crew.add("journal", self._journal.run)
        if recorded:
            crew.add("recorder", self._recorder.run)
        crew.add("notifications", self._messenger.run)
        if self._dead_man is not None:
            crew.add("dead_man", self._dead_man.run)
        crew.add("brain", self._brain.run)
        return crew

    # --- what the faces ask to be done ----------------------------------------------------------------------

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

    def tell(self, telling: Telling) -> None:
        """Of incidents, from now on."""
        self._messenger.adopt(telling)

    async def test_notifications(self, requester: Requester, channel: str | None = None) -> Sequence[Trial]:
        """A test message through this channel, or all, side by side; within some 10 s, whatever hangs. Raises
        :class:`UnknownChannel`."""
        tested = await self._messenger.test(channel)
        told = ", ".join(f"{each.channel}: {each.receipt.detail}" for each in tested) or "no channel is configured"
        self._journal.record(NO_SERVICE, test_document(requester, told, self._clock.now()))
        return tested

    async def run(self) -> None:
        """Until cancelled. Neither an engine nor a store that is away keeps it from starting.

        Raises :class:`StoreInUse` when another orchestrator has the state, also when it took it later, while the store
        could not be used: two must not heal the same containers.
        """
        now = self._clock.now()
        self._surroundings.begin(now)
        kept = await self._journal.open()
        self._messenger.take_over(kept.histories.get(TOLD, {}))
        self._intake.remember(kept, now)
        self.broadcast.begin(self._journal.last_sequence)
        self._intake.take_in(Surveyed(self._discovery.surveyor.survey(())), now)
        narrator.started(self._surroundings.version, self._engine.endpoint, self._journal.view().location)
        self._tell_of_absence(now)
        if self._pace.dry_run:
            narrator.dry_run()
        try:
            await self._crew.run()
        finally:
            await self._lifecycle.finish(_TIME_TO_FINISH)
            await self._evidence.close()
            await self._engine_doctor.close()
            self._brain.turn(acting=False)
            await asyncio.gather(self._journal.flush(_TIME_TO_FLUSH), self._recorder.flush(_TIME_TO_FLUSH))
            await self._journal.close(_TIME_TO_CLOSE)
            await self._messenger.close()
            for probe in self._probes.values():
                await probe.close()
            await self._gpus.close()
            await self._resources.close()
            await self._engine.close()
            narrator.stopped()

    # --- what the parts tell ------------------------------------------------------------------------------

    def _recovered(self, kept: Kept, outrun: Mapping[str, Document]) -> None:
        self._messenger.take_over(kept.histories.get(TOLD, {}))
        self._inbox.post(HistoryFound(kept, outrun))

    def _probed(self, service: str, result: ProbeResult) -> None:
        self._inbox.post(Probed(service, result))
        record = self._registry.get(service)
        if record is not None:
            for observer in self._observers:
                observer.probed(record.spec, result)

    def _ended(self, service: str, outcome: Outcome) -> None:
        self._inbox.post(Ended(service, outcome))

    def _faults(self) -> str:
        """Why nobody should believe that we work, in words; empty: the brain turns and every worker works."""
        system = self.system()
        failed = [f"{one.name} {one.state}: {one.detail}" for one in system.workers if one.state != "running"]
        silent = self._clock.now().wall - system.last_turn_at
        if silent > STALLED_AFTER:
            failed.append(f"no decision was taken for {silent:.0f} s")
        return "; ".join(failed)

    def _tell_of_absence(self, now: Instant) -> None:
        """Nothing that happened to services meanwhile is known: whoever reads the events has to know that."""
        alive = self._histories.last_alive
        if alive is not None and now.wall - alive > WORTH_TELLING:
            away = span(round((now.wall - alive) / 60) * 60)
            cause = f"the orchestrator did not run for {away}, since {local_time(alive)}"
            self._tell_of_host(OURSELVES, "Nobody watched", cause, now)

    async def _before(self, action: Action) -> None:
        """What it would destroy is put on record; and that a step was begun, or the next life would repeat it."""
        await self._evidence.before(action)
        if action.kind is ActionKind.PLAYBOOK:
            await self._journal.secure(TIME_TO_KEEP)

    def _request(self, request: Request) -> None:
        """What a playbook asks of another service, as a person would; what becomes of it is seen by its own check."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        try:
            self._inbox.post(Asked(request.service, request.command, reply))
        except InboxFull:
            narrator.warned("Too many requests wait: a playbook's is left out", service=request.service)

    def _publish_incident(self, incident: Incident) -> None:
        for observer in self._observers:
            observer.incident_changed(incident)

    def _tell_of_host(self, subject: str, message: str, cause: str, now: Instant, *, well: bool = False) -> None:
        """What is no single service's."""
        tell(self._journal, subject, message, cause, now, well=well)
