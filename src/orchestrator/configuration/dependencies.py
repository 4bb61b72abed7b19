"""Whom a service needs, from every source, by the names of services that exist. Pure.

What configuration and labels say decides between hard and soft; compose's ``depends_on`` and what a container uses of
another one add what they do not mention. Compose names its own services, people also use container names: all lead to
the service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.configuration.containers import Marks, Unmanaged
from orchestrator.configuration.keys import Setting
from orchestrator.configuration.resolve import Resolved
from orchestrator.configuration.values import did_you_mean
from orchestrator.core.graph import Cut, cut_cycles, of_host
from orchestrator.core.model import ContainerSummary, Kind, ServiceSpec
from orchestrator.core.sighting import Origin
from orchestrator.errors import Problem

_NO_SETTING: Final = Setting(None, "", "")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One service on its way to its specification."""

    resolved: Resolved
    container: ContainerSummary | None = None
    marks: Marks | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """Every service with its dependencies, by name."""

    specs: dict[str, ServiceSpec]
    problems: dict[str, list[Problem]]
    origins: dict[str, dict[str, Origin]]
    cuts: tuple[Cut, ...]
    """The edges that closed cycles, taken out."""


class Directory:
    """From any name that people and compose use to the service that is meant."""

    def __init__(self, candidates: Mapping[str, Candidate], unmanaged: Iterable[Unmanaged]) -> None:
        self.services: Collection[str] = candidates.keys()
        self._by_compose: dict[tuple[str | None, str], str] = {}
        self._by_container: dict[str, str] = {}
        for name, candidate in candidates.items():
            if candidate.container is None or candidate.marks is None:
                continue
            self._by_container[candidate.container.name] = name
            self._by_container[candidate.container.container_id] = name
            if candidate.marks.compose_service:
                self._by_compose[candidate.marks.project, candidate.marks.compose_service] = name
        self._unmanaged = {
            word: each.container.name
            for each in unmanaged
            for word in (each.container.name, each.marks.compose_service)
            if word
        }

    def find(self, written: str, project: str | None) -> str | None:
        """By the service's own name, then compose's within the same project, then the container's."""
        if written in self.services:
            return written
        return self._by_compose.get((project, written)) or self._by_container.get(written)

    def compose(self, service: str, project: str | None) -> str | None:
        return self._by_compose.get((project, service))

    def container(self, reference: str) -> str | None:
        """By name or by id, whole or abbreviated."""
        exact = self._by_container.get(reference)
        if exact is not None or len(reference) < 12:
            return exact
        return next((name for word, name in self._by_container.items() if word.startswith(reference)), None)

    def unmanaged(self, written: str) -> str | None:
        return self._unmanaged.get(written)


def contradictions(candidates: Mapping[str, Candidate]) -> tuple[Problem, ...]:
    """The cycles among services whose containers nobody has looked at."""
    requires = {name: candidate.resolved.spec.requires for name, candidate in candidates.items()}
    _, cuts = cut_cycles(requires)
    return tuple(_cycle_problem(cut, candidates[cut.dependent]) for cut in cuts)


def connect(candidates: Mapping[str, Candidate], directory: Directory) -> Connected:
    problems: dict[str, list[Problem]] = {}
    origins: dict[str, dict[str, Origin]] = {}
    specs: dict[str, ServiceSpec] = {}
    jobs: set[str] = set()
    for name, candidate in candidates.items():
        links = _Links(name, candidate, directory)
        links.add_written()
        links.add_compose()
        links.add_ties()
        jobs |= links.jobs
        problems[name] = links.problems
        origins[name] = links.origins
        specs[name] = links.applied()
    remaining, cuts = cut_cycles({name: spec.requires for name, spec in specs.items()})
    for cut in cuts:
        specs[cut.dependent] = replace(specs[cut.dependent], requires=remaining[cut.dependent])
        problems[cut.dependent].append(_cycle_problem(cut, candidates[cut.dependent]))
    for name in jobs:
        if "kind" not in candidates[name].resolved.named:
            specs[name] = replace(specs[name], kind=Kind.JOB)
    return Connected(specs, problems, origins, cuts)


