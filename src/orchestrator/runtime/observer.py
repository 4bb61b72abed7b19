"""Who is told of what the brain does: the faces' live views, figures and statistics."""

from __future__ import annotations

from orchestrator.core.incidents import Incident
from orchestrator.core.messages import Action, Event, Failure, Outcome
from orchestrator.core.model import ProbeResult, ServiceSpec
from orchestrator.ports import EventRecord
from orchestrator.runtime.views import ServiceView


class Observer:
    """Told within the brain's turn, in the order in which things happen: plain functions that never wait.

    A subclass takes up what it cares about.
    """

    def told(self, record: EventRecord, event: Event, view: ServiceView) -> None:
        """An event was journalled; ``view`` is the service as it was then."""

    def changed(self, view: ServiceView) -> None:
        """What people see of the service changed, with or without an event; a new age or latency is no change."""

    def gone(self, name: str) -> None:
        """The service is not listed any more."""

    def probed(self, spec: ServiceSpec, result: ProbeResult) -> None:
        """A health question was answered, or could not be asked. Told at once, between turns."""

    def failed(self, spec: ServiceSpec, failure: Failure) -> None:
        """A failure of the service was counted; told before the events and actions that follow from it."""

    def ordered(self, action: Action, spec: ServiceSpec) -> None:
        """The hands were given an action."""

    def ended(self, service: str, outcome: Outcome) -> None:
        """The hands reported how an action ended."""

    def system_changed(self) -> None:
        """The engine was reached or lost."""

    def incident_changed(self, incident: Incident) -> None:
        """It was opened, told further, or closed; told at the end of the turn, after everything else."""
