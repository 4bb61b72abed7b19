"""What the log says: each change once, as the sentence its readers grep for, then the evidence as fields.

Sentences are stable; tools match on them. Everything that varies beyond the name of the service is a field
(``service=``, ``cause=``, ...), carried by the standard library's ``extra``, so that an application that mounts
us formats our lines its own way. What a line says and at which level is computed first, then written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from orchestrator.core.messages import Decision, Event, Message
from orchestrator.core.model import Instant, ServiceSpec, ServiceState
from orchestrator.core.sighting import Changes
from orchestrator.errors import EngineUnavailable
from orchestrator.ports import EngineIdentity

logger: Final = logging.getLogger("orchestrator")


@dataclass(frozen=True, slots=True)
class Line:
    """One log line before it is written; ``level`` is the standard library's number."""

    level: int
    text: str
    fields: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


SENTENCES: Final[Mapping[Message, tuple[int, str]]] = MappingProxyType(
    {
        Message.DISCOVERED: (logging.INFO, "Service {name} discovered"),
        Message.RECOVERED: (logging.INFO, "Service {name} recovered"),
        Message.HEALTHY: (logging.INFO, "Service {name} is healthy"),
        Message.HEALTH_CHECK_FAILED: (logging.WARNING, "Health check failed for {name}"),
        Message.MAX_FAILURES: (logging.ERROR, "Service {name} exceeded {limit} failures"),
        Message.ENABLED: (logging.INFO, "Service {name} enabled"),
        Message.DISABLED: (logging.INFO, "Service {name} disabled"),
        Message.RESTARTING: (logging.INFO, "Restarting service {name}"),
        Message.RESTART_COMPLETED: (logging.INFO, "Restarted service {name}"),
        Message.RESTART_FAILED: (logging.WARNING, "Restart failed for {name}"),
        Message.STOP_FAILED: (logging.WARNING, "Stop failed for {name}"),
        Message.MANUAL_RESTART: (logging.INFO, "Manual restart initiated for {name}"),
        Message.MANUAL_START: (logging.INFO, "Manual start initiated for {name}"),
        Message.MANUAL_STOP: (logging.INFO, "Manual stop initiated for {name}"),
        Message.NEW_RUN: (logging.INFO, "Container of {name} started"),
        Message.STOPPED: (logging.WARNING, "Container of {name} stopped"),
        Message.NOT_FOUND: (logging.WARNING, "Container of {name} not found"),
        Message.WAITING: (logging.WARNING, "Service {name} waits for a dependency"),
        Message.RESUMED: (logging.INFO, "What {name} waited for is back"),
        Message.GIVEN_BACK: (logging.INFO, "{name} is given back to the engine's restart policy"),
        Message.HELD: (logging.INFO, "Service {name} held"),
        Message.RELEASED: (logging.INFO, "Service {name} released"),
        Message.SEVERED: (logging.WARNING, "Service {name} lost the namespace that it shares"),
        Message.DIAGNOSED: (logging.WARNING, "Failure of {name} diagnosed"),
        Message.FUTILE: (logging.ERROR, "Service {name} disabled, trying again cannot help"),
        Message.WOULD_START: (logging.INFO, "Would start service {name}"),
        Message.WOULD_STOP: (logging.INFO, "Would stop service {name}"),
        Message.WOULD_RESTART: (logging.INFO, "Would restart service {name}"),
        Message.WOULD_RECREATE: (logging.INFO, "Would recreate the container of {name}"),
        Message.WOULD_RUN_PLAYBOOK: (logging.INFO, "Would run a playbook for {name}"),
        Message.PLAYBOOK_STARTED: (logging.INFO, "Playbook started for {name}"),
        Message.PLAYBOOK_STEP: (logging.INFO, "Playbook step for {name}"),
        Message.PLAYBOOK_IN_VAIN: (logging.WARNING, "Playbook step did not help {name}"),
        Message.PLAYBOOK_HELPED: (logging.INFO, "Playbook helped {name}"),
        Message.PLAYBOOK_EXHAUSTED: (logging.WARNING, "Playbook did not help {name}"),
        Message.PLAYBOOK_ENDED: (logging.INFO, "Playbook ended for {name}"),
        Message.PLAYBOOK_NOTICE: (logging.WARNING, "Playbook notice about {name}"),
        Message.COMPLETED: (logging.INFO, "Job {name} completed"),
    }
)
"""Level and sentence of every event. The specification's sentences are kept to the letter."""


