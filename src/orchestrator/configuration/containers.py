"""What one container says of itself by its labels and its network: read once, it cannot change in its life. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.configuration.keys import LABEL_PREFIX, Reading, read_labels
from orchestrator.core.compose import compose_label, is_one_off
from orchestrator.core.model import ContainerSummary

_DEPENDS_ON: Final = "com.docker.compose.depends_on"
_SYSTEMD_UNIT: Final = "PODMAN_SYSTEMD_UNIT"
_PODMAN_COMPOSE_UNIT: Final = "podman-compose@"
"""podman-compose labels every container with the unit that *could* run its project; nothing owns it by that."""
_SWARM_SERVICE: Final = "com.docker.swarm.service.id"
_POD_IMAGES: Final = ("podman-pause", "/pause:")


@dataclass(frozen=True, slots=True)
class ComposeNeed:
    """One entry of ``depends_on`` as compose writes it: ``db:service_healthy:false``."""

    service: str
    condition: str
    restart: bool
    """Compose restarts the dependent after it restarted this one."""

    @property
    def completion(self) -> bool:
        return self.condition == "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Marks:
    own: Reading
    """From ``orchestrator.*`` labels."""
    project: str | None
    compose_service: str | None
    needs: tuple[ComposeNeed, ...]
    network_owner: str | None
    """The id or name of the container whose network it uses."""
    excluded: str | None
    """Why it is not to be managed, in words."""
    observe_only: str | None
    """Who else acts on it, in words."""

    @property
    def labelled(self) -> bool:
        return bool(self.own.settings)


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A container that is none of our services, and why, in words."""

    container: ContainerSummary
    marks: Marks
    reason: str


def read_marks(container: ContainerSummary) -> Marks:
    labels = container.labels
    own = read_labels(labels, f"label of container {container.name}")
    return Marks(
        own=own,
        project=compose_label(labels, "project"),
        compose_service=compose_label(labels, "service"),
        needs=compose_needs(labels.get(_DEPENDS_ON, "")),
        network_owner=_network_owner(container.network_mode),
        excluded=_excluded(container, own),
        observe_only=_owner(labels),
    )


def compose_needs(written: str) -> tuple[ComposeNeed, ...]:
    """``service:condition:restart``, comma-separated; older versions wrote less."""
    found: dict[str, ComposeNeed] = {}
    for entry in written.split(","):
        service, condition, restart, *_ = (*(part.strip() for part in entry.split(":")), "", "")
        if service:
            found[service] = ComposeNeed(service, condition or "service_started", restart == "true")
    return tuple(found.values())


def _network_owner(network_mode: str) -> str | None:
    return network_mode.removeprefix("container:") if network_mode.startswith("container:") else None


def _excluded(container: ContainerSummary, own: Reading) -> str | None:
    enable = own.settings.get("enable")
    if enable is not None and enable.value is False:
        return f"label {LABEL_PREFIX}enable=false"
    if is_one_off(container.labels):
        return "a one-off container of compose run"
    if any(word in container.image for word in _POD_IMAGES):
        return "holds the namespaces of a pod"
    return None


def _owner(labels: Mapping[str, str]) -> str | None:
    unit = labels.get(_SYSTEMD_UNIT, "")
    if unit and not unit.startswith(_PODMAN_COMPOSE_UNIT):
        return f"owned by systemd unit {unit}"
    if labels.get(_SWARM_SERVICE):
        return "owned by Docker Swarm"
    return None
