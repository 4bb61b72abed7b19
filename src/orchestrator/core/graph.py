"""Who needs whom: cycles with their path, phases, what a service waits for, what waits for a service.

A graph is a mapping from each service to the names it needs. Names that are no key of the mapping are allowed
everywhere and have no needs of their own: host resources, services seen later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final

from orchestrator.core.resources import is_resource

Needs = Mapping[str, Collection[str]]

RESOURCES: Final = frozenset({"gpu"})
"""Dependencies by a plain name that are met by the host, not by a container; the others have a colon in theirs."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One edge taken out of a graph because it closed a cycle."""

    dependent: str
    dependency: str
    cycle: tuple[str, ...]
    """From the dependent through its dependency back to it: ``("a", "b", "a")``."""

    @property
    def path(self) -> str:
        return " -> ".join(self.cycle)


def find_cycle(needs: Needs) -> tuple[str, ...] | None:
    """One cycle, each name followed by what it needs, the first name repeated at the end; ``None`` without any.

    It starts at its alphabetically smallest name, so that the same cycle always reads the same.
    """
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        nodes: list[str] = error.args[1]
        # graphlib lists each node before the one that needs it.
        nodes = nodes[:0:-1]
        start = nodes.index(min(nodes))
        return (*nodes[start:], *nodes[:start], nodes[start])
    return None


def cut_cycles(needs: Needs) -> tuple[dict[str, tuple[str, ...]], tuple[Cut, ...]]:
    """The graph with the closing edge of every cycle taken out, and what was taken.

    Deterministic: it is the edge back to the smallest name of the cycle.
    """
    remaining = {name: tuple(needed) for name, needed in needs.items()}
    cuts: list[Cut] = []
    while (cycle := find_cycle(remaining)) is not None:
        dependent, dependency = cycle[-2], cycle[-1]
        remaining[dependent] = tuple(name for name in remaining[dependent] if name != dependency)
        cuts.append(Cut(dependent, dependency, (dependent, *cycle[:-1])))
    return remaining, tuple(cuts)


def phases(requires: Needs, wants: Needs | None = None) -> tuple[tuple[str, ...], ...]:
    """The services in the order they can start: each phase needs only earlier ones; names sorted within.

    Soft dependencies order too, as far as they contradict neither the hard ones nor each other. Names that are
    no key of ``requires`` are left out. A cycle among the hard ones is a caller's mistake: cut it before.
    """
    sorter = TopologicalSorter(_ordered(requires, wants or {}))
    sorter.prepare()
    found: list[tuple[str, ...]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        sorter.done(*ready)
        found.append(tuple(sorted(ready)))
    return tuple(found)


def unmet(requires: Iterable[str], met: Collection[str], missing_resources: Collection[str] = ()) -> tuple[str, ...]:
    """The hard dependencies that are not met, in the order given.

    ``met`` are the services that run and pass, and the jobs that completed. A host resource that nobody watches
    counts as met, so only those known to be missing are named.
    """
    return tuple(name for name in requires if name in missing_resources or (name not in met and not of_host(name)))


def of_host(name: str) -> bool:
    """Whether it is a resource of the host, no service."""
    return name in RESOURCES or is_resource(name)


def roots(unmet: Iterable[str], unmet_of: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """What ``unmet`` is down for in the end: the first along each path that waits for nothing itself, sorted.

    ``unmet_of`` tells what one of them waits for; paths that meet are walked once.
    """
    found: set[str] = set()
    known: set[str] = set()
    frontier = list(unmet)
    while frontier:
        name = frontier.pop()
        if name in known:
            continue
        known.add(name)
        deeper = tuple(unmet_of(name))
        frontier.extend(deeper)
        if not deeper:
            found.add(name)
    return tuple(sorted(found))


def closure(names: Iterable[str], needs: Needs) -> frozenset[str]:
    """``names``, and all that they need, directly or through others, as far as it is a key of ``needs``."""
    found: set[str] = set()
    frontier = set(names)
    while frontier:
        name = frontier.pop()
        if name not in found:
            found.add(name)
            frontier.update(needed for needed in needs.get(name, ()) if needed in needs)
    return frozenset(found)


def dependents(name: str, needs: Needs) -> tuple[str, ...]:
    """Everything that needs ``name``, directly or through others; nearest first, sorted among equals."""
    found: dict[str, None] = {}
    frontier = {name}
    while frontier:
        nearest = sorted(
            other for other, needed in needs.items() if other not in found and not frontier.isdisjoint(needed)
        )
        nearest = [other for other in nearest if other != name]
        found.update(dict.fromkeys(nearest))
        frontier = set(nearest)
    return tuple(found)


def _ordered(requires: Needs, wants: Needs) -> dict[str, set[str]]:
    """Hard and soft edges between the services, without the soft ones that close a cycle."""
    edges = {name: {*needed, *wants.get(name, ())} & requires.keys() for name, needed in requires.items()}
    while (cycle := find_cycle(edges)) is not None:
        dependent, dependency = _softest(cycle, requires)
        edges[dependent].discard(dependency)
    return edges


def _softest(cycle: tuple[str, ...], requires: Needs) -> tuple[str, str]:
    soft = [step for step in pairwise(cycle) if step[1] not in requires.get(step[0], ())]
    if not soft:
        raise ValueError(f"hard dependencies form a cycle: {' -> '.join(cycle)}")
    return soft[-1]
