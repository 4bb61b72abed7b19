"""Every look, side by side and each with its deadline, and what the rules make of it. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from orchestrator.configuration.loading import Configuration
from orchestrator.configuration.surveyor import ServiceSurveyor
from orchestrator.core import policy
from orchestrator.core.model import ContainerSnapshot, ContainerState, RunningCheck, ServiceSpec, Verdict
from orchestrator.core.reach import in_network_of, network_owner
from orchestrator.core.sighting import Survey
from orchestrator.doctor.checks import judge_checks, target_of
from orchestrator.doctor.containers import judge_containers
from orchestrator.doctor.engine import judge_engine
from orchestrator.doctor.facts import CheckUp, EngineSeen, Listener, MachineSeen, ServeSeen, StateSeen
from orchestrator.doctor.findings import Finding, failed, worst_first
from orchestrator.doctor.process import judge_configuration, judge_limits
from orchestrator.doctor.serving import Expected, judge_serve
from orchestrator.doctor.state import judge_state
from orchestrator.errors import EngineError, Problem
from orchestrator.ports import Clock, ContainerEngine, Probe

Seen = TypeVar("Seen")

LOOK: Final = 5.0
"""Seconds for one look that is not through the engine."""
PATIENCE: Final = 5.5
"""Seconds that a check is given: more than the usual time-out, so that a slow one is told from a dead one."""
CONTAINERS: Final = 13.0
"""Seconds for everything that is asked of and through the engine: it answers, is listed, looked at, and probed."""
AT_ONCE: Final = 32
"""Services that are looked at at a time."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What is asked of the outside; each may hang."""

    engine: Callable[[ServeSeen | None], Awaitable[EngineSeen]]
    """Where nothing is configured here: that of the orchestrator that runs here, if one answered."""
    connect: Callable[[str], ContainerEngine]
    probes: Callable[[ContainerEngine], Mapping[type, Probe]]
    listeners: Callable[[str, int], Awaitable[tuple[Listener, ...] | None]]
    """In the network of the container with this id, whose first process has this id."""
    state: Callable[[ServeSeen | None], Awaitable[StateSeen]]
    """The same."""
    serve: Callable[[], Awaitable[ServeSeen]]
    machine: Callable[[], Awaitable[MachineSeen]]


@dataclass(slots=True)
class _Inside:
    """What was seen of and through the engine, as far as it came before its time was up."""

    engine: EngineSeen | None = None
    survey: Survey | None = None
    problems: tuple[Problem, ...] = ()
    containers: int = 0
    findings: tuple[Finding, ...] = ()
    checkups: list[CheckUp] = field(default_factory=list)