class _Links:
    """The links of one service as they are collected; dictionaries for their order."""

    def __init__(self, name: str, candidate: Candidate, directory: Directory) -> None:
        self.name = name
        self.requires: dict[str, None] = {}
        self.wants: dict[str, None] = {}
        self.restart_with: dict[str, None] = {}
        self.jobs: set[str] = set()
        self.problems: list[Problem] = []
        self.origins: dict[str, Origin] = {}
        self._resolved = candidate.resolved
        self._marks = candidate.marks
        self._directory = directory
        self._project = None if candidate.marks is None else candidate.marks.project

    def applied(self) -> ServiceSpec:
        """The service with its links; the very same value where they change nothing, which is the usual case."""
        spec = self._resolved.spec
        requires, restart_with = tuple(self.requires), tuple(self.restart_with)
        wants = tuple(each for each in self.wants if each not in self.requires)
        if (requires, wants, restart_with) == (spec.requires, spec.wants, spec.restart_with):
            return spec
        return replace(spec, requires=requires, wants=wants, restart_with=restart_with)

    def add_written(self) -> None:
        spec = self._resolved.spec
        self._add("requires", spec.requires, self.requires, kept=True)
        self._add("wants", spec.wants, self.wants, kept=False)
        self._add("restart_with", spec.restart_with, self.restart_with, kept=False)

    def _add(self, key: str, written: Iterable[str], links: dict[str, None], *, kept: bool) -> None:
        setting = self._resolved.named.get(key)
        for each in written:
            found = each if of_host(each) else self._directory.find(each, self._project)
            if found == self.name:
                self._complain(setting, "a service cannot depend on itself; remove it")
            elif found is not None:
                links[found] = None
                self.origins.setdefault(found, _origin(setting, each))
            elif setting is not None and each in setting.value:
                unmanaged = self._directory.unmanaged(each)
                self._complain(setting, _unknown(each, unmanaged, self._directory.services))
                if kept and unmanaged is None:
                    # It may only be away for the moment: its container is just being recreated.
                    links[each] = None
                    self.origins.setdefault(each, _origin(setting, each))

    def _complain(self, setting: Setting | None, fact: str) -> None:
        place = setting or _NO_SETTING
        self.problems.append(Problem(place.source, place.key, fact))

    def add_compose(self) -> None:
        for need in () if self._marks is None else self._marks.needs:
            found = self._directory.compose(need.service, self._project)
            if found is None or found == self.name:
                continue
            if found not in self.wants:
                self.requires[found] = None
            self.origins.setdefault(found, "compose")
            if need.restart:
                self.restart_with[found] = None
            if need.completion:
                self.jobs.add(found)

    def add_ties(self) -> None:
        """A network or IPC namespace ends with its owner's run, while the container that joined it goes on running; in
        a shared process namespace it ends too, and volumes stay."""
        for tie in () if self._marks is None else self._marks.ties:
            found = self._directory.container(tie.container)
            if found is None or found == self.name:
                continue
            if found not in self.wants:
                self.requires[found] = None
            self.origins.setdefault(found, tie.kind)
            if tie.kind in ("network", "ipc"):
                self.restart_with[found] = None


def _origin(setting: Setting | None, written: str) -> Origin:
    if setting is None or written not in setting.value:
        return "catalog"
    return "label" if setting.source.startswith("label ") else "configuration"


def _unknown(written: str, unmanaged: str | None, services: Collection[str]) -> str:
    if unmanaged is not None:
        return (
            f"{written!r} is container {unmanaged}, which is not managed, so nothing waits for it; "
            "label it orchestrator.enable=true"
        )
    return f"{written!r} is no service that is configured or has a container{did_you_mean(written, sorted(services))}"


def _cycle_problem(cut: Cut, candidate: Candidate) -> Problem:
    setting = candidate.resolved.named.get("requires")
    container = candidate.container
    if setting is not None and cut.dependency in setting.value:
        source, key = setting.source, setting.key
    elif container is not None:
        source, key = f"label of container {container.name}", "com.docker.compose.depends_on"
    else:
        source, key = cut.dependent, "requires"
    return Problem(source, key, f"closes a dependency cycle: {cut.path}; {cut.dependency!r} is not waited for")
