"""What is to be seen of a world: of its services, of what was told, and of what happened to the containers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence

from orchestrator.core.incidents import Incident
from orchestrator.core.messages import Command
from orchestrator.runtime.incident_document import incident_of
from orchestrator.runtime.orchestrator import ContainerOrchestrator
from orchestrator.runtime.views import ServiceView
from orchestrator.testing.clock import VirtualClock
from orchestrator.testing.daemon import FakeDaemon
from orchestrator.testing.ledger import Ledger
from orchestrator.testing.promises import broken_promises
from orchestrator.testing.store import MemoryStore
from orchestrator.testing.told import Told, read_told


class Witness(ABC):
    """The looking half of a :class:`orchestrator.testing.scenario.Scenario`; nothing here changes anything."""

    def __init__(self, clock: VirtualClock, daemon: FakeDaemon) -> None:
        self.clock = clock
        self.daemon = daemon
        self.store = MemoryStore()
        self.commands: list[tuple[float, str, Command]] = []
        """What people asked the orchestrator for, with the moment and the service."""

    @property
    @abstractmethod
    def orchestrator(self) -> ContainerOrchestrator:
        """Of the life that is, or was the last one."""

    @property
    def ledger(self) -> Ledger:
        return self.daemon.ledger

    @property
    def moment(self) -> float:
        """Virtual seconds since the story began."""
        return self.clock.now().moment

    def view(self, service: str) -> ServiceView:
        view = self.orchestrator.service(service)
        if view is None:
            known = [each.name for each in self.orchestrator.services()]
            raise AssertionError(f"{service} is not listed; these are: {known}")
        return view

    def status(self, service: str) -> str:
        return self.view(service).status.value

    def must_be(self, service: str, status: str) -> None:
        seen = self.view(service)
        if seen.status.value != status:
            raise AssertionError(
                f"{service} is {seen.status.value} ({seen.reason}), not {status}:\n{self.report(service)}"
            )

    def restarts_of(self, service: str) -> int:
        """Runs that the orchestrator began, by start or restart."""
        return len(self.ledger.starts(service, "orchestrator"))

    def told(self, service: str | None = None) -> Sequence[Told]:
        """What was told of services, in the store, oldest first; not who asked for it."""
        return [event for event in read_told(self.store.medium) if event.status and service in (None, event.service)]

    def told_of_host(self) -> Sequence[Told]:
        """What was told that is no service's, oldest first."""
        return [event for event in read_told(self.store.medium) if not event.service]

    def incidents(self) -> list[Incident]:
        """As the store has them, oldest first."""
        kept = [self.store.medium.incidents[number] for number in sorted(self.store.medium.incidents)]
        read = (incident_of({**json.loads(summary), **json.loads(details)}) for summary, details in kept)
        return [incident for incident in read if incident is not None]

    def messages(self, service: str) -> list[str]:
        return [event.message for event in self.told(service)]

    def must_keep_its_promises(self) -> None:
        broken = broken_promises(self.ledger, read_told(self.store.medium), self.commands)
        if broken:
            raise AssertionError("\n".join(broken) + "\n" + self.report())

    def report(self, service: str | None = None) -> str:
        """What happened and what was told, in order of time: the last things last."""
        happened = [(each.at.moment, str(each)) for each in self.ledger if service in (None, each.container)]
        told = [(event.wall - self.clock.now().wall + self.moment, str(event)) for event in self.told(service)]
        return "\n".join(line for _, line in sorted(happened + told, key=lambda pair: pair[0])[-60:])
