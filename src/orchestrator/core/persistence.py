"""What is kept of a service's state, and how it is read back.

Moments mean nothing to the next process, so they are kept as wall times and become moments again when loaded.
Whatever was kept by an older or newer version, cut short or edited by hand loads: a field that is missing or
makes no sense falls back to the value of a service never seen, and the others count.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Final, Literal, cast

from orchestrator.core.holding import LONGEST as LONGEST_HOLD
from orchestrator.core.model import ActionKind, Attempt, Held, Instant, Run, ServiceState, Status
from orchestrator.core.policy import ENGINE_PATIENCE

VERSION: Final = 1
"""Of the document. Fields are only ever added under the same number."""

LONGEST_GRACE: Final = 86_400.0
"""Seconds. No grace that was kept lasts longer, whatever the wall clock did in between."""

LONGEST_STOP: Final = 600.0
"""Seconds. No stop that was under way when we ended is waited for any longer, whatever the wall clock did."""

JITTER: Final = 1.1
"""The longest wait that a backoff of 1 can have become."""

_FARTHEST: Final = 1e12
"""Seconds from the epoch. A number beyond it is no time and no delay."""


def to_document(state: ServiceState, now: Instant) -> dict[str, object]:
    """The state as a JSON object, free of moments and of infinities."""
    return {
        "version": VERSION,
        "status": state.status.value,
        "reason": state.reason,
        "discovered": state.discovered,
        "disabled_by": state.disabled_by,
        "disabled_at": _wall_of(state.disabled_at, now),
        "stopped_by": state.stopped_by,
        "leaving": state.leaving,
        "wanted_by": state.wanted_by,
        "due_since": _wall_of(state.due_since, now),
        "hold": _hold_document(state.hold, now),
        "failure_count": state.failure_count,
        "strikes": state.strikes,
        "restart_count": state.restart_count,
        "last_restart_at": _finite(state.last_restart_at),
        "run": _run_document(state.run),
        "container_id": state.container_id,
        "engine_restarts": state.engine_restarts,
        "grace_ends": _wall_of(state.grace_ends, now),
        "healthy_since": _wall_of(state.healthy_since, now),
        "retry_at": _wall_of(state.retry_at, now),
        "last_backoff": _finite(state.last_backoff),
        "failed_probes": state.failed_probes,
        "counted": state.counted,
        "failed_at": _finite(state.failed_at),
        "attempt": _attempt_document(state.attempt, now),
        "completed": state.completed,
        "waiting": state.waiting,
        "wait_told": state.wait_told,
        "taken_over": state.taken_over,
        "owners": dict(state.owners),
        "severed": state.severed,
        "companions": {name: started_at for name, started_at in state.companions if isfinite(started_at)},
    }


def from_document(document: Mapping[str, object], now: Instant) -> ServiceState:
    """The state that was kept, as it counts at ``now``. Never raises.

    Nothing that lies behind is loaded as lying ahead, and no deadline is further away than the wait that set it
    allows: a wall clock that was stepped back in between delays no healing. No attempt is in flight any more:
    the hands that worked on it died with the process, and a look at the container says how far they came.
    """
    last_backoff = max(0.0, _number(document, "last_backoff") or 0.0)
    return ServiceState(
        status=_status(document),
        reason=_text(document, "reason") or "",
        discovered=_flag(document, "discovered"),
        disabled_by=_disabled_by(document),
        disabled_at=_moment(document, "disabled_at", now, at_most=0.0),
        stopped_by=_text(document, "stopped_by"),
        leaving=_leaving(document),
        wanted_by=_text(document, "wanted_by"),
        due_since=_moment(document, "due_since", now, at_most=0.0),
        hold=_hold(document, now),
        failure_count=_count(document, "failure_count"),
        strikes=_count(document, "strikes"),
        restart_count=_count(document, "restart_count"),
        last_restart_at=_number(document, "last_restart_at"),
        run=_run(document, "run"),
        container_id=_text(document, "container_id"),
        engine_restarts=_count(document, "engine_restarts"),
        grace_ends=_moment(document, "grace_ends", now, at_most=LONGEST_GRACE),
        healthy_since=_moment(document, "healthy_since", now, at_most=0.0),
        retry_at=_moment(document, "retry_at", now, at_most=max(last_backoff * JITTER, ENGINE_PATIENCE)),
        last_backoff=last_backoff,
        failed_probes=_count(document, "failed_probes"),
        counted=_flag(document, "counted"),
        failed_at=_number(document, "failed_at"),
        attempt=_attempt(document, now),
        completed=_flag(document, "completed"),
        waiting=_flag(document, "waiting"),
        wait_told=_flag(document, "wait_told"),
        taken_over=_flag(document, "taken_over"),
        owners=_owners(document),
        severed=_flag(document, "severed"),
        companions=_companions(document),
    )


# --- keeping -------------------------------------------------------------------------------------------------


def _finite(number: float | None) -> float | None:
    return number if number is not None and isfinite(number) else None


def _wall_of(moment: float | None, now: Instant) -> float | None:
    if moment is None or not isfinite(moment):
        return None
    return round(now.wall + (moment - now.moment), 3)


def _run_document(run: Run | None) -> dict[str, object] | None:
    """Unrounded: both fields together are the run's name."""
    if run is None or not isfinite(run.started_at):
        return None
    return {"container_id": run.container_id, "started_at": run.started_at}


