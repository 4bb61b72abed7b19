"""Compose projects that somebody is updating: their services are left alone until it is over, others are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.core.model import ContainerState, Instant
from orchestrator.core.updating import LONGEST, Update, changed, waited_for
from orchestrator.runtime.registry import Record, ServiceRegistry

OVERDUE: Final = "Update not waited for any longer"
_UP: Final = (ContainerState.RUNNING, ContainerState.STOPPING)


class ProjectUpdates:
    """Part of the brain: keeps ``Record.holds["update"]``. ``tell`` takes subject, message and cause of what is worth
    an event that is no single service's."""

    def __init__(self, registry: ServiceRegistry, tell: Callable[[str, str, str, Instant], None]) -> None:
        self._registry = registry
        self._tell = tell
        self._updates: dict[str, Update] = {}
        self._given_up: set[str] = set()
        """Those that are waited for no longer, although they go on."""

    def changed(self, project: str, now: Instant) -> None:
        """A container of it was made, removed or renamed."""
        self._updates[project] = changed(self._updates.get(project), now.moment)

    def stopped(self, record: Record, now: Instant) -> None:
        """Somebody else asks the engine to end this container's run, or it has ended for that."""
        if record.project is not None and record.container is not None:
            container_id = record.container.container_id
            self._updates[record.project] = changed(self._updates.get(record.project), now.moment, container_id)

    @property
    def next_edge(self) -> float | None:
        """The moment at which the next one is over, or waited for too long."""
        edges = (
            update.quiet_at if project in self._given_up else min(update.quiet_at, update.overdue_at)
            for project, update in self._updates.items()
        )
        return min(edges, default=None)

    def turn(self, now: Instant) -> Sequence[str]:
        """Put every hold in its place; the services for which that changes something."""
        if not self._updates:
            return ()
        self._wait_for_stops(now)
        self._give_up(now)
        concerned = [name for name, record in self._registry.items() if self._place(record, now)]
        over = [project for project, update in self._updates.items() if now.moment >= update.quiet_at]
        for project in over:
            del self._updates[project]
        self._given_up.difference_update(over)
        return concerned

    def _wait_for_stops(self, now: Instant) -> None:
        """What is asked to stop may take longer than silence lasts."""
        for record in self._registry.records():
            update = self._updates.get(record.project or "")
            if update is None or not update.quiet_at <= now.moment < update.overdue_at or record.container is None:
                continue
            if record.being_ended and record.container.state in _UP:
                self._updates[record.project or ""] = replace(update, changed=now.moment)

    def _give_up(self, now: Instant) -> None:
        for project, update in self._updates.items():
            goes_on = update.overdue_at <= now.moment < update.quiet_at
            if not goes_on or project in self._given_up:
                continue
            self._given_up.add(project)
            if update.certain:
                cause = f"it has been changed for {LONGEST:g} s and more: its services are healed as ever from now on"
                self._tell(f"project:{project}", OVERDUE, cause, now)

    def _place(self, record: Record, now: Instant) -> bool:
        update = None if record.project is None else self._updates.get(record.project)
        words = ""
        if update is not None and waited_for(update, now.moment):
            words = f"its project {record.project} is being updated"
            if not update.certain:
                words = f"somebody stopped a container of its project {record.project}, and may go on"
        before = record.holds.pop("update", "")
        if words:
            record.holds["update"] = words
        return words != before
