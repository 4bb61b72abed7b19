"""What a look over all containers says about services: the hand-over from matching to the brain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from orchestrator.core.model import ContainerSummary, ServiceSpec, TieKind
from orchestrator.core.windows import Window

Origin = Literal["configuration", "label", "compose", "catalog"] | TieKind
"""Who says that one service needs another."""
Loss = Literal["gone", "down"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One service: its specification, and the container that is it, if there is one."""

    spec: ServiceSpec
    container: ContainerSummary | None
    configured: bool
    """Named by the user's configuration: listed as not_found when it has no container."""
    problems: tuple[str, ...] = ()
    """What was wrong with its labels or dependencies, in words; what was fine is used."""
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}))
    """Of each service that it requires or wants."""
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Where each setting was written, by its key; what is not here is a default."""
    lost: Mapping[str, Loss] = field(default_factory=lambda: MappingProxyType({}))
    """The containers whose namespaces it uses, by id, that are not there, or are down and no service."""
    parent: str = ""
    """The service whose namespace it uses, as far as compose tells."""
    leftover: ContainerSummary | None = None
    """The container that it was, renamed by a recreation that did not come to its end."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All services seen in one list of containers."""

    services: Mapping[str, Sighting]
    ignored: Mapping[str, str]
    """Container name to the reason it is not managed."""
    warnings: tuple[str, ...] = ()
    """Facts worth a log line once: two containers for one service, a cycle that was cut."""
    cycles: tuple[str, ...] = ()
    """``a -> b -> a``: dependencies that contradicted each other; the last step of each is not waited for."""
    windows: tuple[Window, ...] = ()
    """The recurring maintenance that is configured."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What another configuration makes of the same containers; service names, sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def differences(before: Survey, after: Survey) -> Changes:
    old, new = before.services, after.services
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(
            name for name in sorted(old.keys() & new.keys()) if _configured(old[name]) != _configured(new[name])
        ),
    )


def _configured(sighting: Sighting) -> tuple[object, ...]:
    container = sighting.container
    return sighting.spec, None if container is None else container.container_id
