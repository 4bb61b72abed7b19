"""Whether a row of the engine's list still agrees with the last look: what agrees is not looked at again."""

from __future__ import annotations

from typing import Final

from orchestrator.core.model import ContainerSnapshot, ContainerState, ContainerSummary

_SLACK: Final = 5.0
"""Seconds by which an age may contradict the list's words: clocks differ, and the list is older than the comparison."""


def agrees(summary: ContainerSummary, snapshot: ContainerSnapshot | None, wall: float) -> bool:
    """Whether ``snapshot`` may still be true of what the list shows now.

    A restart that no event told of shows as an age that the list's words rule out. What is down is never trusted:
    a start and a death between two lists leave no trace in the words.
    """
    if snapshot is None or snapshot.container_id != summary.container_id:
        return False
    if summary.state is not ContainerState.RUNNING or snapshot.state is not ContainerState.RUNNING:
        return summary.state is snapshot.state is ContainerState.PAUSED
    if snapshot.name != summary.name:
        return False
    if summary.health and snapshot.health is not None and summary.health != snapshot.health.status:
        return False
    if summary.uptime_at_most is None or snapshot.started_at is None:
        return False
    return wall - snapshot.started_at <= summary.uptime_at_most + _SLACK


def summary_of(snapshot: ContainerSnapshot) -> ContainerSummary:
    """The row that the list would show of a container just inspected."""
    return ContainerSummary(
        container_id=snapshot.container_id,
        name=snapshot.name,
        image=snapshot.image,
        state=snapshot.state,
        created_at=snapshot.created_at,
        labels=snapshot.labels,
        network_mode=snapshot.network_mode,
        ties=snapshot.ties,
        ports=snapshot.ports,
        health="" if snapshot.health is None else snapshot.health.status,
    )
