"""The configuration applied to a list of containers: every service, its container, its specification, its problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from orchestrator.configuration.containers import Unmanaged
from orchestrator.configuration.dependencies import Candidate, Connected, Directory, connect
from orchestrator.configuration.identity import Claim, Ground, identify
from orchestrator.configuration.loading import Configuration
from orchestrator.configuration.resolve import Resolved
from orchestrator.configuration.whereabouts import Whereabouts
from orchestrator.core.compose import passes_by
from orchestrator.core.match import preference
from orchestrator.core.model import Category, ContainerSummary, Kind, ServiceSpec, Tie
from orchestrator.core.rejoin import original_name
from orchestrator.core.sighting import Loss, Origin, Sighting, Survey
from orchestrator.errors import Problem

OURSELVES: Final = "the container we run in"
_SHORTEST_ID: Final = 12
"""Characters; a shorter word is no container id but a host name somebody chose."""


@dataclass(frozen=True, slots=True)
class Examination:
    """A survey, and its problems as ``check`` reports them; those of the files are the configuration's own."""

    survey: Survey
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One service of a survey without its container's passing state."""

    spec: ServiceSpec
    container_id: str | None
    configured: bool
    problems: tuple[str, ...]
    origins: Mapping[str, Origin]
    sources: Mapping[str, str]
    lost: Mapping[str, Loss]
    parent: str
    leftover_id: str | None


@dataclass(slots=True)
class _Draft:
    """A survey while it is worked out."""

    ignored: dict[str, str] = field(default_factory=dict)
    unmanaged: list[Unmanaged] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: dict[str, list[Problem]] = field(default_factory=dict)
    leftovers: dict[str, Claim] = field(default_factory=dict)
    """What a recreation renamed and did not remove, by service."""

    def leftover_of(self, service: str) -> str | None:
        found = self.leftovers.get(service)
        return None if found is None else found.container.container_id

    def leave(self, claim: Claim, reason: str) -> None:
        self.ignored[claim.container.name] = reason
        self.unmanaged.append(Unmanaged(claim.container, claim.marks, reason))

    def complain(self, service: str, problems: Iterable[Problem]) -> None:
        self.problems.setdefault(service, []).extend(problems)


