"""What became of the containers whose namespaces others use. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from orchestrator.configuration.containers import Marks
from orchestrator.configuration.dependencies import Candidate
from orchestrator.core.model import NAMESPACES, ContainerState, ContainerSummary
from orchestrator.core.sighting import Loss

_UP: Final = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)


class Whereabouts:
    """Of all containers of one list, and of those that are services."""

    def __init__(self, containers: Iterable[ContainerSummary], candidates: Mapping[str, Candidate]) -> None:
        self._by_id = {each.container_id: each for each in containers}
        self._by_name = {each.name: each for each in self._by_id.values()}
        self._services = {each.container.container_id for each in candidates.values() if each.container is not None}
        self._by_compose = {
            (each.marks.project, each.marks.compose_service): name
            for name, each in candidates.items()
            if each.marks is not None and each.marks.compose_service
        }

    def lost(self, marks: Marks | None) -> dict[str, Loss]:
        """The owners of the namespaces that it uses which are not there, or are down and no service."""
        found: dict[str, Loss] = {}
        for tie in () if marks is None else marks.ties:
            if tie.kind not in NAMESPACES:
                continue
            owner = self._by_id.get(tie.container) or self._by_name.get(tie.container)
            if owner is None:
                found[tie.container] = "gone"
            elif owner.container_id not in self._services and owner.state not in _UP:
                found[tie.container] = "down"
        return found

    def parent(self, marks: Marks | None) -> str:
        """Compose writes ``network_mode: service:X`` as a dependency that is started first and restarted with; where
        there is exactly one such, it is the one. Empty: nothing tells."""
        needs = () if marks is None else marks.needs
        meant = [each.service for each in needs if each.restart and each.condition == "service_started"]
        if marks is None or len(meant) != 1:
            return ""
        return self._by_compose.get((marks.project, meant[0]), "")
