"""A language for stories about containers and the orchestrator that looks after them, in virtual time.

The orchestrator in them is the real one, with the real configuration, discovery, health monitor and journal; the
engine, the probes, the store and the time are this package's. A story reads from top to bottom::

    with Scenario() as world:
        db = world.container("db")
        web = world.container("web", labels={"orchestrator.requires": "db"})
        world.run_for("1m")
        world.must_be("web", "running")

        world.at("10s", db.crashes())          # ten seconds from now
        world.at("1h", web.gets_sick())
        world.every("1d", web.freezes())
        world.run_for("7d")

        world.must_be("web", "running")
        assert world.restarts_of("db") == 1

**Containers** answer an HTTP check on ``/health`` unless ``check`` says otherwise (``command``, ``tcp``, ``engine``,
``running``); labels configure them as they do for users. What can befall them: :class:`Actor`. How their processes
are: :class:`Workload`. **The engine's** bad days are ``world.engine`` (``go_away``, ``come_back``, ``hang``,
``wake``, ``break_connections``), its event stream's are ``world.feed``. **People** ask with ``world.restart("web")``,
``stop``, ``start``, ``enable``, ``disable``. **The orchestrator** dies with ``world.sigkill()`` and comes back with
``world.start_orchestrator()``; ``world.sigkill_at_step(n)`` kills it between two of its own calls, and
``world.steps`` names them. **The store** is ``world.store``, **the clock** ``world.clock``.

At the end of every story the promises are checked that hold in every story: see :mod:`orchestrator.testing.promises`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from orchestrator.configuration.document import read_document
from orchestrator.configuration.loading import Configuration
from orchestrator.configuration.resolve import SharedLayers
from orchestrator.configuration.settings import OrchestratorSettings
from orchestrator.configuration.surveyor import ServiceSurveyor
from orchestrator.core.ending import Ending
from orchestrator.core.messages import Command, Disable, Enable, Reply, Restart, Start, Stop
from orchestrator.core.model import (
    CommandCheck,
    EngineCheck,
    HttpCheck,
    PostgresCheck,
    RedisCheck,
    RunningCheck,
    TcpCheck,
    TieKind,
)
from orchestrator.core.sighting import Changes
from orchestrator.errors import ConfigurationError
from orchestrator.runtime.monitoring import MonitoringView
from orchestrator.runtime.orchestrator import ContainerOrchestrator, Pace
from orchestrator.runtime.requests import Requester
from orchestrator.testing.actor import Actor, Deed
from orchestrator.testing.clock import VirtualClock
from orchestrator.testing.container import Blueprint
from orchestrator.testing.daemon import Dialect, FakeDaemon
from orchestrator.testing.durations import seconds
from orchestrator.testing.engine import FakeEngine
from orchestrator.testing.feed import EventFeed
from orchestrator.testing.gpus import FakeGpus
from orchestrator.testing.life import BoundStore, Life, tell_lives_apart
from orchestrator.testing.loop import DEFAULT_LIMIT, VirtualLoop
from orchestrator.testing.probe import WorkloadProbe
from orchestrator.testing.prometheus import FakePrometheus
from orchestrator.testing.reachability import Reachability
from orchestrator.testing.resources import FakeResources
from orchestrator.testing.witness import Witness
from orchestrator.testing.workload import HEALTHY, EngineCheckup, Workload

CheckWord = Literal["http", "command", "tcp", "engine", "running"]
T = TypeVar("T")

_CHECK_LABELS: Mapping[CheckWord, Mapping[str, str]] = {
    "http": {"orchestrator.health.http": "/health"},
    "command": {"orchestrator.health.command": "check"},
    "tcp": {"orchestrator.health.tcp": "true"},
    "engine": {},
    "running": {},
}
_CHECKS = (HttpCheck, CommandCheck, RedisCheck, PostgresCheck, TcpCheck, EngineCheck, RunningCheck)
_PERSON = "ann"


class Scenario(Witness):
    """One world. ``seed`` is all its chance; ``configuration`` is what ``orchestrator.yaml`` would hold."""

    def __init__(
        self,
        *,
        dialect: Dialect = "docker",
        seed: int = 0,
        configuration: Mapping[str, object] | None = None,
        interval: float = 30.0,
        jitter: float = 0.0,
        limit: float = DEFAULT_LIMIT,
    ) -> None:
        self._loop = VirtualLoop(limit)
        tell_lives_apart(self._loop)
        self._chance = random.Random(seed)  # noqa: S311 - a test's dice, no secret
        clock = VirtualClock(loop=self._loop)
        super().__init__(clock, FakeDaemon(clock, self._loop, dialect=dialect, chance=self._chance))
        self.prometheus = FakePrometheus()
        self.gpus = FakeGpus(self.daemon)
        """No card, unless a story gives it one (``world.gpus.total``)."""
        self.resources = FakeResources()
        """All there, unless a story takes one away (``world.resources.missing``)."""
        self.steps: list[str] = []
        """Every step of the orchestrator's calls so far, of all its lives: where :meth:`sigkill_at_step` can hit."""
        self._configuration = _configured(configuration or {})
        self._pace = Pace(interval=interval, jitter=jitter)
        self._lives: list[Life] = []
        self._kills: dict[int, float | None] = {}
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.must_keep_its_promises()
        finally:
            self.close()

    def close(self) -> None:
        for life in self._lives:
            life.kill()
        for life in self._lives:
            self._complete(life.buried())
        self._complete(self.daemon.close())
        self._complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    # --- the world ----------------------------------------------------------------------------------------

    @property
    def engine(self) -> Reachability:
        return self.daemon.reach

    @property
    def engine_client(self) -> FakeEngine:
        """The connection that the orchestrator of this life holds."""
        return self._lives[-1].engine

    @property
    def feed(self) -> EventFeed:
        return self.daemon.feed

    def container(
        self,
        name: str,
        *,
        check: CheckWord = "http",
        labels: Mapping[str, str] | None = None,
        workload: Workload = HEALTHY,
        policy: str = "no",
        checkup: EngineCheckup | None = None,
        leans_on: Sequence[str] = (),
        uses: Mapping[TieKind, str] | None = None,
        running: bool = True,
    ) -> Actor:
        """Create one, and start it unless told otherwise. A label set to the empty string is left out."""
        written = {"orchestrator.service": name, **_CHECK_LABELS[check], **(labels or {})}
        blueprint = Blueprint(
            name=name,
            labels={key: value for key, value in written.items() if value},
            workload=workload,
            policy=policy,
            checkup=checkup or (EngineCheckup() if check == "engine" else None),
            leans_on=tuple(leans_on),
            uses=uses or {},
        )
        container = self.daemon.create(blueprint)
        if running:
            self.daemon.launch(container, "user")
        return Actor(self.daemon, name)

    def now(self, deed: Deed) -> None:
        deed()

    def at(self, when: float | str, *deeds: Deed) -> None:
        """``when`` counts from now."""
        for deed in deeds:
            self._loop.call_later(seconds(when), deed)

    def every(self, period: float | str, *deeds: Deed) -> None:
        """The first time one period from now, and to the end of the story."""

        def again() -> None:
            for deed in deeds:
                deed()
            self._loop.call_later(seconds(period), again)

        self._loop.call_later(seconds(period), again)

    def run_for(self, duration: float | str) -> None:
        """Let time pass; starts the orchestrator the first time."""
        if not self._started:
            self.start_orchestrator()
        self._complete(asyncio.sleep(seconds(duration)))
        self._must_not_have_failed()

    def run_until(self, holds: Callable[[], bool], within: float | str, step: float = 0.05) -> float:
        """Let time pass until it holds, looked at every ``step`` seconds; the seconds it took."""
        begun, limit = self.moment, seconds(within)
        while not holds():
            if self.moment - begun > limit:
                raise AssertionError(f"it did not come to hold within {limit:g} s:\n{self.report()}")
            self.run_for(step)
        return self.moment - begun

    # --- people -------------------------------------------------------------------------------------------

    def restart(self, service: str, *, reset_failures: bool = False) -> Reply:
        return self.ask(service, Restart(_PERSON, reset_failures))

    def start(self, service: str) -> Reply:
        return self.ask(service, Start(_PERSON))

    def stop(self, service: str) -> Reply:
        return self.ask(service, Stop(_PERSON))

    def enable(self, service: str) -> Reply:
        return self.ask(service, Enable(_PERSON))

    def disable(self, service: str) -> Reply:
        return self.ask(service, Disable(_PERSON))

    def monitoring(self) -> MonitoringView:
        """With what ``world.prometheus`` tells."""
        return self._complete(self.orchestrator.monitoring())

    def reload(self, configuration: Mapping[str, object]) -> Changes:
        """``orchestrator.yaml`` holds this from now on, and the orchestrator is told so."""
        self._configuration = _configured(configuration)
        return self.orchestrator.adopt(ServiceSurveyor(self._configuration))

    def ask(self, service: str, command: Command, requester: Requester | None = None) -> Reply:
        self.commands.append((self.moment, service, command))
        return self._complete(asyncio.wait_for(self.orchestrator.command(service, command, requester=requester), 10))

    def see_through(self, service: str, command: Command, within: float | str = "2m") -> Ending | None:
        """Ask, and wait until what was asked for has ended; ``None``: it has not, or was refused."""
        self.commands.append((self.moment, service, command))
        return self._complete(self._seen_through(service, command, seconds(within)))

    async def _seen_through(self, service: str, command: Command, within: float) -> Ending | None:
        ending: asyncio.Future[Ending] = self._loop.create_future()
        reply = await asyncio.wait_for(self.orchestrator.command(service, command, ending), 10)
        if reply.accepted:
            await asyncio.wait({ending}, timeout=within)
        return ending.result() if ending.done() else None

    # --- the orchestrator's process -----------------------------------------------------------------------

    @property
    def orchestrator(self) -> ContainerOrchestrator:
        """Of the life that is, or was the last one."""
        return self._lives[-1].orchestrator

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        return bool(self._lives) and self._lives[-1].alive

    def start_orchestrator(self) -> None:
        if self.alive:
            raise AssertionError("the orchestrator runs already")
        self._started = True
        engine = FakeEngine(self.daemon, on_step=self._step)
        store = BoundStore(self.store, self._step)
        probe = WorkloadProbe(engine)

        def make() -> ContainerOrchestrator:
            return ContainerOrchestrator(
                engine=engine,
                surveyor=ServiceSurveyor(self._configuration),
                probes=dict.fromkeys(_CHECKS, probe),
                store=store,
                prometheus=self.prometheus,
                gpus=self.gpus,
                resources=self.resources,
                clock=self.clock,
                pace=self._pace,
                chance=random.Random(self._chance.random()),  # noqa: S311 - a test's dice, no secret
                version="scenario",
            )

        self._lives.append(Life(self._loop, engine, store, make))

    def sigkill(self) -> None:
        self._lives[-1].kill()

    def stop_orchestrator(self) -> None:
        """SIGTERM, and wait for its end."""
        self._complete(self._lives[-1].end())
        left = self._lives[-1].orphans
        if left:
            raise AssertionError(f"tasks outlived the orchestrator: {left}")

    def sigkill_at_step(self, step: int, back_after: float | str | None = "2s") -> None:
        """Kill it at the ``step``-th of its steps, counted from zero over all its lives, and start it again after
        a while; ``None``: leave it dead."""
        self._kills[step] = None if back_after is None else seconds(back_after)

    def _step(self, step: str) -> None:
        number = len(self.steps)
        self.steps.append(step)
        if number not in self._kills:
            return
        back_after = self._kills.pop(number)
        self.sigkill()
        if back_after is not None:
            self._loop.call_later(back_after, self.start_orchestrator)

    # --- how ----------------------------------------------------------------------------------------------

    def _complete(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def _must_not_have_failed(self) -> None:
        for life in self._lives:
            if life.failure is not None:
                raise AssertionError("the orchestrator ended by itself") from life.failure
        if self.alive:
            worn = [worker for worker in self.orchestrator.system().workers if worker.restarts]
            if worn:
                raise AssertionError(f"workers of the orchestrator failed: {worn}")


def _configured(written: Mapping[str, object]) -> Configuration:
    """As if the file held this, and neither environment nor ``.env`` anything."""
    document = read_document(written, "the scenario's configuration")
    if document.problems:
        raise ConfigurationError(document.problems)
    settings = OrchestratorSettings.model_construct(**{"discovery": "all", **document.process})  # type: ignore[arg-type]
    shared = SharedLayers(document.defaults, {}, document.categories)
    return Configuration(settings, None, document.services, shared, {}, (), windows=document.windows)
