"""An orchestrator for the faces alone: it shows what it was given and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from orchestrator.core.ending import Ending
from orchestrator.core.evidence import LogLine
from orchestrator.core.foresight import Intention
from orchestrator.core.history import Figures, History, Stretch, figures, stretches
from orchestrator.core.incidents import Incident
from orchestrator.core.messages import Command, Reply
from orchestrator.core.model import Category, ContainerState, Instant, Status, Verdict
from orchestrator.core.rehearsal import Rehearsed
from orchestrator.core.story import Chapter
from orchestrator.errors import OrchestratorError, UnknownChannel, UnknownService
from orchestrator.ports import Document, EventRecord
from orchestrator.runtime.broadcast import Broadcast
from orchestrator.runtime.configured import SettingView
from orchestrator.runtime.incident_document import incident_document, summary_document
from orchestrator.runtime.latencies import SampleView
from orchestrator.runtime.monitoring import MonitoringView, PrometheusView
from orchestrator.runtime.notifier import Trial
from orchestrator.runtime.repertoire import PlaybookView
from orchestrator.runtime.requests import Requester
from orchestrator.runtime.telemetry import Load, Telemetry
from orchestrator.runtime.views import (
    EngineView,
    GraphView,
    HealthView,
    PlanView,
    ServiceView,
    StoreView,
    SystemView,
    WorkerView,
)
from orchestrator.runtime.vitals import VitalsView

NOON = 1_705_312_800.0
"""2024-01-15T10:00:00Z."""


class StoppedClock:
    def now(self) -> Instant:
        return Instant(moment=1000.0, wall=NOON)


def a_service(name: str, category: Category = Category.AI, status: Status = Status.RUNNING) -> ServiceView:
    """A service that does well; take what a test needs otherwise from ``dataclasses.replace``."""
    return ServiceView(
        name=name,
        display_name=name.upper(),
        category=category,
        status=status,
        enabled=status is not Status.DISABLED,
        container_id="abc123def456",
        image=f"demo-{name}:latest",
        port=8095,
        failure_count=0,
        restart_count=2,
        last_restart_at=NOON - 1800,
        uptime_seconds=3600,
        container_name=f"demo-{name}-1",
        container_state=ContainerState.RUNNING,
        health=HealthView(Verdict.PASS, "http", NOON - 3.5, 2.25, "HTTP 200"),
        reason="",
        strikes=0,
        retry_at=None,
        waiting_on=(),
        degraded_by=(),
        requires=(),
        wants=(),
        problems=(),
    )


def an_event(sequence: int, service: str, message: str, cause: str = "") -> EventRecord:
    document: dict[str, object] = {
        "type": "service_status",
        "data": {"name": service, "status": "running"},
        "message": message,
        "cause": cause,
        "timestamp": "2024-01-15T10:30:00.000Z",
        "sequence": sequence,
    }
    return EventRecord(sequence, service, document)


class FakeSupervisor:
    def __init__(self, services: Sequence[ServiceView] = (), events: Sequence[EventRecord] = ()) -> None:
        self.shown = {one.name: one for one in services}
        self.kept = list(events)
        self.commands: list[tuple[str, Command]] = []
        self.requesters: list[Requester | None] = []
        """Who asked for each of ``commands``."""
        self.reply = Reply(accepted=True, message="Manual restart initiated")
        self.failure: Exception | None = None
        self.silent = False
        self.written: list[LogLine] = []
        self.ending: Ending | None = None
        """How every accepted command ends, for those who wait for it; ``None``: it does not."""
        self.awaited: list[asyncio.Future[Ending]] = []
        self.overall = replace(_SYSTEM)
        self.measured: tuple[VitalsView, ...] = ()
        self.configured: tuple[SettingView, ...] = ()
        self.probed: dict[str, tuple[SampleView, ...]] = {}
        self.watched = PrometheusView("http://127.0.0.1:9090", "", NOON - 1, ())
        self.tested: list[Trial] = []
        """How test messages end."""
        self.planned: dict[str, PlanView] = {}
        """Of the others there is nothing to do."""
        self.repertoire: tuple[PlaybookView, ...] = ()
        self.rehearsals: dict[tuple[str, str], tuple[Rehearsed, ...]] = {}
        self.told_incidents: list[Incident] = []
        self.past: dict[str, History] = {}
        self.stories: dict[str, tuple[Chapter, ...]] = {}
        self.drawn = GraphView((), (), (), ())
        self.broadcast = Broadcast(StoppedClock(), self.system, self.events)
        self.broadcast.begin(max((one.sequence for one in events), default=0))
        self.telemetry = Telemetry(StoppedClock())

    def services(self) -> tuple[ServiceView, ...]:
        return tuple(self.shown.values())

    def service(self, name: str) -> ServiceView | None:
        return self.shown.get(name)

    def graph(self) -> GraphView:
        return replace(self.drawn, nodes=self.services())

    def plan(self) -> tuple[PlanView, ...]:
        idle = {one.name: PlanView(one.name, one.status, Intention.NOTHING, None, "") for one in self.services()}
        return tuple((idle | self.planned).values())

    def plan_of(self, name: str) -> PlanView | None:
        return next((one for one in self.plan() if one.service == name), None)

    def story_of(self, name: str) -> tuple[Chapter, ...]:
        return self.stories.get(name, ())

    def playbooks(self) -> tuple[PlaybookView, ...]:
        return self.repertoire

    def rehearsal(self, name: str, playbook: str) -> tuple[Rehearsed, ...] | None:
        return self.rehearsals.get((name, playbook))

    def settings_of(self, name: str) -> tuple[SettingView, ...]:
        if name not in self.shown:
            raise UnknownService(name, self.shown)
        return self.configured

    def latency(self, name: str, most: int) -> tuple[SampleView, ...]:
        return self.probed.get(name, ())[-most:]

    def vitals(self) -> tuple[VitalsView, ...]:
        return self.measured

    async def monitoring(self) -> MonitoringView:
        services = tuple(one for one in self.services() if one.category is Category.MONITORING)
        return MonitoringView(services, self.watched if "prometheus" in self.shown else None)

    def system(self) -> SystemView:
        if self.failure is not None and not isinstance(self.failure, OrchestratorError):
            raise self.failure
        return replace(self.overall, services=self.services())

    def load(self) -> Load:
        return Load(
            inbox=1,
            probes_waiting=2,
            probes_in_flight=3,
            actions_in_flight=4,
            actions_waiting=3,
            pending_writes=5,
            dropped_events=6,
            store_lag=7.5,
            decisions_recorded=8,
            decisions_lost=9,
        )

    async def command(
        self,
        name: str,
        command: Command,
        ending: asyncio.Future[Ending] | None = None,
        *,
        requester: Requester | None = None,
    ) -> Reply:
        if name not in self.shown:
            raise UnknownService(name, self.shown)
        if self.failure is not None:
            raise self.failure
        if self.silent:
            await asyncio.Event().wait()
        self.commands.append((name, command))
        self.requesters.append(requester)
        if ending is not None:
            self.awaited.append(ending)
            if self.ending is not None and self.reply.accepted:
                ending.set_result(self.ending)
        return self.reply

    async def incidents(
        self, limit: int, *, before: int | None = None, service: str | None = None, status: str | None = None
    ) -> Sequence[Document]:
        newest_first = sorted(self.told_incidents, key=lambda one: -one.id)
        return [
            summary_document(one)
            for one in newest_first
            if (before is None or one.id < before)
            and status in (None, one.status)
            and (service is None or one.member(service) is not None)
        ][:limit]

    async def incident(self, number: int) -> Document | None:
        if self.failure is not None:
            raise self.failure
        return next((incident_document(one) for one in self.told_incidents if one.id == number), None)

    def open_incidents(self) -> tuple[Incident, ...]:
        return tuple(one for one in self.told_incidents if one.closed_at is None)

    def availability(self, name: str, window: float) -> Figures:
        return figures(self.past.get(name, History()), window, NOON)

    def history(self, name: str, window: float) -> Sequence[Stretch]:
        return stretches(self.past.get(name, History()), window, NOON)

    async def logs(
        self, name: str, *, tail: int, follow: bool = False, since: float | None = None
    ) -> AsyncIterator[LogLine]:
        if self.failure is not None:
            raise self.failure
        return self._written(tail, since)

    async def _written(self, tail: int, since: float | None) -> AsyncIterator[LogLine]:
        for line in self.written[-tail:]:
            if since is None or line.at is None or line.at >= since:
                yield line

    async def test_notifications(self, requester: Requester, channel: str | None = None) -> Sequence[Trial]:
        known = {each.channel: each for each in self.tested}
        if channel is not None and channel not in known:
            raise UnknownChannel(channel, known)
        self.requesters.append(requester)
        return [each for each in self.tested if channel in (None, each.channel)]

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None, since: int | None = None
    ) -> Sequence[EventRecord]:
        if self.failure is not None:
            raise self.failure
        newest_first = sorted(self.kept, key=lambda one: -one.sequence)
        return [
            one
            for one in newest_first
            if service in (None, one.service)
            and (before is None or one.sequence < before)
            and (since is None or one.sequence > since)
        ][:limit]


_SYSTEM = SystemView(
    status="healthy",
    services=(),
    workers=(WorkerView("brain", "running", ""),),
    engine=EngineView("unix:///run/docker.sock", True, "docker", "20.10.24", "1.41", "", NOON - 7200),
    store=StoreView("state.db", True, "", 0),
    version="1.2.3",
    started_at=NOON - 7200,
    turns=42,
    last_turn_at=NOON - 0.5,
)
