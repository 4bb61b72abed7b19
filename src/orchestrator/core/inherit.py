"""What a service keeps of a history that is found only after it was already judged without it."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.model import ServiceState, Status


def inherit(state: ServiceState, earlier: ServiceState) -> ServiceState:
    """``state`` with what ``earlier`` knows better: the counters that outlive us, and above all a person's wishes.

    What was seen since is newer and stays. A wish to keep a service stopped holds only while it still is: what was
    started meanwhile runs, and stopping it now would be one surprise more.
    """
    merged = replace(
        state,
        discovered=state.discovered or earlier.discovered,
        strikes=max(state.strikes, earlier.strikes),
        restart_count=state.restart_count + earlier.restart_count,
        last_restart_at=state.last_restart_at if state.last_restart_at is not None else earlier.last_restart_at,
        hold=state.hold or earlier.hold,
    )
    if earlier.stopped_by is not None and state.status is Status.STOPPED:
        merged = replace(merged, stopped_by=earlier.stopped_by, retry_at=None)
    if earlier.disabled_by is None or state.disabled_by is not None:
        return merged
    return replace(
        merged,
        status=Status.DISABLED,
        disabled_by=earlier.disabled_by,
        disabled_at=earlier.disabled_at,
        reason=earlier.reason,
        retry_at=None,
    )
