"""The brain: waits for the inbox or the earliest deadline, reads the clock once, and lets ``decide`` judge every
service that something happened to. A turn is a plain ``def``: nothing can interleave, so there is nothing to lock.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.core import graph
from orchestrator.core.decide import decide
from orchestrator.core.inherit import inherit
from orchestrator.core.messages import Command, Decision, Facts, Outcome, Reply
from orchestrator.core.model import ActionKind, Check, Instant, ProbeResult, ServiceState
from orchestrator.core.persistence import from_document, to_document
from orchestrator.errors import UnknownService
from orchestrator.ports import Clock, ContainerEngine, Document, EventRecord, Kept, Probe, StateStore, Surveyor
from orchestrator.runtime import narrator
from orchestrator.runtime.discovery import ContainerDiscoveryService
from orchestrator.runtime.health import HealthMonitor
from orchestrator.runtime.inbox import (
    Asked,
    Ended,
    EngineLost,
    EngineReached,
    HistoryFound,
    Inbox,
    InboxFull,
    Looked,
    Post,
    Probed,
    StopSeen,
    Surveyed,
)
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
_TIME_TO_FINISH: Final = 8.0
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

    ``run`` works until it is cancelled; then it lets actions in flight end (8 s at most) and writes the state.
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
        self._history: dict[str, Document] = {}
        self._dependents: dict[str, tuple[str, ...]] = {}
        self._warned: set[str] = set()
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
        """Until cancelled. Neither an engine nor a store that is away keeps it from starting."""
        now = self._clock.now()
        self._surroundings.begin(now)
        self._history.update((await self._journal.open()).services)
        self._take_in(Surveyed(self._surveyor.survey(())), now)
        narrator.started(self._surroundings.version, self._engine.endpoint, self._journal.view().location)
        try:
            await self._crew.run()
        finally:
            await self._lifecycle.finish(_TIME_TO_FINISH)
            self._turn()
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

    def _turn(self) -> None:
        """One turn. What a decision changes for dependents is decided in the same turn."""
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
                self._after_action(post)
                outcomes[post.service].append(post.outcome)
            touched.update(dict.fromkeys(self._take_in(post, now)))
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
        for name in self._registry.forget(now):
            self._monitor.watch(name, None)
        return due

    # --- taking in ----------------------------------------------------------------------------------------

    def _take_in(self, post: Post, now: Instant) -> Sequence[str]:
        """Update what is known; the services that this concerns."""
        match post:
            case EngineReached(identity=identity):
                if self._surroundings.reached(identity, now):
                    narrator.engine_found(self._engine.endpoint, identity)
                return ()
            case EngineLost(error=error):
                if self._surroundings.lost(error, now):
                    narrator.engine_lost(error)
                for record in self._registry.records():
                    record.seen = False
                return tuple(self._registry)
            case Surveyed():
                return self._surveyed(post, now)
            case Looked():
                return self._looked(post, now)
            case Probed(service=service, result=result):
                probed = self._registry.get(service)
                if probed is not None:
                    probed.probe = result
                return (service,)
            case StopSeen(container_id=container_id, at=at):
                return self._stop_seen(container_id, at)
            case HistoryFound(kept=kept, outrun=outrun):
                return self._inherit({**kept.services, **outrun}, now)
            case Ended(service=service) | Asked(service=service):
                return (service,)

    def _surveyed(self, post: Surveyed, now: Instant) -> Sequence[str]:
        survey = post.survey
        for name, sighting in survey.services.items():
            document = self._history.pop(name, None)
            self._registry.admit(sighting, None if document is None else from_document(document, now))
        dependents: defaultdict[str, list[str]] = defaultdict(list)
        for name, record in self._registry.items():
            for required in record.spec.requires:
                dependents[required].append(name)
        self._dependents = {required: tuple(names) for required, names in dependents.items()}
        found = [name for name, sighting in survey.services.items() if sighting.container is not None]
        if self._surroundings.discovered(found):
            narrator.discovered(found, survey.ignored)
        for warning in survey.warnings:
            self._warn_once(warning)
        for name, sighting in survey.services.items():
            for problem in sighting.problems:
                self._warn_once(f"{name}: {problem}")
        return tuple(survey.services)

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            narrator.warned(text)

    def _looked(self, post: Looked, now: Instant) -> Sequence[str]:
        record = self._registry.get(post.service)
        if record is None or post.begun < record.looked_at:
            return ()
        record.seen = True
        record.looked_at = post.begun
        if post.container is None:
            record.gone_since = now.moment if record.gone_since is None else record.gone_since
            record.container = None
        else:
            record.gone_since = None
            record.container = post.container
        return (post.service,)

    def _stop_seen(self, container_id: str, at: float) -> Sequence[str]:
        for name, record in self._registry.items():
            if record.container is not None and record.container.container_id == container_id:
                record.stop_seen = (container_id, at)
                return (name,)
        return ()

    def _after_action(self, post: Ended) -> None:
        record = self._registry.get(post.service)
        if record is None:
            return
        outcome = post.outcome
        if outcome.container is None or outcome.looked_at is None:
            record.seen = False
            if record.container is not None:
                self._discovery.look(record.container.container_id)
        elif outcome.looked_at >= record.looked_at:
            record.seen = True
            record.looked_at = outcome.looked_at
            record.container = outcome.container

    def _inherit(self, documents: Mapping[str, Document], now: Instant) -> Sequence[str]:
        """History found late: services that were judged without it get what still counts, others when first seen."""
        for name, document in documents.items():
            record = self._registry.get(name)
            if record is None:
                self._history[name] = document
                continue
            record.state = inherit(record.state, from_document(document, now))
            self._journal.remember(name, to_document(record.state, now))
        return tuple(documents)

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
        return self._dependents.get(name, ()) if record.met != was_met else ()

    def _decide(
        self, name: str, record: Record, outcome: Outcome | None, question: Asked | None, now: Instant
    ) -> Reply | None:
        record.unmet = self._unmet(record)
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
            return None
        record.quarantine = ""
        self._apply(name, record, decision, now)
        return decision.reply

    def _unmet(self, record: Record) -> tuple[str, ...]:
        """The hard dependencies that are not running; one that is not known here blocks nobody."""
        known = {name: self._registry.get(name) for name in record.spec.requires}
        return graph.unmet(
            record.spec.requires,
            {name for name, dependency in known.items() if dependency is None or dependency.met},
        )

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
        container = record.container if record.seen else None
        young = container is not None and now.wall - (container.started_at or 0.0) < _YOUNG
        urgent = decision.state.attempt is not None or young
        watch = watch_of(record.spec, container, decision.probe_every, self._engine.published_host, urgent=urgent)
        self._monitor.watch(name, watch)


def _worth_keeping(before: ServiceState, after: ServiceState) -> bool:
    return replace(before, probe_seen=0.0, reason="") != replace(after, probe_seen=0.0, reason="")


def _answer(question: Asked, reply: Reply | None) -> None:
    if not question.reply.done():
        question.reply.set_result(reply or Reply(False, "no decision could be taken; the log says why", "in_flight"))
