"""The one module that knows concrete classes: from a configuration to an orchestrator that can be run."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.adapters.dead_man import DeadManPing
from orchestrator.adapters.engine import DockerClient
from orchestrator.adapters.engine.ourselves import own_container_id
from orchestrator.adapters.gpus import NvidiaDriver
from orchestrator.adapters.notifiers.apprise import AppriseNotifier
from orchestrator.adapters.notifiers.webhook import WebhookNotifier
from orchestrator.adapters.pressure import HostFigures
from orchestrator.adapters.probes import make_probes
from orchestrator.adapters.prometheus import PrometheusClient
from orchestrator.adapters.recording import RecordingFile
from orchestrator.adapters.resources import HostResources
from orchestrator.adapters.stores import SqliteStore
from orchestrator.api.supervisor import Reload, Reloaded
from orchestrator.configuration.loading import Configuration, load
from orchestrator.configuration.notifications import ChannelSettings
from orchestrator.configuration.reloading import needs_restart, read_anew
from orchestrator.configuration.settings import OrchestratorSettings
from orchestrator.configuration.surveyor import ServiceSurveyor
from orchestrator.core.model import ContainerSummary
from orchestrator.doctor.examination import LOOK, Examination, Looks
from orchestrator.doctor.facts import EngineSeen, MachineSeen, ServeSeen, StateSeen
from orchestrator.doctor.findings import Finding, Level, worst_first
from orchestrator.errors import ConfigurationError
from orchestrator.ports import Clock, DecisionSink, Notifier, StateStore
from orchestrator.runtime.clock import SystemClock
from orchestrator.runtime.dry_run import CheckingEngine
from orchestrator.runtime.measured import MeasuredEngine
from orchestrator.runtime.notifier import Telling
from orchestrator.runtime.orchestrator import ContainerOrchestrator, Pace
from orchestrator.runtime.requests import Requester
from orchestrator.runtime.telemetry import Telemetry

logger: Final = logging.getLogger("orchestrator")

_ACTIONS_PER_CORE = 4
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything wired together, nothing started."""

    configuration: Configuration
    orchestrator: ContainerOrchestrator
    reload: Reload
    clock: Clock
    version: str


def own_version() -> str:
    try:
        return version("container-orchestrator")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"


def configure(command_line: Mapping[str, object]) -> Configuration:
    """Read every layer of configuration; what cannot be used is in its ``problems``."""
    return load(command_line)


class Reloader:
    """Brings into force what every layer of configuration says now. One reload at a time."""

    def __init__(
        self,
        orchestrator: ContainerOrchestrator,
        in_force: Configuration,
        command_line: Mapping[str, object],
        ourselves: str | None,
        clock: Clock,
    ) -> None:
        self._orchestrator = orchestrator
        self._in_force = in_force
        self._started_with = in_force.settings
        self._command_line = command_line
        self._ourselves = ourselves
        self._clock = clock
        self._turn = asyncio.Lock()

    async def __call__(self, requester: Requester) -> Reloaded:
        """Raises :class:`ConfigurationError`, and then nothing has changed; the log holds the problems too."""
        async with self._turn:
            try:
                fresh = await read_anew(self._in_force, self._command_line)
            except ConfigurationError as error:
                logger.warning("Configuration not reloaded: the one in force stays")
                for problem in error.problems:
                    logger.warning("Configuration problem: %s", problem)
                found = f"{len(error.problems)} problem{'s' * (len(error.problems) > 1)} in it, the log names them"
                self._orchestrator.reload_answered(requester, f"{found}; the one in force stays", accepted=False)
                raise
            changes = self._orchestrator.adopt(
                ServiceSurveyor(fresh, self._ourselves), fresh.settings.health_check_interval
            )
            self._orchestrator.tell(make_telling(fresh, self._clock))
            self._in_force = fresh
            waiting = needs_restart(self._started_with, fresh.settings)
            if waiting:
                logger.warning("Settings that need a restart changed", extra={"settings": ",".join(waiting)})
            reloaded = Reloaded(changes, waiting)
            self._orchestrator.reload_answered(requester, str(reloaded), accepted=True)
            return reloaded


def build(configuration: Configuration, command_line: Mapping[str, object] = _NOTHING) -> Assembly:
    """Does no I/O beyond asking which container we run in: nothing is connected to before ``run``.

    ``command_line`` is what ``configuration`` was read with, and is read with again.
    """
    settings = configuration.settings
    ourselves = own_container_id()
    clock = SystemClock()
    telemetry = Telemetry(clock)
    engine = MeasuredEngine(DockerClient(settings.docker_host), telemetry, clock)
    orchestrator = ContainerOrchestrator(
        engine=engine,
        surveyor=ServiceSurveyor(configuration, ourselves),
        probes=make_probes(CheckingEngine(engine) if settings.dry_run else engine),
        store=make_store(settings, clock),
        prometheus=PrometheusClient(),
        gpus=NvidiaDriver(),
        resources=HostResources(),
        gauge=HostFigures(),
        clock=clock,
        pace=Pace(
            interval=settings.health_check_interval,
            width=_ACTIONS_PER_CORE * (os.cpu_count() or 1),
            dry_run=settings.dry_run,
        ),
        version=own_version(),
        telemetry=telemetry,
        pinger=None if settings.dead_man_url is None else DeadManPing(settings.dead_man_url.get_secret_value()),
        telling=make_telling(configuration, clock),
        recording=make_recording(settings, clock),
        examine_engine=partial(examine_engine, settings.docker_host),
    )
    reload = Reloader(orchestrator, configuration, command_line, ourselves, clock)
    return Assembly(configuration, orchestrator, reload, clock, own_version())


