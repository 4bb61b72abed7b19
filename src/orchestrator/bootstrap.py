"""The one module that knows concrete classes: from a configuration to an orchestrator that can be run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from orchestrator.adapters.engine import DockerClient
from orchestrator.adapters.engine.ourselves import own_container_id
from orchestrator.adapters.probes import make_probes
from orchestrator.adapters.stores import SqliteStore
from orchestrator.configuration.loading import Configuration, load
from orchestrator.configuration.settings import OrchestratorSettings
from orchestrator.configuration.surveyor import ServiceSurveyor
from orchestrator.core.model import ContainerSummary
from orchestrator.ports import Clock, StateStore
from orchestrator.runtime.clock import SystemClock
from orchestrator.runtime.measured import MeasuredEngine
from orchestrator.runtime.orchestrator import ContainerOrchestrator, Pace
from orchestrator.runtime.telemetry import Telemetry

_ACTIONS_PER_CORE = 4


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything wired together, nothing started."""

    configuration: Configuration
    orchestrator: ContainerOrchestrator
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


def build(configuration: Configuration) -> Assembly:
    """Does no I/O beyond asking which container we run in: nothing is connected to before ``run``."""
    settings = configuration.settings
    clock = SystemClock()
    telemetry = Telemetry(clock)
    engine = MeasuredEngine(DockerClient(settings.docker_host), telemetry, clock)
    orchestrator = ContainerOrchestrator(
        engine=engine,
        surveyor=ServiceSurveyor(configuration, own_container_id()),
        probes=make_probes(engine),
        store=make_store(settings, clock),
        clock=clock,
        pace=Pace(interval=settings.health_check_interval, width=_ACTIONS_PER_CORE * (os.cpu_count() or 1)),
        version=own_version(),
        telemetry=telemetry,
    )
    return Assembly(configuration, orchestrator, clock, own_version())


def make_store(settings: OrchestratorSettings, clock: Clock) -> StateStore:
    """Redis where an address of it is configured, else the file."""
    if settings.redis_url is None:
        return SqliteStore(settings.state, clock)
    from orchestrator.adapters.stores.redis import RedisStore  # noqa: PLC0415 - costs start-up time and memory

    return RedisStore(settings.redis_url.get_secret_value())


async def list_containers(configuration: Configuration) -> tuple[ContainerSummary, ...]:
    """One list from the configured engine; :class:`EngineUnavailable` when it does not answer."""
    engine = DockerClient(configuration.settings.docker_host)
    try:
        return tuple(await engine.containers())
    finally:
        await engine.close()
