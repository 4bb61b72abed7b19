"""The deciding half of a turn: hands one service's facts to ``decide`` and carries out what it answers."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import Final

from orchestrator.core.decide import decide, release
from orchestrator.core.messages import Action, Decision, Event, Outcome, Reply, Request
from orchestrator.core.model import ActionKind, Instant, ServiceState, Status
from orchestrator.core.persistence import to_document
from orchestrator.core.playbooks import SignalStep
from orchestrator.core.recording import DecisionRecord, changes
from orchestrator.ports import ContainerEngine
from orchestrator.runtime import narrator
from orchestrator.runtime.admission import Admission
from orchestrator.runtime.circumstances import facts_of, leaving_before, missing_of
from orchestrator.runtime.endings import Endings
from orchestrator.runtime.evidence import EvidenceCollector
from orchestrator.runtime.health import HealthMonitor, Watch
from orchestrator.runtime.inbox import Asked
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.lifecycle import LifecycleManager
from orchestrator.runtime.memory import weigh
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.requests import Requester, request_document
from orchestrator.runtime.views import event_document
from orchestrator.runtime.watching import watch_of

logger: Final = logging.getLogger("orchestrator")

_NO_DECISION: Final = Reply(False, "no decision could be taken; the log says why", "in_flight")
_YOUNG: Final = 10.0
"""Seconds of a run's age in which its first health answer is waited for."""


