"""From the figures of one orchestrator to Prometheus' metric families: names, units and help texts."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isinf
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from orchestrator.api.schemas import condition
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.gpus import Driver
from orchestrator.core.incidents import Incident
from orchestrator.core.model import Category, Status
from orchestrator.core.resources import Presence
from orchestrator.runtime.histogram import Histogram
from orchestrator.runtime.telemetry import Load, Telemetry
from orchestrator.runtime.views import GpusView, ResourceView, ServiceView, SystemView

_PREFIX: Final = "orchestrator_"
Labels = tuple[str, ...]
Series = TypeVar("Series", bound=Labels)


class Exposition:
    """Everything ``/metrics`` tells, gathered anew at every scrape: what is gone has no series any more."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Figures(supervisor))
        ProcessCollector(registry=self._registry)

    def text(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type: OpenMetrics where ``accept`` asks for it, else Prometheus' text format."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


class _Figures(Collector):
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the registry need not gather everything only to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        system, telemetry, load = self._supervisor.system(), self._supervisor.telemetry, self._supervisor.load()
        yield from _of_ourselves(system)
        yield from _of_services(system.services)
        yield from _of_incidents(self._supervisor.open_incidents())
        yield from _of_healing(telemetry)
        yield from _of_probes(telemetry)
        yield from _of_engine(system, telemetry)
        yield from _of_gpus(system.gpus)
        yield from _of_preconditions(system.preconditions)
        yield from _of_load(system, load)


def _of_ourselves(system: SystemView) -> Iterator[Metric]:
    labels = (system.version, platform.python_version())
    yield _gauge("build_info", "The version that runs.", ("version", "python"), {labels: 1})
    yield _counter("turns", "Turns of the brain: it decides in each.", (), {(): system.turns})
    yield _gauge("last_turn_timestamp_seconds", "When the brain turned last.", (), {(): system.last_turn_at})
    up = {(worker.name,): float(worker.state == "running") for worker in system.workers}
    yield _gauge("worker_up", "Whether the internal worker runs.", ("worker",), up)
    restarts = {(worker.name,): worker.restarts for worker in system.workers}
    yield _counter("worker_restarts", "Times the internal worker failed and was started again.", ("worker",), restarts)


def _of_services(services: Sequence[ServiceView]) -> Iterator[Metric]:
    counted = Counter({(status.value, category.value): 0 for status in Status for category in Category})
    counted.update((one.status.value, one.category.value) for one in services)
    yield _gauge("services", "Managed services.", ("status", "category"), counted)
    statuses = {(one.name, one.category.value, one.status.value): 1 for one in services}
    yield _gauge(
        "service_status", "1 for the status that the service has.", ("service", "category", "status"), statuses
    )
    judged = {(one.name, one.category.value): condition(one) for one in services}
    healthy = {labels: float(how == "healthy") for labels, how in judged.items() if how in ("healthy", "unhealthy")}
    words = "1: it does well, 0: it does not. No series while it starts, or is down on purpose."
    yield _gauge("service_healthy", words, ("service", "category"), healthy)
    strikes = {(one.name,): one.strikes for one in services}
    yield _gauge(
        "service_strikes", "Failures without a stable run in between; the limit disables.", ("service",), strikes
    )


def _of_incidents(incidents: Sequence[Incident]) -> Iterator[Metric]:
    by_severity = Counter({("warning",): 0, ("critical",): 0})
    by_severity.update((one.severity,) for one in incidents)
    yield _gauge("incidents_open", "Causes of failures that are not over.", ("severity",), by_severity)
    members = sum(each.left_at is None for one in incidents for each in one.members)
    words = "Services that they have taken down, and that are not stable yet."
    yield _gauge("incident_members", words, (), {(): members})


def _of_healing(telemetry: Telemetry) -> Iterator[Metric]:
    by_cause = ("service", "cause")
    yield _counter("restarts", "Starts and restarts ordered, by what they were for.", by_cause, telemetry.restarts)
    yield _counter("failures", "Failures counted, by kind.", by_cause, telemetry.failures)
    yield _histogram(
        "recovery_duration_seconds", "From the first failure to the passing check.", ("category",), telemetry.recoveries
    )
    yield _histogram(
        "action_duration_seconds",
        "Actions ended, from the order to the outcome, waiting for their turn included.",
        ("kind", "result"),
        telemetry.actions,
    )
    yield _counter("events", "Events journalled.", ("message",), telemetry.events)


def _of_probes(telemetry: Telemetry) -> Iterator[Metric]:
    results = Counter({("pass",): 0, ("fail",): 0, ("unknown",): sum(telemetry.unasked.values())})
    for (_, verdict), histogram in telemetry.probes.items():
        results[verdict,] += histogram.count
    yield _counter("probes", "Health questions, also those that could not be asked (unknown).", ("result",), results)
    yield _histogram(
        "probe_duration_seconds", "Health questions that were asked.", ("method", "result"), telemetry.probes
    )


def _of_engine(system: SystemView, telemetry: Telemetry) -> Iterator[Metric]:
    engine = system.engine
    yield _gauge("engine_up", "Whether the container engine is reached.", (), {(): float(engine.reachable)})
    if engine.kind is not None:
        labels = (engine.kind, engine.version or "", engine.api_version or "")
        yield _gauge("engine_info", "The engine reached last.", ("kind", "version", "api_version"), {labels: 1})
    connected = {(): float(telemetry.stream_connected)}
    yield _gauge("engine_event_stream_connected", "Whether the engine's events are followed.", (), connected)
    yield _counter(
        "engine_events", "Events heard; connected: the stream was opened.", ("action",), telemetry.engine_events
    )
    calls = {labels: histogram.count for labels, histogram in telemetry.calls.items()}
    yield _counter("engine_calls", "Calls of the engine.", ("operation", "result"), calls)
    yield _histogram("engine_call_duration_seconds", "How long they took.", ("operation", "result"), telemetry.calls)


def _of_gpus(gpus: GpusView) -> Iterator[Metric]:
    """Nothing where none was ever seen."""
    if gpus.driver is Driver.UNKNOWN:
        return
    up = {(): float(gpus.driver is Driver.ANSWERS)}
    yield _gauge("gpu_driver_up", "Whether the driver of the host's GPUs answers.", (), up)
    labels = ("gpu", "name")
    total = {(str(gpu.index), gpu.name): gpu.memory_total for gpu in gpus.gpus}
    yield _gauge("gpu_memory_total_bytes", "Memory of the card.", labels, total)
    used = {(str(gpu.index), gpu.name): gpu.memory_used for gpu in gpus.gpus}
    yield _gauge("gpu_memory_used_bytes", "What of it is used, by anybody.", labels, used)
    by_service: Counter[Labels] = Counter()
    for gpu in gpus.gpus:
        for process in gpu.processes:
            if process.service is not None and process.memory is not None:
                by_service[process.service, str(gpu.index)] += process.memory
    words = "What the service's processes use, where the driver tells."
    yield _gauge("service_gpu_memory_used_bytes", words, ("service", "gpu"), by_service)


def _of_preconditions(resources: Sequence[ResourceView]) -> Iterator[Metric]:
    """Nothing where nobody requires anything of the host."""
    met = {(one.name,): float(one.state is Presence.THERE) for one in resources if one.state is not Presence.UNKNOWN}
    words = "1: what services require of the host is there, 0: it is not. No series while it cannot be asked."
    if resources:
        yield _gauge("precondition_met", words, ("resource",), met)


def _of_load(system: SystemView, load: Load) -> Iterator[Metric]:
    for name, words, value in (
        ("inbox_posts", "Facts and commands that wait for the brain.", load.inbox),
        ("probes_waiting", "Probes that are due and wait for their turn.", load.probes_waiting),
        ("probes_in_flight", "Probes under way.", load.probes_in_flight),
        ("actions_in_flight", "Actions under way, or waiting for their lane.", load.actions_in_flight),
        ("actions_waiting", "Services that are acted on when their turn comes.", load.actions_waiting),
        ("restarts_paused", "Whether restarts are paused, because of a storm.", float(bool(system.restarts_paused))),
        ("store_up", "Whether the state store works.", float(system.store.healthy)),
        ("store_pending_writes", "Documents and events that are only in memory.", load.pending_writes),
        ("store_lag_seconds", "Age of the oldest of them.", load.store_lag),
    ):
        yield _gauge(name, words, (), {(): value})
    dropped = {(): load.dropped_events}
    yield _counter("store_dropped_events", "Events that the store never got: it was away for too many.", (), dropped)


def _gauge(name: str, words: str, labels: Labels, values: Mapping[Series, float]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, words, labels=labels)
    for series, value in values.items():
        family.add_metric(series, value)
    return family


def _counter(name: str, words: str, labels: Labels, values: Mapping[Series, float]) -> Metric:
    """``name`` without the ``_total`` that is appended."""
    family = CounterMetricFamily(_PREFIX + name, words, labels=labels)
    for series, value in values.items():
        family.add_metric(series, value)
    return family


def _histogram(name: str, words: str, labels: Labels, values: Mapping[Series, Histogram]) -> Metric:
    family = HistogramMetricFamily(_PREFIX + name, words, labels=labels)
    for series, histogram in values.items():
        buckets = [("+Inf" if isinf(bound) else str(bound), count) for bound, count in histogram.buckets()]
        family.add_metric(series, buckets, histogram.total)
    return family
