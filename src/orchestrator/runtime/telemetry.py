"""What has been counted since the start: failures, actions, probes, engine calls, recoveries.

Plain numbers of one orchestrator, in memory, for ``/metrics``. Every label has a bounded set of values: causes are the
kinds of :class:`Failure`, never words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from orchestrator.core.messages import Action, Event, Failure, Outcome
from orchestrator.core.model import ActionKind, ProbeResult, ServiceSpec, Status
from orchestrator.ports import Clock, EventRecord
from orchestrator.runtime.histogram import Histogram
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.views import ServiceView

MANUAL: Final = "manual"
CAUSES: Final = (MANUAL, *(failure.value for failure in Failure))
"""Of a restart: somebody asked for it, or the failure that it is to heal."""

_PROBE_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CALL_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ACTION_BOUNDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
_RECOVERY_BOUNDS: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

Labels = TypeVar("Labels", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Load:
    """How much waits or is under way at this moment."""

    inbox: int
    probes_waiting: int
    probes_in_flight: int
    actions_in_flight: int
    actions_waiting: int
    """Services that would be acted on, were it their turn."""
    pending_writes: int
    dropped_events: int
    store_lag: float
    """Seconds since the oldest of what the store does not have yet was told; 0: it has everything."""
    decisions_recorded: int
    """Since the start; 0 where nothing records them."""
    decisions_lost: int
    """Those that could not be."""


class Telemetry(Observer):
    """Written by the brain and by :class:`MeasuredEngine`; read at every scrape."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.restarts: Counter[tuple[str, str]] = Counter()
        """Starts and restarts ordered, by service and cause."""
        self.failures: Counter[tuple[str, str]] = Counter()
        """By service and kind."""
        self.events: Counter[tuple[str]] = Counter()
        self.engine_events: Counter[tuple[str]] = Counter()
        self.stream_connected = False
        self.stream_heard_at: float | None = None
        """The moment of the newest word on the engine's event stream; ``None``: there was none yet."""
        self.probes: dict[tuple[str, str], Histogram] = {}
        """Durations by method and verdict, of the questions that were really asked."""
        self.unasked: Counter[tuple[str]] = Counter()
        """By method: nobody could be asked."""
        self.calls: dict[tuple[str, str], Histogram] = {}
        """Calls of the engine, by operation and result."""
        self.actions: dict[tuple[str, str], Histogram] = {}
        """By kind and result; waiting for a free slot included."""
        self.recoveries: dict[tuple[str], Histogram] = {}
        """From the first failure to the passing check, by category."""
        self._names: set[str] = set()
        self._ailing: dict[str, float] = {}
        """The moment of the first failure of those not recovered yet."""
        self._newest_failure: dict[str, Failure] = {}
        self._ordered: dict[str, tuple[ActionKind, float]] = {}

    # --- told by the brain -----------------------------------------------------------------------------------

    def told(self, record: EventRecord, event: Event, view: ServiceView) -> None:
        self.events[(event.message.name.lower(),)] += 1

    def changed(self, view: ServiceView) -> None:
        self._know(view.name)
        if view.status is Status.RUNNING:
            self._recovered(view)
        elif view.at_rest or view.status in (Status.NOT_FOUND, Status.DISABLED):
            self._forget_outage(view.name)
        elif view.status is Status.UNHEALTHY:  # also where nothing is counted, because it waits for another service
            self._ailing.setdefault(view.name, self._clock.now().moment)

    def gone(self, name: str) -> None:
        self._names.discard(name)
        self._forget_outage(name)
        for cause in CAUSES:
            del self.restarts[name, cause]
            del self.failures[name, cause]

    def failed(self, spec: ServiceSpec, failure: Failure) -> None:
        self._know(spec.name)
        self.failures[spec.name, failure.value] += 1
        self._newest_failure[spec.name] = failure
        self._ailing.setdefault(spec.name, self._clock.now().moment)

    def probed(self, spec: ServiceSpec, result: ProbeResult) -> None:
        if result.latency is None:
            self.unasked[(result.method,)] += 1
        else:
            _of(self.probes, (result.method, result.verdict.value), _PROBE_BOUNDS).observe(result.latency)

    def ordered(self, action: Action, spec: ServiceSpec) -> None:
        self._know(spec.name)
        self._ordered[action.action_id] = action.kind, self._clock.now().moment
        if action.kind not in (ActionKind.STOP, ActionKind.PLAYBOOK):
            self.restarts[spec.name, self._cause(action)] += 1

    def ended(self, service: str, outcome: Outcome) -> None:
        ordered = self._ordered.pop(outcome.action_id, None)
        if ordered is not None:
            kind, since = ordered
            taken = self._clock.now().moment - since
            _of(self.actions, (kind.value, outcome.result.value), _ACTION_BOUNDS).observe(taken)

    # --- told by the engine's wrapper ------------------------------------------------------------------------

    def heard(self, action: str) -> None:
        """An event, or that the stream is up."""
        self.stream_connected, self.stream_heard_at = True, self._clock.now().moment
        self.engine_events[(action,)] += 1

    def called(self, operation: str, result: str, duration: float) -> None:
        _of(self.calls, (operation, result), _CALL_BOUNDS).observe(duration)

    # --- how -------------------------------------------------------------------------------------------------

    def _cause(self, action: Action) -> str:
        """Without a counted failure (it waited for another service) the kind of the action tells."""
        if action.manual:
            return MANUAL
        plain = Failure.UNHEALTHY if action.kind is ActionKind.RESTART else Failure.EXITED
        return self._newest_failure.get(action.service, plain).value

    def _recovered(self, view: ServiceView) -> None:
        since = self._ailing.get(view.name)
        self._forget_outage(view.name)
        if since is not None:
            taken = self._clock.now().moment - since
            _of(self.recoveries, (view.category.value,), _RECOVERY_BOUNDS).observe(taken)

    def _forget_outage(self, name: str) -> None:
        self._ailing.pop(name, None)
        self._newest_failure.pop(name, None)

    def _know(self, name: str) -> None:
        """Begin its series at zero: what appears with its first count shows no increase."""
        if name in self._names:
            return
        self._names.add(name)
        _begin(self.restarts, ((name, cause) for cause in CAUSES))
        _begin(self.failures, ((name, failure.value) for failure in Failure))


def _begin(counted: Counter[Labels], series: Iterable[Labels]) -> None:
    counted.update(dict.fromkeys(series, 0))


def _of(histograms: dict[Labels, Histogram], labels: Labels, bounds: tuple[float, ...]) -> Histogram:
    found = histograms.get(labels)
    if found is None:
        found = histograms[labels] = Histogram(bounds)
    return found
