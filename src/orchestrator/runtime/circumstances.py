"""The facts about one service for its next decision: its own evidence, and what of others bears upon it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from orchestrator.core import graph, policy
from orchestrator.core.messages import Awaited, Companion, Facts
from orchestrator.core.model import ContainerState, RunningCheck
from orchestrator.runtime.registry import Record, ServiceRegistry


def facts_of(record: Record, registry: ServiceRegistry) -> Facts:
    """All levels; what is delivered once, and the jitter, is added by who decides."""
    unmet = unmet_of(record, registry)
    needing = tuple(_needing(record, registry)) if record.up else ()
    return Facts(
        container=record.evidence,
        probe=record.probe,
        unmet=unmet,
        stop_requested=record.stop_requested,
        roots=graph.roots(unmet, lambda name: _unmet_of_name(name, registry)),
        held="; ".join(record.holds.values()),
        dependencies_asked=min(_asked(record, registry), default=math.inf),
        companions=tuple(_companions(record, registry)),
        unwatched=record.unwatched,
        dependencies_seen=all(each.watched for each in _known((*record.spec.requires, *record.spec.wants), registry)),
        awaited=tuple(
            Awaited(each.spec.name, each.spec.grace, each.state.grace_ends if each.up else None)
            for each in _known(record.spec.wants, registry)
            if each.coming
        ),
        needed_by=tuple(each.spec.name for each in needing if each.state.stopped_by is None),
        leaving=tuple(each.spec.name for each in needing if each.state.stopped_by is not None),
    )


def unmet_of(record: Record, registry: ServiceRegistry) -> tuple[str, ...]:
    """The hard dependencies that are not running; one that is not known here blocks nobody."""
    return graph.unmet(record.spec.requires, _met(record.spec.requires, registry))


def missing_of(record: Record, registry: ServiceRegistry) -> tuple[str, ...]:
    """The soft dependencies that are not running: it goes on without them, degraded."""
    return graph.unmet(record.spec.wants, _met(record.spec.wants, registry))


def leaving_before(record: Record, registry: ServiceRegistry) -> Iterator[str]:
    """What it requires and what is to be stopped, for which it may be the last one to wait for."""
    return (each.spec.name for each in _known(record.spec.requires, registry) if each.state.leaving is not None)


def _known(names: Iterable[str], registry: ServiceRegistry) -> Iterator[Record]:
    return (record for name in names if (record := registry.get(name)) is not None)


def _needing(record: Record, registry: ServiceRegistry) -> Iterator[Record]:
    """Those that require it and are up."""
    name = record.spec.name
    others = _known(registry.dependents_of(name), registry)
    return (other for other in others if other.up and name in other.spec.requires)


def _met(names: tuple[str, ...], registry: ServiceRegistry) -> set[str]:
    known = {name: registry.get(name) for name in names}
    return {name for name, dependency in known.items() if dependency is None or dependency.met}


def _unmet_of_name(name: str, registry: ServiceRegistry) -> tuple[str, ...]:
    record = registry.get(name)
    return () if record is None else unmet_of(record, registry)


def _asked(record: Record, registry: ServiceRegistry) -> Iterator[float]:
    """When those among the hard dependencies that can be asked for their health answered last."""
    for name in record.spec.requires:
        dependency = registry.get(name)
        if dependency is None or dependency.container is None or not dependency.seen:
            continue
        runs = dependency.container.state is ContainerState.RUNNING
        if runs and not isinstance(policy.effective_check(dependency.spec, dependency.container), RunningCheck):
            yield -math.inf if dependency.probe is None else dependency.probe.checked.moment


def _companions(record: Record, registry: ServiceRegistry) -> Iterator[Companion]:
    for name in record.spec.restart_with:
        other = registry.get(name)
        if other is None or not other.met or not other.seen or other.container is None:
            continue
        run = other.container.run
        if other.container.state is ContainerState.RUNNING and run is not None:
            yield Companion(name, run, shares_network=record.origins.get(name) == "network")