class Examination:
    def __init__(self, configuration: Configuration, looks: Looks, clock: Clock, version: str) -> None:
        self._configuration = configuration
        self._looks = looks
        self._clock = clock
        self._version = version

    async def run(self) -> tuple[Finding, ...]:
        """Worst first. Ends within some 15 s, whatever hangs."""
        looks, inside = self._looks, _Inside()
        serving = asyncio.ensure_future(_in_time("the running orchestrator", looks.serve(), LOOK))
        state, serve, machine, engine = await asyncio.gather(
            _in_time("the state", self._look_at_state(serving), 2 * LOOK),
            serving,
            _in_time("this process's limits", looks.machine(), LOOK),
            _in_time("the engine and the checks", self._look_inside(inside, serving), CONTAINERS),
        )
        findings = [each for each in (engine, state, serve, machine) if isinstance(each, Finding)]
        served = serve if isinstance(serve, ServeSeen) else ServeSeen("", failure="it was not seen", refused=True)
        if inside.engine is not None:
            findings.extend(judge_engine(inside.engine))
        findings.extend(inside.findings)
        ahead = 0.0 if inside.engine is None or inside.engine.chosen is None else inside.engine.chosen.ahead
        findings.extend(judge_checks(inside.checkups, self._clock.now().wall + ahead, served.services.keys()))
        if isinstance(serve, ServeSeen):
            store = state.store if isinstance(state, StateSeen) else None
            findings.extend(judge_serve(serve, self._expected(inside.engine, store)))
        if isinstance(state, StateSeen):
            findings.extend(judge_state(state, served))
        problems = tuple(dict.fromkeys((*self._configuration.problems, *inside.problems)))
        findings.extend(judge_configuration(self._configuration, problems))
        if isinstance(machine, MachineSeen) and inside.survey is not None:
            findings.extend(judge_limits(machine, len(inside.survey.services), inside.containers))
        return worst_first(findings)

    def _expected(self, engine: EngineSeen | None, store: str | None) -> Expected:
        chosen = None if engine is None else engine.chosen
        return Expected(self._version, None if chosen is None else chosen.address, store)

    async def _look_at_state(self, serving: asyncio.Future[ServeSeen | Finding]) -> StateSeen:
        return await self._looks.state(await _running_here(serving))

    async def _look_inside(self, inside: _Inside, serving: asyncio.Future[ServeSeen | Finding]) -> None:
        inside.engine = await self._looks.engine(await _running_here(serving))
        chosen = inside.engine.chosen
        if chosen is None:
            return
        engine = self._looks.connect(chosen.address)
        try:
            containers = await engine.containers()
            examined = ServiceSurveyor(self._configuration).examine(containers)
            inside.containers, inside.survey, inside.problems = len(containers), examined.survey, examined.problems
            inside.findings = tuple(judge_containers(containers, examined.survey, self._configuration))
            await self._check_up(engine, inside)
        except EngineError as error:
            fact = " ".join(str(error).split()).rstrip(".")
            inside.findings += (failed("containers", f"they cannot be looked at: {fact}", "Ask again"),)
        finally:
            await engine.close()

    async def _check_up(self, engine: ContainerEngine, inside: _Inside) -> None:
        assert inside.survey is not None
        turn = asyncio.Semaphore(AT_ONCE)
        present = {
            sighting.container.container_id: sighting.spec
            for sighting in inside.survey.services.values()
            if sighting.container is not None
        }
        snapshots = await asyncio.gather(*(_inspect(engine, container_id, turn) for container_id in present))
        by_id = dict(zip(present, snapshots, strict=True))
        probes = self._looks.probes(engine)

        async def check_up(container_id: str, spec: ServiceSpec) -> None:
            async with turn:
                snapshot = _as_reached(by_id[container_id], by_id)
                inside.checkups.append(await self._ask(spec, snapshot, engine, probes))

        try:
            await asyncio.gather(*(check_up(container_id, spec) for container_id, spec in present.items()))
        finally:
            for probe in probes.values():
                await probe.close()

    async def _ask(
        self,
        spec: ServiceSpec,
        snapshot: ContainerSnapshot | EngineError,
        engine: ContainerEngine,
        probes: Mapping[type, Probe],
    ) -> CheckUp:
        if isinstance(snapshot, EngineError) or snapshot.state is not ContainerState.RUNNING:
            return CheckUp(spec, snapshot)
        check = policy.effective_check(spec, snapshot)
        if isinstance(check, RunningCheck):
            return CheckUp(spec, snapshot)
        target = target_of(spec, snapshot, engine.published_host)
        if isinstance(target, str):
            return CheckUp(spec, snapshot, target)
        begun = self._clock.now().moment
        reading = await probes[type(check)].probe(check, target, PATIENCE)
        took = self._clock.now().moment - begun
        answered = CheckUp(spec, snapshot, target, reading, took, PATIENCE)
        # Only a local engine's processes can be seen.
        if reading.verdict is Verdict.PASS or target.port is None or snapshot.pid is None or not engine.colocated:
            return answered
        return replace(answered, listeners=await self._looks.listeners(snapshot.container_id, snapshot.pid))


def _as_reached(
    snapshot: ContainerSnapshot | EngineError, by_id: Mapping[str, ContainerSnapshot | EngineError]
) -> ContainerSnapshot | EngineError:
    if isinstance(snapshot, EngineError):
        return snapshot
    owner = by_id.get(network_owner(snapshot) or "")
    return in_network_of(snapshot, owner) if isinstance(owner, ContainerSnapshot) else snapshot


async def _inspect(
    engine: ContainerEngine, container_id: str, turn: asyncio.Semaphore
) -> ContainerSnapshot | EngineError:
    async with turn:
        try:
            return await engine.inspect(container_id)
        except EngineError as error:
            return error


async def _running_here(serving: asyncio.Future[ServeSeen | Finding]) -> ServeSeen | None:
    seen = await asyncio.shield(serving)
    return seen if isinstance(seen, ServeSeen) and seen.health is not None and seen.port is not None else None


async def _in_time(what: str, look: Awaitable[Seen], seconds: float) -> Seen | Finding:
    try:
        async with asyncio.timeout(seconds):
            return await look
    except TimeoutError:
        return failed(what, f"not seen within {seconds:g} s", "See whether the engine, a disk or the network hangs")
