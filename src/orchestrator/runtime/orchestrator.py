"""The brain: waits for the inbox or the earliest deadline, reads the clock once, and lets ``decide`` judge every
service that something happened to. A turn is a plain ``def``: nothing can interleave, so there is nothing to lock.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Final

from orchestrator.core.decide import decide
from orchestrator.core.messages import Command, Decision, Facts, Outcome, Reply
from orchestrator.core.model import ActionKind, Check, Instant, ProbeResult, ServiceState
from orchestrator.core.persistence import to_document
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock, ContainerEngine, Document, EventRecord, Kept, Probe, StateStore, Surveyor
from orchestrator.runtime import narrator
from orchestrator.runtime.discovery import ContainerDiscoveryService
from orchestrator.runtime.health import HealthMonitor, Watch
from orchestrator.runtime.inbox import (
    Asked,
    Ended,
    HistoryFound,
    Inbox,
    InboxFull,
    Probed,
    Surveyed,
)
from orchestrator.runtime.intake import Intake
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.lifecycle import LifecycleManager
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.supervise import Crew
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.views import ServiceView, SystemView, event_document
from orchestrator.runtime.watching import watch_of

logger: Final = logging.getLogger("orchestrator")

_LONGEST_SLEEP: Final = 5.0
"""Seconds without any turn, at the most: a brain that sleeps longer cannot be told from a dead one."""
_LARGEST_JITTER: Final = 0.1
_TIME_TO_FINISH: Final = 6.0
_TIME_TO_FLUSH: Final = 1.5
_YOUNG: Final = 10.0
"""Seconds of a run's age in which its first health answer is waited for."""


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
        clock: Clock,
        pace: Pace | None = None,
        chance: random.Random | None = None,
        version: str = "",
    ) -> None:
        self._pace = pace or Pace()
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._engine = engine
        self._surveyor = surveyor
        self._probes = probes
        self._inbox = Inbox()
        self._registry = ServiceRegistry()
        self._journal = Journal(store, clock, on_recovered=self._recovered)
        self._discovery = ContainerDiscoveryService(
            engine, surveyor, clock, self._inbox.post, interval=self._pace.interval, chance=self._chance
        )
        self._monitor = HealthMonitor(clock, probes, self._probed, random=self._chance)
        self._lifecycle = LifecycleManager(engine, clock, self._ended, width=self._pace.width)
        self._crew = Crew()
        self._crew.add("discovery", self._discovery.run)
        self._crew.add("health", self._monitor.run)
        self._crew.add("journal", self._journal.run)
        self._crew.add("brain", self._think)
        self._surroundings = Surroundings(version)
        self._intake = Intake(self._registry, self._surroundings, engine, self._journal, self._discovery.look)
        self._turns = 0

    # --- for the faces ------------------------------------------------------------------------------------

    def services(self) -> tuple[ServiceView, ...]:
        return self._registry.views(self._clock.now())

    def service(self, name: str) -> ServiceView | None:
        return self._registry.view(name, self._clock.now())

    def system(self) -> SystemView:
        return self._surroundings.view(self.services(), self._crew.views(), self._journal.view(), self._engine.endpoint)

    async def events(
        self, limit: int, *, service: str | None = None, before: int | None = None
    ) -> Sequence[EventRecord]:
        """Newest first, also what the store has not taken yet."""
        return await self._journal.events(limit, service=service, before=before)

    async def command(self, name: str, command: Command) -> Reply:
        """Answers when it is decided, not when it is carried out; :class:`UnknownService` for a name not listed."""
        if self._registry.get(name) is None:
            raise UnknownService(name, tuple(self._registry))
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        try:
            self._inbox.post(Asked(name, command, reply))
        except InboxFull:
            return Reply(False, "too many requests wait to be decided: try again in a moment", "in_flight")
        return await reply

    async def run(self) -> None:
        """Until cancelled. Neither an engine nor a store that is away keeps it from starting.

        Raises :class:`StoreInUse` when another orchestrator has the state: two must not heal the same containers.
        """
        now = self._clock.now()
        self._surroundings.begin(now)
        self._intake.remember(await self._journal.open())
        self._intake.take_in(Surveyed(self._surveyor.survey(())), now)
        narrator.started(self._surroundings.version, self._engine.endpoint, self._journal.view().location)
        try:
            await self._crew.run()
        finally:
            await self._lifecycle.finish(_TIME_TO_FINISH)
            self._turn(acting=False)
            await self._journal.flush(_TIME_TO_FLUSH)
            await self._journal.close()
            for probe in self._probes.values():
                await probe.close()
            await self._engine.close()
            narrator.stopped()

    # --- the loop -----------------------------------------------------------------------------------------

    def _recovered(self, kept: Kept, outrun: Mapping[str, Document]) -> None:
        self._inbox.post(HistoryFound(kept, outrun))

    def _probed(self, service: str, result: ProbeResult) -> None:
        self._inbox.post(Probed(service, result))

    def _ended(self, service: str, outcome: Outcome) -> None:
        self._inbox.post(Ended(service, outcome))

    async def _think(self) -> None:
        while True:
            await self._inbox.wait(self._sleep())
            self._turn()

    def _sleep(self) -> float:
        wakes = [record.wake_at for record in self._registry.records() if record.wake_at is not None]
        if not wakes:
            return _LONGEST_SLEEP
        return max(0.0, min(min(wakes) - self._clock.now().moment, _LONGEST_SLEEP))

    def _turn(self, *, acting: bool = True) -> None:
        """One turn. What a decision changes for dependents is decided in the same turn.

        Not ``acting``: outcomes are taken in, but nothing counts as seen, so that nothing new is ordered.
        """
        now = self._clock.now()
        self._turns += 1
        self._surroundings.turned(now, self._turns)
        outcomes: defaultdict[str, deque[Outcome]] = defaultdict(deque)
        asked: defaultdict[str, deque[Asked]] = defaultdict(deque)
        touched: dict[str, None] = {}
        for post in self._inbox.drain():
            if isinstance(post, Asked):
                asked[post.service].append(post)
            elif isinstance(post, Ended):
                outcomes[post.service].append(post.outcome)
            touched.update(dict.fromkeys(self._intake.take_in(post, now)))
        if not acting:
            self._intake.lose_sight()
        touched.update(dict.fromkeys(self._due(now)))
        queue = deque(touched)
        while queue:
            name = queue.popleft()
            queue.extend(self._judge(name, outcomes[name], asked[name], now))

    def _due(self, now: Instant) -> list[str]:
        due = [
            name
            for name, record in self._registry.items()
            if record.wake_at is not None and record.wake_at <= now.moment
        ]
        for name, worth_keeping in self._registry.forget(now):
            self._monitor.watch(name, None)
            if not worth_keeping:
                self._journal.forget(name)
        return due

    # --- deciding -----------------------------------------------------------------------------------------

    def _judge(self, name: str, outcomes: deque[Outcome], asked: deque[Asked], now: Instant) -> Sequence[str]:
        """Decide for one service until nothing delivered once is left; the dependents whom the result concerns."""
        record = self._registry.get(name)
        if record is None:
            for unanswerable in asked:
                _answer(unanswerable, Reply(False, f"{name} is not known any more", "no_container"))
            return ()
        was_met = record.met
        while True:
            question = asked.popleft() if asked and not outcomes else None
            outcome = outcomes.popleft() if outcomes else None
            reply = self._decide(name, record, outcome, question, now)
            if question is not None:
                _answer(question, reply)
            if not outcomes and not asked:
                break
        return self._intake.dependents_of(name) if record.met != was_met else ()

    def _decide(
        self, name: str, record: Record, outcome: Outcome | None, question: Asked | None, now: Instant
    ) -> Reply | None:
        record.unmet = self._intake.unmet(record)
        facts = Facts(
            container=record.evidence,
            probe=record.probe,
            unmet=record.unmet,
            stop_requested=record.stop_requested,
            outcome=outcome,
            command=None if question is None else question.command,
            jitter=self._chance.random() * self._pace.jitter,
        )
        try:
            decision = decide(record.spec, record.state, facts, now)
        except Exception as error:  # noqa: BLE001 - the turn's quarantine: a defect stays with its service
            self._quarantine(name, record, error)
            if outcome is not None:  # it is delivered once: waiting for it again would be for ever
                record.state = replace(record.state, attempt=None)
            return None
        record.quarantine = ""
        self._apply(name, record, decision, now)
        return decision.reply

    def _quarantine(self, name: str, record: Record, error: Exception) -> None:
        text = f"no decision could be taken, a defect of the orchestrator: {type(error).__name__}: {error}"
        if record.quarantine != text:
            logger.exception("Service %s is quarantined", name, extra={"service": name})
        record.quarantine = text
        record.wake_at = None

    def _apply(self, name: str, record: Record, decision: Decision, now: Instant) -> None:
        before, record.state = record.state, decision.state
        record.wake_at = decision.wake_at
        if _worth_keeping(before, record.state):
            self._journal.remember(name, to_document(record.state, now))
        if decision.events:
            view = self._registry.view(name, now)
            for event in decision.events:
                if view is not None:
                    self._journal.record(name, event_document(replace(view, status=event.status), event))
        narrator.narrate(decision, before, record.spec, now)
        for action in decision.actions:
            if action.kind is not ActionKind.START:
                record.our_stop = action.run
            self._lifecycle.submit(action, record.spec.lane)
        self._monitor.watch(name, self._watch(record, decision, now))

    def _watch(self, record: Record, decision: Decision, now: Instant) -> Watch | None:
        container = record.container if record.seen else None
        young = container is not None and now.wall - (container.started_at or 0.0) < _YOUNG
        urgent = decision.state.attempt is not None or young
        return watch_of(
            record.spec,
            container if container is None else self._registry.as_reached(container),
            decision.probe_every,
            self._engine.published_host,
            urgent=urgent,
            reached=record.reached,
        )


_kept: Final = attrgetter(*(each.name for each in fields(ServiceState) if each.name not in ("probe_seen", "reason")))


def _worth_keeping(before: ServiceState, after: ServiceState) -> bool:
    """Asked at every answer of every check: comparing the fields costs a twentieth of two copies without them."""
    return bool(_kept(before) != _kept(after))


def _answer(question: Asked, reply: Reply | None) -> None:
    if not question.reply.done():
        question.reply.set_result(reply or Reply(False, "no decision could be taken; the log says why", "in_flight"))
