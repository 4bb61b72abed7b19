"""The facts about one service for its next decision: its own evidence, and what of others bears upon it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from orchestrator.core import graph, lanes, policy
from orchestrator.core.messages import Awaited, Companion, Facts, Severed
from orchestrator.core.model import ContainerSnapshot, ContainerState, RunningCheck, TieKind, Verdict
from orchestrator.core.rejoin import joined
from orchestrator.core.resources import is_resource
from orchestrator.runtime.registry import Record, ServiceRegistry

_DOWN: Final = (ContainerState.EXITED, ContainerState.RESTARTING, ContainerState.DEAD)


def facts_of(record: Record, registry: ServiceRegistry) -> Facts:
    """All levels; what is delivered once, and the jitter, is added by who decides."""
    unmet = unmet_of(record, registry)
    needing = tuple(_needing(record, registry)) if record.up else ()
    return Facts(
        container=record.evidence,
        probe=record.probe,
        unmet=unmet,
        stop_requested=record.stop_requested,
        roots=roots_of(unmet, registry),
        held="; ".join(record.holds.values()),
        dependencies_asked=min(_asked(record, registry), default=math.inf),
        companions=tuple(_companions(record, registry)),
        lane_taken_by=_lane_taken_by(record, registry),
        make_room=record.make_room,
        remark=record.remark,
        owners=tuple(_owners(record, registry)),
        severed=_severed(record, registry),
        leftover=record.leftover,
        unwatched=record.unwatched,
        dependencies_seen=_dependencies_seen(record, registry),
        awaited=tuple(
            Awaited(each.spec.name, each.spec.grace, each.state.grace_ends if each.up else None)
            for each in _known(record.spec.wants, registry)
            if each.coming
        ),
        needed_by=tuple(each.spec.name for each in needing if each.state.stopped_by is None),
        leaving=tuple(each.spec.name for each in needing if each.state.stopped_by is not None),
        in_window="maintenance" in record.holds,
        unmet_ended=min(_ends(unmet, registry), default=math.inf),
    )


def unmet_of(record: Record, registry: ServiceRegistry) -> tuple[str, ...]:
    """The hard dependencies that are not running; one that is not known here blocks nobody."""
    return graph.unmet(record.spec.requires, _met(record.spec.requires, registry), registry.host.missing)


def roots_of(unmet: tuple[str, ...], registry: ServiceRegistry) -> tuple[str, ...]:
    """What those are down for in the end."""
    return graph.roots(unmet, lambda name: _unmet_of_name(name, registry))


def missing_of(record: Record, registry: ServiceRegistry) -> tuple[str, ...]:
    """The soft dependencies that are not running: it goes on without them, degraded."""
    return graph.unmet(record.spec.wants, _met(record.spec.wants, registry), registry.host.missing)


def _dependencies_seen(record: Record, registry: ServiceRegistry) -> bool:
    names = (*record.spec.requires, *record.spec.wants)
    asked = all(name in registry.host.resources for name in filter(is_resource, names))
    return asked and all(each.watched for each in _known(names, registry))


def leaving_before(record: Record, registry: ServiceRegistry) -> Iterator[str]:
    """What it requires and what is to be stopped, for which it may be the last one to wait for."""
    return (each.spec.name for each in _known(record.spec.requires, registry) if each.state.leaving is not None)


def _ends(names: Iterable[str], registry: ServiceRegistry) -> Iterator[float]:
    """When those that are down went down."""
    for each in _known(names, registry):
        container = each.container
        if each.seen and container is not None and container.state in _DOWN and container.finished_at is not None:
            yield container.finished_at


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


def _lane_taken_by(record: Record, registry: ServiceRegistry) -> str:
    lane = registry.lane(record.spec.lane)
    return lanes.taken_by(record.spec.name, {name: other.state for name, other in lane.items()})


def _asked(record: Record, registry: ServiceRegistry) -> Iterator[float]:
    """When those among the hard dependencies that can be asked for their health answered last; one that answered that
    it is ill, and is judged only later in this turn or by more answers, has acquitted nobody."""
    for name in record.spec.requires:
        if is_resource(name):
            yield registry.host.asked_at.get(name, -math.inf)
            continue
        dependency = registry.get(name)
        if dependency is None or dependency.container is None or not dependency.seen:
            continue
        runs = dependency.container.state is ContainerState.RUNNING
        if runs and not isinstance(policy.effective_check(dependency.spec, dependency.container), RunningCheck):
            probe = dependency.probe
            yield -math.inf if probe is None or probe.verdict is Verdict.FAIL else probe.checked.moment


def _companions(record: Record, registry: ServiceRegistry) -> Iterator[Companion]:
    for name in record.spec.restart_with:
        other = registry.get(name)
        if other is None or not other.met or not other.seen or other.container is None:
            continue
        run = other.container.run
        if other.container.state is ContainerState.RUNNING and run is not None:
            yield Companion(name, run, shared=_shared(record.container, run.container_id))


def _shared(guest: ContainerSnapshot | None, owner: str) -> TieKind | None:
    ties = () if guest is None else guest.ties
    return next((tie.kind for tie in ties if tie.kind in ("network", "ipc") and tie.container == owner), None)


def _owners(record: Record, registry: ServiceRegistry) -> Iterator[tuple[str, str]]:
    for owner in () if record.container is None else joined(record.container):
        name = registry.service_of(owner)
        if name is not None:
            yield owner, name


def _severed(record: Record, registry: ServiceRegistry) -> Severed | None:
    """One that is down and no service is lost only where another container took its place: else it may come back."""
    if record.container is None or not record.lost:
        return None
    known = dict(record.state.owners)
    parent = record.parent or _only(known.values())
    # what was lost is known of the container of the last survey; this one may be in its place already
    parents = {owner: known.get(owner, parent) for owner in joined(record.container) if owner in record.lost}
    places = {owner: _place(parent, owner, registry) for owner, parent in parents.items()}
    gone = tuple(owner for owner in parents if record.lost[owner] == "gone" or places[owner])
    if not gone:
        return None
    successors = tuple((owner, places[owner]) for owner in gone)
    services = tuple(dict.fromkeys(parents[owner] for owner in gone if parents[owner]))
    return Severed(
        gone=gone,
        parents=services,
        places=tuple(_container_name(name, registry) for name in services),
        successors=successors if all(place for _, place in successors) else (),
    )


def _only(services: Collection[str]) -> str:
    """Where what the container before it used was all of one service, that is it for this one too; else empty."""
    return next(iter(services)) if len(set(services)) == 1 else ""


def _container_name(service: str, registry: ServiceRegistry) -> str:
    record = registry.get(service)
    return service if record is None or record.container is None else record.container.name


def _place(parent: str, owner: str, registry: ServiceRegistry) -> str:
    """The other container that runs as this service now and is well; empty: none does, as far as is known."""
    record = registry.get(parent)
    if record is None or not record.met or not record.seen or record.container is None:
        return ""
    verified = record.container.run == record.state.run  # else it is well as another container was
    runs = record.container.state is ContainerState.RUNNING
    other = record.container.container_id != owner
    return record.container.container_id if verified and runs and other else ""