def _hold_document(hold: Held | None, now: Instant) -> dict[str, object] | None:
    return None if hold is None else {"until": _wall_of(hold.until, now), "by": hold.by, "why": hold.why}


def _attempt_document(attempt: Attempt | None, now: Instant) -> dict[str, object] | None:
    if attempt is None:
        return None
    return {
        "action_id": attempt.action_id,
        "kind": attempt.kind.value,
        "manual": attempt.manual,
        "cause": attempt.cause,
        "run_before": _run_document(attempt.run_before),
        "in_flight": attempt.in_flight,
        "pauses": attempt.pauses,
        "patience_ends": _wall_of(attempt.patience_ends, now),
        "queued": attempt.queued,
        "lane_until": _wall_of(attempt.lane_until, now),
    }


# --- loading -------------------------------------------------------------------------------------------------


def _text(document: Mapping[str, object], key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) else None


def _flag(document: Mapping[str, object], key: str) -> bool:
    return document.get(key) is True


def _count(document: Mapping[str, object], key: str) -> int:
    value = document.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= _FARTHEST else 0


def _number(document: Mapping[str, object], key: str) -> float | None:
    value = document.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -_FARTHEST <= value <= _FARTHEST else None


def _moment(document: Mapping[str, object], key: str, now: Instant, *, at_most: float) -> float | None:
    wall = _number(document, key)
    return None if wall is None else now.moment + min(wall - now.wall, at_most)


def _nested(document: Mapping[str, object], key: str) -> Mapping[str, object] | None:
    value = document.get(key)
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def _status(document: Mapping[str, object]) -> Status:
    text = _text(document, "status")
    return next((status for status in Status if status.value == text), Status.NOT_FOUND)


def _disabled_by(document: Mapping[str, object]) -> Literal["human", "max_failures"] | None:
    """A service that was kept as disabled stays so, also when nobody can read any more by whom."""
    match document.get("disabled_by"):
        case "human":
            return "human"
        case "max_failures":
            return "max_failures"
    return "human" if _status(document) is Status.DISABLED else None


def _leaving(document: Mapping[str, object]) -> Literal["in_order", "forced"] | None:
    match document.get("leaving"):
        case "in_order":
            return "in_order"
        case "forced":
            return "forced"
    return None


def _run(document: Mapping[str, object], key: str) -> Run | None:
    kept = _nested(document, key)
    if kept is None:
        return None
    container_id, started_at = _text(kept, "container_id"), _number(kept, "started_at")
    return None if container_id is None or started_at is None else Run(container_id, started_at)


def _hold(document: Mapping[str, object], now: Instant) -> Held | None:
    """One whose end cannot be read has none left: a hold ends by itself."""
    kept = _nested(document, "hold") or {}
    until = _moment(kept, "until", now, at_most=LONGEST_HOLD)
    return None if until is None else Held(until, _text(kept, "by") or "somebody", _text(kept, "why") or "")


def _companions(document: Mapping[str, object]) -> tuple[tuple[str, float], ...]:
    kept = _nested(document, "companions") or {}
    starts = ((name, _number(kept, name)) for name in sorted(kept))
    return tuple((name, started_at) for name, started_at in starts if started_at is not None)


def _owners(document: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    kept = _nested(document, "owners") or {}
    return tuple((owner, name) for owner, name in kept.items() if isinstance(name, str))


def _attempt(document: Mapping[str, object], now: Instant) -> Attempt | None:
    """Without knowing what was attempted, nothing can be said of how it ended: then there was none."""
    kept = _nested(document, "attempt")
    if kept is None:
        return None
    action_id, word = _text(kept, "action_id"), _text(kept, "kind")
    kind = next((kind for kind in ActionKind if kind.value == word), None)
    if action_id is None or kind is None:
        return None
    return Attempt(
        action_id=action_id,
        kind=kind,
        manual=_flag(kept, "manual"),
        cause=_text(kept, "cause") or "",
        run_before=_run(kept, "run_before"),
        in_flight=False,
        pauses=_flag(kept, "pauses"),
        patience_ends=_moment(kept, "patience_ends", now, at_most=LONGEST_STOP),
        queued=_flag(kept, "queued"),
        lane_until=_moment(kept, "lane_until", now, at_most=LONGEST_GRACE),
    )
