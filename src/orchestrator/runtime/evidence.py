"""Evidence taken before anything is done about a failure, and the diagnosis made of it.

A restart destroys what it ends, so it waits for the evidence, :data:`BOUND` at the most. A start destroys nothing that
can still be read, the log stays, so it waits for nothing. What takes longer than the bound, or finds no room because
many failed at once, is missing, and the evidence says so.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
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
from orchestrator.errors import EngineError
from orchestrator.ports import Clock, ContainerEngine, EngineEvent, HostGauge
from orchestrator.runtime.case import known_of
from orchestrator.runtime.inbox import Gathered
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import Record, ServiceRegistry

BOUND: Final = 1.5
"""Seconds, for one failure; no action is ever delayed by more."""
MOST_AT_ONCE: Final = 4
MOST_WAITING: Final = 20
"""Failures whose evidence is read at once, and those that wait for that: of one more only what is known is kept."""
_HOST_KEPT: Final = 1.0
"""Seconds for which one look at the host serves all."""
_BEFORE_THE_START: Final = 1.0
_AFTER_THE_END: Final = 0.5
"""Seconds around a run in which its lines may be dated: engines write its start late, and read its last words late."""
_MOST_CONTAINERS: Final = 4096
_UNTOLD: Final = ("connected", "health", "other")

Answer = TypeVar("Answer")


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
        self._awaited: dict[str, asyncio.Task[None]] = {}
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
            self._begin(record, restart.run, restart.cause, now, awaited_by=restart.action_id)
        elif Failure.UNHEALTHY in decision.failures and awaits_diagnosis(record.spec.playbooks, record.state.tried):
            self._begin(record, decision.state.run, decision.state.reason, now)
        elif _went_down(decision, record):
            run = before.run if Failure.EXITED in decision.failures else decision.state.run
            self._begin(record, run, decision.state.reason, now)

    async def before(self, action: Action) -> None:
        """Until the evidence that this action would destroy is taken, :data:`BOUND` at the most."""
        task = self._awaited.pop(action.action_id, None)
        if task is not None:
            await asyncio.wait({task}, timeout=BOUND)

    async def close(self) -> None:
        tasks: list[asyncio.Task[Any]] = [*self._under_way]
        if self._looking is not None:
            tasks.append(self._looking)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, record: Record, run: Run | None, fact: str, now: Instant, awaited_by: str = "") -> None:
        known = known_of(record, self._registry, run, fact, now)
        name = known.service
        if known.counts.strikes <= 1:
            self._endings.pop(name, None)
        known = replace(known, health=tuple(self._answers[name]))
        container_id = None if record.container is None else record.container.container_id
        finished_at = None
        if record.container is not None and record.container.run == run:
            finished_at = record.container.finished_at if known.exit_code is not None else None
        task = asyncio.get_running_loop().create_task(
            self._gather(known, container_id, finished_at), name=f"evidence of {name}"
        )
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        if awaited_by:
            self._awaited[awaited_by] = task
            task.add_done_callback(lambda _: self._awaited.pop(awaited_by, None))

    # --- how it is taken ----------------------------------------------------------------------------------

    async def _gather(self, known: Evidence, container_id: str | None, finished_at: float | None) -> None:
        crowd = len(self._under_way) - 1
        if container_id is None:
            evidence = _without(known, "it has no container")
        elif crowd >= MOST_AT_ONCE + MOST_WAITING:
            evidence = _without(known, f"not read: {crowd} others failed at the same time")
        else:
            evidence = await self._in_turn(known, container_id, finished_at)
        evidence = weigh(replace(evidence, events=tuple(self._events.get(container_id or "", ()))))
        evidence = self._with_endings(evidence)
        self._post(Gathered(evidence.service, evidence, diagnose(evidence)))

    async def _in_turn(self, known: Evidence, container_id: str, finished_at: float | None) -> Evidence:
        try:
            async with asyncio.timeout(BOUND):
                await self._slots.acquire()
        except TimeoutError:
            return _without(known, f"not read: others that failed at the same time took all of {BOUND:g} s")
        try:
            return await self._read(known, container_id, finished_at)
        finally:
            self._slots.release()

    async def _read(self, known: Evidence, container_id: str, finished_at: float | None) -> Evidence:
        runs = known.exit_code is None
        environment, log, processes, usage, host = await _within(
            BOUND,
            self._engine.environment(container_id),
            self._log(container_id, known.run, finished_at),
            self._engine.processes(container_id) if runs else _down(),
            self._engine.usage(container_id),
            self._host(),
        )
        secrets = () if isinstance(environment, Unread) else secrets_of(environment)
        return replace(
            known,
            environment=environment if isinstance(environment, Unread) else variables(masked_environment(environment)),
            log=log if isinstance(log, Unread) else tail_of(log, secrets),
            processes=processes if isinstance(processes, Unread) else tuple(processes)[:MOST_PROCESSES],
            usage=usage,
            host=host,
        )

    async def _log(self, container_id: str, run: Run | None, finished_at: float | None) -> Sequence[LogLine]:
        began = None if run is None else min(run.started_at, finished_at or run.started_at) - _BEFORE_THE_START
        until = None if finished_at is None else finished_at + _AFTER_THE_END
        tail = MOST_LINES + 1  # one more tells that there is more
        written = self._engine.logs(container_id, tail=tail, since=began, until=until)
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


async def _within(bound: float, *reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """All at once; what was not read by then, or could not be, says why."""
    tasks = [asyncio.ensure_future(_attempted(read)) for read in reads]
    try:
        await asyncio.wait(tasks, timeout=bound)
        return [task.result() if task.done() else Unread(f"not read within {bound:g} s") for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for read in reads:
            read.close()  # one whose task was cancelled before it began


async def _attempted(read: Coroutine[Any, Any, Answer]) -> Answer | Unread:
    try:
        return await read
    except EngineError as error:
        return Unread(told(str(error)))
