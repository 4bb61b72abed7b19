"""What a look over all containers says about services: the hand-over from matching to the brain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model import ContainerSummary, ServiceSpec


@dataclass(frozen=True, slots=True)
class Sighting:
    """One service: its specification, and the container that is it, if there is one."""

    spec: ServiceSpec
    container: ContainerSummary | None
    configured: bool
    """Named by the user's configuration: listed as not_found when it has no container."""
    problems: tuple[str, ...] = ()
    """What was wrong with its labels or dependencies, in words; what was fine is used."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All services seen in one list of containers."""

    services: Mapping[str, Sighting]
    ignored: Mapping[str, str]
    """Container name to the reason it is not managed."""
    warnings: tuple[str, ...] = ()
    """Facts worth a log line once: two containers for one service, a cycle that was cut."""
