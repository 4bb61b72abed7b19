"""Evidence taken before anything is done about a failure, and the diagnosis made of it.

A restart destroys the processes and what they use, so it waits for these to be read, :data:`BOUND` at the most. A start
destroys nothing that can still be read, so it waits for nothing. The rest, of which the log is the most, is read beside
the action. What takes longer than its time, or finds no room because many failed at once, is missing, and the evidence
says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeVar

from orchestrator.core.diagnosis import diagnose
from orchestrator.core.evidence import (
    MOST_EVENTS,
    MOST_HEALTH_OUTPUTS,
    MOST_LINES,
    MOST_PROCESSES,
    REPEATS,
    Ending,
    Evidence,
    Happened,
    HealthOutput,
    HostPressure,
    LogLine,
    Unread,
    tail_of,
    told,
    variables,
)
from orchestrator.core.masking import masked_environment, secrets_of
from orchestrator.core.messages import Action, Decision, Failure, Message
from orchestrator.core.model import ActionKind, Instant, ProbeResult, Run, ServiceSpec, ServiceState
from orchestrator.core.oom import weigh
from orchestrator.core.playbooks import awaits_diagnosis
from orchestrator.core.shutdown import UP
from orchestrator.errors import EngineError
from orchestrator.ports import Clock, ContainerEngine, EngineEvent, HostGauge
from orchestrator.runtime.case import known_of
from orchestrator.runtime.inbox import Gathered
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import Record, ServiceRegistry

BOUND: Final = 1.5
"""Seconds for what an action would destroy: none is ever delayed by more."""
PATIENCE: Final = 10.0
"""Seconds for what stays: nobody waits for it."""
MOST_AT_ONCE: Final = 4
MOST_WAITING: Final = 20
"""Failures whose evidence is read at once, and those that wait for that: of one more only what is known is kept."""
_HOST_KEPT: Final = 1.0
"""Seconds for which one look at the host serves all."""
_BEFORE_THE_START: Final = 1.0
_AFTER_THE_END: Final = 2.0
"""Seconds around a run in which its lines may be dated: engines write its start late, and a busy one reads its last
words late."""
RESTARTED_BY_ENGINE: Final = "it died, and its next run began before anybody looked"
_MOST_CONTAINERS: Final = 4096
_UNTOLD: Final = ("connected", "health", "other")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Case:
    known: Evidence
    container_id: str
    """Empty: it has no container."""
    ended_at: float | None
    """Wall time by the engine; ``None``: it runs."""
    removed: bool
    """The action that waits for it removes the container, and with it the log."""
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    """What the action would destroy has been read, or will not be."""


class EvidenceCollector(Observer):
    """Part of the brain where it is told what was decided (plain functions), part of the hands where those wait for it.
    ``post`` receives each piece of evidence once, with its diagnosis."""

    def __init__(
        self,
        *,
        engine: ContainerEngine,
        gauge: HostGauge,
        registry: ServiceRegistry,
        clock: Clock,
        post: Callable[[Gathered], None],
    ) -> None:
        self._engine = engine
        self._gauge = gauge
        self._registry = registry
        self._clock = clock
        self._post = post
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()
        self._awaited: dict[str, asyncio.Event] = {}
        self._answers: defaultdict[str, deque[HealthOutput]] = defaultdict(lambda: deque(maxlen=MOST_HEALTH_OUTPUTS))
        self._events: OrderedDict[str, deque[Happened]] = OrderedDict()
        self._endings: defaultdict[str, deque[Ending]] = defaultdict(lambda: deque(maxlen=REPEATS))
        self._looking: asyncio.Task[HostPressure] | None = None
        self._looked_at = float("-inf")

    # --- what is remembered for later ---------------------------------------------------------------------

    def heard(self, event: EngineEvent) -> None:
        if event.action in _UNTOLD:
            return
        events = self._events.setdefault(event.container_id, deque(maxlen=MOST_EVENTS))
        self._events.move_to_end(event.container_id)
        events.append(Happened(event.at, event.action))
        if len(self._events) > _MOST_CONTAINERS:
            self._events.popitem(last=False)

    def probed(self, spec: ServiceSpec, result: ProbeResult) -> None:
        output = HealthOutput(result.checked.wall, result.verdict, result.method, told(result.detail))
        self._answers[spec.name].append(output)

    def gone(self, name: str) -> None:
        self._answers.pop(name, None)
        self._endings.pop(name, None)

    # --- when it is taken ---------------------------------------------------------------------------------

    def decided(self, name: str, record: Record, before: ServiceState, decision: Decision, now: Instant) -> None:
        """Within the turn, before its actions go to the hands."""
        restart = next((action for action in decision.actions if _ends_what_failed(action, record)), None)
        if restart is not None:
            self._begin(record, restart.run, restart.cause, now, awaited_by=restart)
        elif Failure.UNHEALTHY in decision.failures and awaits_diagnosis(record.spec.playbooks, record.state.tried):
            self._begin(record, decision.state.run, decision.state.reason, now)
        elif _went_down(decision, record):
            container, run = record.container, decision.state.run
            if Failure.EXITED in decision.failures:
                # A run that is over may have begun since, too: that one is what failed, and not the one before it.
                run = container.run if container is not None and container.state not in UP else before.run
            over = container is not None and container.run != run
            self._begin(record, run, RESTARTED_BY_ENGINE if over else decision.state.reason, now)

    async def before(self, action: Action) -> None:
        """Until what this action would destroy is on record, :data:`BOUND` at the most."""
        taken = self._awaited.pop(action.action_id, None)
        if taken is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BOUND):
                    await taken.wait()

    async def close(self) -> None:
        tasks: list[asyncio.Task[Any]] = [*self._under_way]
        if self._looking is not None:
            tasks.append(self._looking)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(
        self, record: Record, run: Run | None, fact: str, now: Instant, awaited_by: Action | None = None
    ) -> None:
        known = known_of(record, self._registry, run, fact, now)
        name, container = known.service, record.container
        if known.counts.strikes <= 1:
            self._endings.pop(name, None)
        ended = None if container is None or known.exit_code is None else container.finished_at
        case = _Case(
            replace(known, health=tuple(self._answers[name])),
            container_id="" if container is None else container.container_id,
            ended_at=ended,
            removed=awaited_by is not None and awaited_by.kind is ActionKind.RECREATE,
        )
        if awaited_by is not None:
            self._awaited[awaited_by.action_id] = case.taken
        task = asyncio.get_running_loop().create_task(self._gather(case), name=f"evidence of {name}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    # --- how it is taken ----------------------------------------------------------------------------------

    async def _gather(self, case: _Case) -> None:
        crowd = len(self._under_way) - 1
        if not case.container_id:
            evidence = _without(case.known, "it has no container")
        elif crowd >= MOST_AT_ONCE + MOST_WAITING:
            evidence = _without(case.known, f"not read: {crowd} others failed at the same time")
        else:
            evidence = await self._in_turn(case)
        case.taken.set()
        evidence = weigh(replace(evidence, events=tuple(self._events.get(case.container_id, ()))))
        evidence = self._with_endings(evidence)
        self._post(Gathered(evidence.service, evidence, diagnose(evidence)))

    async def _in_turn(self, case: _Case) -> Evidence:
        try:
            async with asyncio.timeout(BOUND):
                await self._slots.acquire()
        except TimeoutError:
            return _without(case.known, f"not read: others that failed at the same time took all of {BOUND:g} s")
        try:
            return await self._read(case)
        finally:
            self._slots.release()

    async def _read(self, case: _Case) -> Evidence:
        """First what the action destroys; where that is the whole container, all of it."""
        known, container_id = case.known, case.container_id
        passing = (
            partial(self._engine.processes, container_id) if known.exit_code is None else _down,
            partial(self._engine.usage, container_id),
        )
        lasting = (partial(self._engine.environment, container_id), partial(self._log, case), self._host)
        if case.removed:
            processes, usage, environment, log, host = await _within(BOUND, *passing, *lasting)
        else:
            processes, usage = await _within(BOUND, *passing)
            case.taken.set()
            environment, log, host = await _within(PATIENCE, *lasting)
        secrets = () if isinstance(environment, Unread) else secrets_of(environment)
        return replace(
            known,
            environment=environment if isinstance(environment, Unread) else variables(masked_environment(environment)),
            log=log if isinstance(log, Unread) else tail_of(log, secrets),
            processes=processes if isinstance(processes, Unread) else tuple(processes)[:MOST_PROCESSES],
            usage=usage,
            host=host,
        )

    async def _log(self, case: _Case) -> Sequence[LogLine]:
        run, ended_at = case.known.run, case.ended_at
        began = None if run is None else min(run.started_at, ended_at or run.started_at) - _BEFORE_THE_START
        # of a remote engine's clock nothing is known but what it says itself
        until = ended_at or (case.known.taken_at if self._engine.colocated else None)
        written = self._engine.logs(
            case.container_id,
            tail=MOST_LINES + 1,  # one more tells that there is more
            since=began,
            until=None if until is None else until + _AFTER_THE_END,
        )
        async with aclosing(written) as lines:  # type: ignore[type-var]
            return [line async for line in lines]

    async def _host(self) -> HostPressure | Unread:
        """One look at a time, whoever asks: a file system that hangs holds one thread and no more."""
        if not self._engine.colocated:
            return Unread("the engine is on another machine")
        now = self._clock.now().moment
        if self._looking is None or (self._looking.done() and now - self._looked_at > _HOST_KEPT):
            self._looked_at = now
            self._looking = asyncio.get_running_loop().create_task(self._look(), name="evidence of the host")
        return await asyncio.shield(self._looking)

    async def _look(self) -> HostPressure:
        return await self._gauge.read(await self._engine.storage())

    def _with_endings(self, evidence: Evidence) -> Evidence:
        if evidence.exit_code is None or isinstance(evidence.log, Unread):
            return evidence
        endings = self._endings[evidence.service]
        endings.append(Ending(evidence.exit_code, evidence.last_line))
        return replace(evidence, endings=tuple(endings))


def _ends_what_failed(action: Action, record: Record) -> bool:
    """An automatic restart for a failure of its own: a companion, restarted with another, is well."""
    if action.manual or not record.state.counted:
        return False
    first_step = action.kind is ActionKind.PLAYBOOK and record.state.course is not None and not record.state.course.step
    return first_step or action.kind in (ActionKind.RESTART, ActionKind.RECREATE)


def _went_down(decision: Decision, record: Record) -> bool:
    """Also where that counts nothing, because what it requires is down, or its ill health was counted before it died;
    not where somebody wants it down, or knows that it may be, or nobody saw it end, or it is none of our business."""
    if any(failure is not Failure.UNHEALTHY for failure in decision.failures):
        return True
    expected = record.in_maintenance or "update" in record.holds or record.unwatched or record.spec.observe_only
    wanted = decision.state.stopped_by is not None or decision.state.wanted_by is not None
    return not expected and not wanted and any(event.message is Message.STOPPED for event in decision.events)


def _without(known: Evidence, why: str) -> Evidence:
    missing = Unread(why)
    return replace(known, log=missing, environment=missing, processes=missing, usage=missing, host=missing)


async def _down() -> Unread:
    return Unread("it is down: its processes are gone")


async def _within(bound: float, *reads: Callable[[], Awaitable[Any]]) -> list[Any]:
    """All at once; what was not read by then, or could not be, says why."""
    tasks = [asyncio.ensure_future(_attempted(read)) for read in reads]
    try:
        await asyncio.wait(tasks, timeout=bound)
        return [task.result() if task.done() else Unread(f"not read within {bound:g} s") for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _attempted(read: Callable[[], Awaitable[Answer]]) -> Answer | Unread:
    try:
        return await read()
    except EngineError as error:
        return Unread(told(str(error)))