def make_store(settings: OrchestratorSettings, clock: Clock) -> StateStore:
    """Redis where an address of it is configured, else the file."""
    if settings.redis_url is None:
        return SqliteStore(settings.state, clock)
    from orchestrator.adapters.stores.redis import RedisStore  # noqa: PLC0415 - costs start-up time and memory

    return RedisStore(settings.redis_url.get_secret_value())


def make_telling(configuration: Configuration, clock: Clock) -> Telling:
    """Nothing is connected to before there is something to tell."""
    configured = configuration.notifications
    channels = {name: make_notifier(channel, clock) for name, channel in configured.channels.items()}
    return Telling(configured.rules, channels, configured.sender or socket.gethostname())


def make_notifier(channel: ChannelSettings, clock: Clock) -> Notifier:
    url = channel.url.get_secret_value()
    if not channel.is_webhook:
        return AppriseNotifier(url)
    return WebhookNotifier(url, None if channel.secret is None else channel.secret.get_secret_value(), clock)


def make_recording(settings: OrchestratorSettings, clock: Clock) -> DecisionSink | None:
    """``state.db`` has its ``state.decisions.jsonl`` beside it."""
    if settings.record == "off" or (settings.record is None and settings.redis_url is not None):
        return None
    path = settings.state.with_suffix(".decisions.jsonl") if settings.record is None else Path(settings.record)
    return RecordingFile(path, clock, own_version())


async def list_containers(configuration: Configuration) -> tuple[ContainerSummary, ...]:
    """One list from the configured engine; :class:`EngineUnavailable` when it does not answer."""
    engine = DockerClient(configuration.settings.docker_host)
    try:
        return tuple(await engine.containers())
    finally:
        await engine.close()


def examine(configuration: Configuration, ask_serve: Callable[[], ServeSeen]) -> tuple[Finding, ...]:
    """Everything that ``doctor`` looks at, worst first. ``ask_serve`` asks the running orchestrator, and may block."""
    from orchestrator.adapters.looks import engine, processes, state  # noqa: PLC0415 - serving needs none of them
    from orchestrator.adapters.looks.thread import Loop, in_thread  # noqa: PLC0415

    settings = configuration.settings

    async def serve() -> ServeSeen:
        seen = await in_thread(ask_serve)
        if seen.health is not None or seen.port is None:
            return seen
        return replace(seen, listener=await in_thread(partial(processes.who_listens, seen.port)))

    async def machine() -> MachineSeen:
        return await in_thread(partial(processes.limit_of_holder, settings.state))

    async def engines(served: ServeSeen | None) -> EngineSeen:
        named = settings.docker_host or os.environ.get("DOCKER_HOST") or _used(served, "engine", "endpoint")
        return await engine.look_at_engines(named, os.environ, LOOK - 1.0)

    async def store(served: ServeSeen | None) -> StateSeen:
        if settings.redis_url is not None:
            return await state.look_at_redis(settings.redis_url.get_secret_value())
        used = None if "state" in settings.model_fields_set else _used(served, "store", "location")
        path = Path(used) if used is not None and used.startswith("/") else settings.state
        return await in_thread(partial(state.look_at_file, path))

    looks = Looks(
        engine=engines,
        connect=partial(DockerClient, call_timeout=LOOK - 1.0),
        probes=make_probes,
        listeners=lambda container_id, pid: in_thread(partial(processes.container_listeners, container_id, pid)),
        state=store,
        serve=serve,
        machine=machine,
    )
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(Examination(configuration, looks, SystemClock(), own_version()).run())


async def examine_engine(configured: str | None) -> tuple[str, ...]:
    """What ``doctor`` finds out about the engines alone, worst first, without what is well."""
    from orchestrator.adapters.looks.engine import look_at_engines  # noqa: PLC0415 - seldom needed
    from orchestrator.doctor.engine import judge_engine  # noqa: PLC0415

    seen = await look_at_engines(configured or os.environ.get("DOCKER_HOST"), os.environ, LOOK - 1.0)
    return tuple(str(each) for each in worst_first(judge_engine(seen)) if each.level is not Level.OK)


def _used(served: ServeSeen | None, part: str, field: str) -> str | None:
    """By the orchestrator that runs here, if one does."""
    return None if served is None or served.health is None else str(served.health[part][field])
