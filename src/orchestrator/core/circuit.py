"""A service's recovery as a circuit breaker reads it: whether to send it work."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.core.model import ActionKind, ServiceState, Status


class Circuit(StrEnum):
    CLOSED = "closed"
    """It runs and is well."""
    HALF_OPEN = "half_open"
    """It is being tried: a start or restart is under way, or its first check is waited for."""
    OPEN = "open"
    """It is down, ill and in its backoff, disabled, or not there."""


def circuit_of(state: ServiceState) -> Circuit:
    if not state.enabled:
        return Circuit.OPEN
    attempt = state.attempt
    if attempt is not None:
        return Circuit.OPEN if attempt.kind is ActionKind.STOP else Circuit.HALF_OPEN
    match state.status:
        case Status.RUNNING:
            return Circuit.CLOSED
        case Status.STARTING:
            return Circuit.HALF_OPEN
        case _:
            return Circuit.OPEN