class ServiceSurveyor:
    """Surveys lists of containers; remembers what cannot change, so that a survey at every event is cheap.

    ``ourselves`` is the id of the container we run in, whole or its first 12 characters: shown, never acted on.
    """

    def __init__(self, configuration: Configuration, ourselves: str | None = None) -> None:
        self._configuration = configuration
        self._ourselves = ourselves if ourselves is not None and len(ourselves) >= _SHORTEST_ID else None
        self._identified: dict[tuple[str, str, tuple[Tie, ...]], Claim | Unmanaged] = {}
        self._resolved: dict[tuple[str, str, str], Resolved] = {}
        self._seen: tuple[tuple[str, str, int, tuple[Tie, ...]], ...] | None = None
        self._entries: tuple[_Entry, ...] = ()
        self._ignored: Mapping[str, str] = {}
        self._warnings: tuple[str, ...] = ()
        self._cycles: tuple[str, ...] = ()
        self._problems: tuple[Problem, ...] = ()

    def survey(self, containers: Sequence[ContainerSummary]) -> Survey:
        seen = tuple((each.container_id, each.name, preference(each)[0], each.ties) for each in containers)
        if seen != self._seen:
            self._work_out(containers)
            self._seen = seen
        by_id = {each.container_id: each for each in containers}
        services = {
            entry.spec.name: Sighting(
                spec=entry.spec,
                container=None if entry.container_id is None else by_id[entry.container_id],
                configured=entry.configured,
                problems=entry.problems,
                origins=entry.origins,
                sources=entry.sources,
                lost=entry.lost,
                parent=entry.parent,
                leftover=None if entry.leftover_id is None else by_id[entry.leftover_id],
            )
            for entry in self._entries
        }
        return Survey(services, self._ignored, self._warnings, self._cycles, self._configuration.windows)

    def examine(self, containers: Sequence[ContainerSummary]) -> Examination:
        return Examination(self.survey(containers), self._problems)

    def _work_out(self, containers: Sequence[ContainerSummary]) -> None:
        draft = _Draft()
        claims = self._claims(containers, draft)
        candidates = self._candidates(self._winners(claims, draft), draft)
        connected = connect(candidates, Directory(candidates, draft.unmanaged))
        for cut in connected.cuts:
            draft.warnings.append(f"dependency cycle {cut.path}: {cut.dependency} is not waited for")
        for name, found in connected.problems.items():
            draft.complain(name, found)
        self._cycles = tuple(cut.path for cut in connected.cuts)
        self._keep(candidates, connected, draft, Whereabouts(containers, candidates))

    def _claims(self, containers: Sequence[ContainerSummary], draft: _Draft) -> dict[str, list[Claim]]:
        remembered, self._identified = self._identified, {}
        claims: dict[str, list[Claim]] = {}
        for container in containers:
            key = (container.container_id, container.name, container.ties)
            found = remembered[key] if key in remembered else identify(container, self._configuration)
            self._identified[key] = found
            if isinstance(found, Unmanaged):
                self._keep_leftover(container, draft)
                draft.ignored[container.name] = found.reason
                draft.unmanaged.append(found)
            else:
                # What is remembered holds the container as it was; rivals are told apart by its state now.
                claim = Claim(found.service, found.ground, container, found.marks)
                claims.setdefault(found.service, []).append(claim)
        return claims

    def _keep_leftover(self, container: ContainerSummary, draft: _Draft) -> None:
        name = original_name(container.name)
        if name == container.name:
            return
        found = identify(replace(container, name=name), self._configuration)
        if isinstance(found, Claim):
            draft.leftovers[found.service] = replace(found, container=container)

    def _winners(self, claims: dict[str, list[Claim]], draft: _Draft) -> list[Claim]:
        """One container for each service. Under ``all`` the others go by their own names, else they are left alone;
        so is one of two while compose replaces it."""
        winners: list[Claim] = []
        for service, rivals in claims.items():
            winner, *others = sorted(rivals, key=lambda each: (each.ground, preference(each.container)), reverse=True)
            winners.append(winner)
            for loser in others:
                if any(passes_by(each.container.name, each.container.labels) for each in (winner, loser)):
                    draft.leave(loser, f"compose replaces it by, or with, container {winner.container.name}")
                    continue
                draft.warnings.append(_rivalry(winner, loser))
                if Ground.LABEL in (winner.ground, loser.ground):
                    draft.complain(service, [_same_name(winner, loser)])
                own_name = loser.container.name
                if self._configuration.settings.discovery == "all" and own_name not in claims:
                    winners.append(replace(loser, service=own_name, ground=Ground.OWN_NAME))
                else:
                    draft.leave(loser, f"service {service} is container {winner.container.name}")
        return winners

    def _candidates(self, winners: Iterable[Claim], draft: _Draft) -> dict[str, Candidate]:
        remembered, self._resolved = self._resolved, {}
        candidates: dict[str, Candidate] = {}
        for claim in winners:
            key = (claim.service, claim.container.container_id, claim.container.name)
            resolved = remembered.get(key) or self._resolve(claim)
            self._resolved[key] = resolved
            if self._monitoring_is_off(resolved.spec):
                draft.leave(claim, "a monitoring service, and ORCHESTRATOR_MONITORING_ENABLED is false")
                continue
            candidates[claim.service] = Candidate(resolved, claim.container, claim.marks)
            draft.complain(claim.service, (*claim.marks.own.problems, *resolved.problems))
        for service, claim in draft.leftovers.items():
            if service not in candidates:  # it has to be put back under its name
                candidates[service] = Candidate(self._resolve(claim), None, claim.marks)
        for name, configured in self._configuration.services.items():
            draft.complain(name, configured.problems)
            if name in candidates or not configured.enabled:
                continue
            resolved = self._configuration.resolve(name, {})
            if not self._monitoring_is_off(resolved.spec):
                candidates[name] = Candidate(resolved)
                draft.complain(name, resolved.problems)
        return candidates

    def _resolve(self, claim: Claim) -> Resolved:
        resolved = self._configuration.resolve(claim.service, claim.marks.own.settings)
        spec = resolved.spec
        if claim.ground is Ground.OWN_NAME and "kind" not in resolved.named:
            spec = replace(spec, kind=Kind.INFERRED)
        return replace(resolved, spec=replace(spec, observe_only=self._hands_off(claim)))

    def _hands_off(self, claim: Claim) -> str | None:
        if self._ourselves is not None and claim.container.container_id.startswith(self._ourselves):
            return OURSELVES
        if not self._configuration.settings.enabled:
            return "ORCHESTRATOR_ENABLED is false"
        return claim.marks.observe_only

    def _monitoring_is_off(self, spec: ServiceSpec) -> bool:
        return spec.category is Category.MONITORING and not self._configuration.settings.monitoring_enabled

    def _keep(
        self, candidates: Mapping[str, Candidate], connected: Connected, draft: _Draft, whereabouts: Whereabouts
    ) -> None:
        entries: list[_Entry] = []
        everything: list[Problem] = []
        for name in sorted(connected.specs):
            container = candidates[name].container
            problems = tuple(dict.fromkeys(draft.problems.get(name, ())))
            everything.extend(problems)
            entries.append(
                _Entry(
                    spec=connected.specs[name],
                    container_id=None if container is None else container.container_id,
                    configured=name in self._configuration.services,
                    problems=tuple(map(str, problems)),
                    origins=connected.origins[name],
                    sources=candidates[name].resolved.sources,
                    lost=whereabouts.lost(candidates[name].marks),
                    parent=whereabouts.parent(candidates[name].marks),
                    leftover_id=draft.leftover_of(name),
                )
            )
        for each in draft.unmanaged:
            everything.extend(each.marks.own.problems)
        self._entries = tuple(entries)
        self._ignored = draft.ignored
        self._warnings = tuple(draft.warnings)
        self._problems = tuple(dict.fromkeys(everything))


def _rivalry(winner: Claim, loser: Claim) -> str:
    taken, left = winner.container, loser.container
    return (
        f"two containers for service {winner.service}: {taken.name} ({taken.state}) is taken, "
        f"{left.name} ({left.state}) is not; give it a name of its own with label orchestrator.service"
    )


def _same_name(winner: Claim, loser: Claim) -> Problem:
    labelled, other = (loser, winner) if loser.ground is Ground.LABEL else (winner, loser)
    return Problem(
        f"label of container {labelled.container.name}",
        "orchestrator.service",
        f"container {other.container.name} is service {winner.service!r} too; give one of them another name",
    )
