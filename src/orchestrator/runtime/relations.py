"""Who needs whom, drawn from what is registered."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.gpus import RESOURCE, Driver, in_words
from orchestrator.core.graph import phases
from orchestrator.core.model import Instant
from orchestrator.core.resources import ResourceReading
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.views import EdgeView, GraphView, ResourceView


def draw(registry: ServiceRegistry, cycles: tuple[str, ...], now: Instant) -> GraphView:
    records = dict(sorted(registry.items()))
    return GraphView(
        nodes=registry.views(now),
        edges=tuple(edge for name, record in records.items() for edge in _edges(name, record)),
        phases=phases(
            {name: record.spec.requires for name, record in records.items()},
            {name: record.spec.wants for name, record in records.items()},
        ),
        cycles=cycles,
        resources=tuple(_resources(registry)),
    )


def preconditions(registry: ServiceRegistry) -> Iterator[ResourceView]:
    """What services require or want of the host, by name; but for the GPUs."""
    for name in registry.resources:
        reading = registry.host.resources.get(name, ResourceReading(detail="not asked yet"))
        yield ResourceView(name, reading.presence, reading.detail)


def _resources(registry: ServiceRegistry) -> Iterator[ResourceView]:
    """Those that somebody needs, and those that there are."""
    needed = any(RESOURCE in (*record.spec.requires, *record.spec.wants) for record in registry.records())
    gpus = registry.host.gpus
    if needed or gpus.driver is not Driver.UNKNOWN:
        yield ResourceView(RESOURCE, gpus.driver, in_words(gpus))
    yield from preconditions(registry)


def _edges(name: str, record: Record) -> Iterator[EdgeView]:
    for hard, needed in ((True, record.spec.requires), (False, record.spec.wants)):
        for dependency in needed:
            yield EdgeView(name, dependency, hard, record.origins.get(dependency, "catalog"))