class Judgement:
    """Part of the brain: plain functions, called within a turn. ``jitter`` is the largest stretch of a backoff;
    ``read_gpus`` asks for another look at them soon, ``request`` has another service asked for something."""

    def __init__(
        self,
        *,
        registry: ServiceRegistry,
        journal: Journal,
        lifecycle: LifecycleManager,
        admission: Admission,
        monitor: HealthMonitor,
        observers: Sequence[Observer],
        engine: ContainerEngine,
        evidence: EvidenceCollector,
        read_gpus: Callable[[], None],
        request: Callable[[Request], None],
        chance: random.Random,
        jitter: float,
        dry_run: bool,
    ) -> None:
        self._registry = registry
        self._journal = journal
        self._lifecycle = lifecycle
        self._admission = admission
        self._monitor = monitor
        self._observers = observers
        self._engine = engine
        self._evidence = evidence
        self._read_gpus = read_gpus
        self._request = request
        self._chance = chance
        self._jitter = jitter
        self._dry_run = dry_run
        self._endings = Endings()

    def judge(self, name: str, outcomes: deque[Outcome], asked: deque[Asked], now: Instant) -> Sequence[str]:
        """Decide for one service until nothing delivered once is left; the others whom the result concerns."""
        record = self._registry.get(name)
        if record is None:
            for unanswerable in asked:
                gone = Reply(False, f"{name} is not known any more", "no_container")
                self._audit(name, unanswerable, gone, now)
                _answer(unanswerable, gone)
            return ()
        before, kept_lane = record.bearing, record.keeps_lane
        while True:
            question = asked.popleft() if asked and not outcomes else None
            outcome = outcomes.popleft() if outcomes else None
            reply = self._decide(name, record, outcome, question, now)
            if question is not None:
                _answer(question, reply)
                if question.ending is not None and reply is not None and reply.accepted:
                    self._endings.wait(name, question.command, question.ending, record)
            if not outcomes and not asked:
                break
        record.bearing = record.met, record.unmet, record.coming
        dependents = self._registry.dependents_of(name) if record.bearing != before else ()
        lane = self._registry.lane(record.spec.lane) if kept_lane and not record.keeps_lane else ()
        return (*dependents, *lane, *leaving_before(record, self._registry))

    def release(self, name: str, record: Record, now: Instant) -> None:
        """The last turn of a service that leaves; also for who waits for its end."""
        self._apply(name, record, release(record.spec, record.state, now), now)

    def _decide(
        self, name: str, record: Record, outcome: Outcome | None, question: Asked | None, now: Instant
    ) -> Reply | None:
        weigh(record, self._registry, now)
        facts = replace(
            facts_of(record, self._registry),
            outcome=outcome,
            command=None if question is None else question.command,
            finding=record.finding,
            jitter=self._chance.random() * self._jitter,
            crowded=self._admission.crowded(name),
            dry_run=self._dry_run,
        )
        record.finding = None
        record.unmet, record.missing = facts.unmet, missing_of(record, self._registry)
        try:
            decision = decide(record.spec, record.state, facts, now)
        except Exception as error:  # noqa: BLE001 - the turn's quarantine: a defect stays with its service
            self._quarantine(name, record, error, now)
            if outcome is not None:  # it is delivered once: waiting for it again would be for ever
                record.state = replace(record.state, attempt=None)
            self._audit(name, question, _NO_DECISION, now)
            return None
        record.quarantine = ""
        overdue = record.wake_at is not None and record.wake_at <= now.moment
        if overdue or changes(record.state, decision):
            taken = DecisionRecord(record.spec, record.state, facts, now, decision)
            for observer in self._observers:
                observer.decision_taken(taken)
        self._audit(name, question, decision.reply or _NO_DECISION, now)
        self._apply(name, record, decision, now)
        return decision.reply

    def _audit(self, name: str, question: Asked | None, reply: Reply, now: Instant) -> None:
        """Before what the request brings about is told: who asked comes first."""
        if question is not None:
            asker = question.requester or Requester(question.command.actor)
            self._journal.record(name, request_document(name, question.command, asker, reply, now))

    def _quarantine(self, name: str, record: Record, error: Exception, now: Instant) -> None:
        text = f"no decision could be taken, a defect of the orchestrator: {type(error).__name__}: {error}"
        if record.quarantine != text:
            logger.exception("Service %s is quarantined", name, extra={"service": name})
        record.quarantine = text
        record.wake_at = None
        self._tell(name, record, (), now)

    def _apply(self, name: str, record: Record, decision: Decision, now: Instant) -> None:
        before, record.state = record.state, decision.state
        record.wake_at = decision.wake_at
        if _worth_keeping(before, record.state):
            self._journal.remember(name, to_document(record.state, now))
        for failure in decision.failures:
            for observer in self._observers:
                observer.failed(record.spec, failure)
        self._tell(name, record, decision.events, now)
        self._endings.decided(name, decision.events, record)
        narrator.narrate(decision, before, record.spec, now)
        self._evidence.decided(name, record, before, decision, now)
        for action in decision.actions:
            self._expect_end(record, action)
            for observer in self._observers:
                observer.ordered(action, record.spec)
            self._lifecycle.submit(action)
        for request in decision.requests:
            self._request(request)
        self._admission.decided(name, record.spec, due=decision.due)
        if record.spec.vram is not None and (decision.actions or record.holds.get("memory")):
            self._read_gpus()
        self._monitor.watch(name, self._watch(record, decision, now))
        newly = before.status is not Status.UNHEALTHY or decision.failures
        if record.state.status is Status.UNHEALTHY and newly:
            for dependency in record.spec.requires:  # is it the cause? the answer decides before anything is restarted
                self._monitor.ask(dependency)

    def _expect_end(self, record: Record, action: Action) -> None:
        """What an action of ours may end, no person has stopped."""
        if isinstance(action.step, SignalStep) and action.where is not None:
            record = self._registry.get(self._registry.service_of(action.where.container_id) or "") or record
            record.our_stop = action.where
        elif action.kind not in (ActionKind.START, ActionKind.PLAYBOOK):
            record.our_stop = action.run

    def _tell(self, name: str, record: Record, events: Sequence[Event], now: Instant) -> None:
        appearance = record.appearance
        if not events and appearance == record.shown:
            return
        record.shown = appearance
        view = self._registry.view(name, now)
        if view is None:
            return
        for event in events:
            then = replace(view, status=event.status)
            kept = self._journal.record(name, event_document(then, event))
            for observer in self._observers:
                observer.told(kept, event, then)
        for observer in self._observers:
            observer.changed(view)

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
        question.reply.set_result(reply or _NO_DECISION)
