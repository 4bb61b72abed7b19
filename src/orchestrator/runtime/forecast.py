"""What would be done next for every service, foreseen from what is registered."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.foresight import Foresight, Intention, foresee
from orchestrator.core.model import Instant
from orchestrator.runtime.circumstances import facts_of
from orchestrator.runtime.registry import Record, ServiceRegistry, in_queue
from orchestrator.runtime.views import PlanView


def forecast(registry: ServiceRegistry, now: Instant) -> tuple[PlanView, ...]:
    """In the order of their names."""
    return tuple(_plan(name, record, registry, now) for name, record in sorted(registry.items()))


def forecast_of(registry: ServiceRegistry, name: str, now: Instant) -> PlanView | None:
    record = registry.get(name)
    return None if record is None else _plan(name, record, registry, now)


def _plan(name: str, record: Record, registry: ServiceRegistry, now: Instant) -> PlanView:
    foreseen = _foresee(record, registry, now)
    if record.ahead is not None:
        cause = f"{foreseen.cause}; {in_queue(record.ahead)}"
        foreseen = replace(foreseen, at=None, cause=cause, blocked_by=("queue",))
    return PlanView(
        service=name,
        status=record.state.status,
        intention=foreseen.intention,
        at=None if foreseen.at is None else now.wall + foreseen.at - now.moment,
        cause=foreseen.cause,
        blocked_by=foreseen.blocked_by,
    )


def _foresee(record: Record, registry: ServiceRegistry, now: Instant) -> Foresight:
    if record.quarantine:
        return Foresight(Intention.HELD, None, record.quarantine, ("quarantined",))
    return foresee(record.spec, record.state, facts_of(record, registry), now)
