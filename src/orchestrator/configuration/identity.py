"""Which service one container is, or why it is none of ours: by its labels, its compose service, its name. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from orchestrator.configuration.catalog import CATALOG
from orchestrator.configuration.containers import Marks, Unmanaged, read_marks
from orchestrator.configuration.loading import Configuration
from orchestrator.core.match import match_key, match_pattern
from orchestrator.core.model import ContainerSummary


class Ground(IntEnum):
    """What an identity stands on; of two containers for one service the firmer ground is taken."""

    OWN_NAME = 0
    """Nothing told what it is."""
    KNOWN = 1
    """Its compose service or its name is one that the configuration, the catalog or its labels make known."""
    LABEL = 2
    """It names its service itself."""


@dataclass(frozen=True, slots=True)
class Claim:
    service: str
    ground: Ground
    container: ContainerSummary
    marks: Marks


def identify(container: ContainerSummary, configuration: Configuration) -> Claim | Unmanaged:
    marks = read_marks(container)
    reason = marks.excluded or _outside_project(marks, configuration.settings.project)
    if reason is not None:
        return Unmanaged(container, marks, reason)
    found = _service(container, marks, configuration)
    if found is None:
        return Unmanaged(container, marks, _unknown(marks, configuration.settings.discovery))
    service, ground = found
    configured = configuration.services.get(service)
    if configured is not None and not configured.enabled:
        return Unmanaged(container, marks, f"{configuration.file}: services.{service}.enable is false")
    return Claim(service, ground, container, marks)


def _service(container: ContainerSummary, marks: Marks, configuration: Configuration) -> tuple[str, Ground] | None:
    named = marks.own.settings.get("service")
    if named is not None:
        return named.value, Ground.LABEL
    discovery = configuration.settings.discovery
    configured = configuration.services
    known = configured.keys() if discovery == "labels" and not marks.labelled else configured.keys() | CATALOG.keys()
    if marks.compose_service is not None and marks.compose_service in known:
        return marks.compose_service, Ground.KNOWN
    patterns = {name: service.patterns for name, service in configured.items() if service.patterns}
    name = match_pattern(container.name, patterns) or match_key(container.name, known)
    if name is not None:
        return name, Ground.KNOWN
    if marks.labelled:
        return marks.compose_service or container.name, Ground.KNOWN
    return (container.name, Ground.OWN_NAME) if discovery == "all" else None


def _outside_project(marks: Marks, project: str | None) -> str | None:
    if project is None or marks.project == project:
        return None
    if marks.project is not None:
        return f"belongs to compose project {marks.project}, not {project}"
    return None if marks.labelled else f"belongs to no compose project; only {project} is looked after"


def _unknown(marks: Marks, discovery: str) -> str:
    if marks.own.problems:
        return "; ".join(f"{problem.key}: {problem.fact}" for problem in marks.own.problems)
    known = "the configuration and labels" if discovery == "labels" else "the catalog, the configuration and labels"
    return f"unknown to {known}; label it orchestrator.enable=true to have it managed"