# --- services -----------------------------------------------------------------------------------------------


def narrate(decision: Decision, before: ServiceState, spec: ServiceSpec, now: Instant) -> None:
    """Write what one turn changed for one service: its events, then the wait that it scheduled, if it did."""
    for event in decision.events:
        _write(event_line(event, decision.state, spec))
    waiting = backoff_line(before, decision.state, spec, now)
    if waiting is not None:
        _write(waiting)


def event_line(event: Event, state: ServiceState, spec: ServiceSpec) -> Line:
    level, text = _sentence(event.message, event.service, state, spec)
    fields: dict[str, object] = {"service": event.service, "status": str(event.status)}
    if event.cause:
        fields["cause"] = event.cause
    if state.failure_count:
        fields["failures"] = state.failure_count
    return Line(level, text, fields)


def backoff_line(before: ServiceState, after: ServiceState, spec: ServiceSpec, now: Instant) -> Line | None:
    """``None`` unless ``after`` waits for a retry that ``before`` did not wait for."""
    if after.retry_at is None or after.retry_at == before.retry_at:
        return None
    remaining = after.retry_at - now.moment
    if remaining <= 0 or not after.enabled:
        return None
    return Line(
        logging.INFO,
        f"Service {spec.name} in backoff, {remaining:.1f}s remaining",
        {"service": spec.name, "strikes": after.strikes, "limit": spec.recovery.max_failures, "cause": after.reason},
    )


def _sentence(message: Message, name: str, state: ServiceState, spec: ServiceSpec) -> tuple[int, str]:
    level, template = SENTENCES[message]
    if message is Message.STOPPED and (state.stopped_by is not None or not state.enabled):
        level = logging.INFO  # somebody wanted it
    return level, template.format(name=name, limit=spec.recovery.max_failures)


# --- ourselves and our surroundings -------------------------------------------------------------------------


def started(version: str, endpoint: str, store: str) -> None:
    fields = {"version": version, "engine": endpoint, "state": store}
    _write(Line(logging.INFO, "ContainerOrchestrator started", fields))


def dry_run() -> None:
    _write(Line(logging.WARNING, "Dry run: what would be done is told, and nothing is changed"))


def stopped() -> None:
    _write(Line(logging.INFO, "ContainerOrchestrator stopped"))


def discovered(services: Iterable[str], ignored: Mapping[str, str]) -> None:
    """Once after the first look, and again when the number of managed containers changed."""
    names = sorted(services)
    fields: dict[str, object] = {"services": ",".join(names)}
    if ignored:
        fields["ignored"] = len(ignored)
    _write(Line(logging.INFO, f"Discovered {len(names)} containers", fields))


def reloaded(changes: Changes) -> None:
    fields = {
        word: ",".join(names)
        for word, names in (("added", changes.added), ("changed", changes.changed), ("removed", changes.removed))
        if names
    }
    _write(Line(logging.INFO, "Configuration reloaded", fields))


def engine_lost(error: EngineUnavailable) -> None:
    """Once when the engine stops answering, not at every attempt to reach it again."""
    fields = {"endpoint": error.endpoint, "fact": error.fact, "remedy": error.remedy}
    _write(Line(logging.ERROR, "Failed to connect to Docker daemon", fields))


def engine_found(endpoint: str, identity: EngineIdentity) -> None:
    fields = {
        "endpoint": endpoint,
        "kind": identity.kind,
        "version": identity.version,
        "api_version": identity.api_version,
    }
    _write(Line(logging.INFO, "Connected to Docker daemon", fields))


def told_of_host(subject: str, message: str, cause: str, *, well: bool = False) -> None:
    """What concerns the whole machine, or no single service: a driver that went, or is back. ``well``: good news."""
    _write(Line(logging.INFO if well else logging.WARNING, message, {"subject": subject, "cause": cause}))


def warned(text: str, **fields: object) -> None:
    """A fact worth one line that has no sentence of its own: two containers for one service, a cut cycle."""
    _write(Line(logging.WARNING, text, fields))


def _write(line: Line) -> None:
    logger.log(line.level, line.text, extra=dict(line.fields))
