"""Small makers for these tests: containers as a list shows them, configurations from text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.configuration import Configuration, ServiceSurveyor, load
from orchestrator.core.model import ContainerState, ContainerSummary, Tie
from orchestrator.core.sighting import Survey


def container(
    name: str,
    number: int = 1,
    labels: Mapping[str, str] | None = None,
    *,
    state: ContainerState = ContainerState.RUNNING,
    image: str = "image",
    ties: tuple[Tie, ...] = (),
) -> ContainerSummary:
    """``number`` makes the id, and the time of creation."""
    return ContainerSummary(f"{number:064x}", name, image, state, float(number), labels or {}, ties=ties)


def composed(
    project: str, service: str, number: int = 1, labels: Mapping[str, str] | None = None, *, depends_on: str = ""
) -> ContainerSummary:
    """A container as Docker Compose makes it."""
    written = {
        "com.docker.compose.project": project,
        "com.docker.compose.service": service,
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.depends_on": depends_on,
        **(labels or {}),
    }
    return container(f"{project}-{service}-1", number, written)


def configuration(folder: Path, text: str = "", **command_line: object) -> Configuration:
    """From the text of a file; nothing of the environment's ``.env`` is read."""
    file = folder / "orchestrator.yaml"
    file.write_text(text, encoding="utf-8")
    return load({"config": file, **command_line}, dotenv=None)


def survey(configured: Configuration, *containers: ContainerSummary, ourselves: str | None = None) -> Survey:
    return ServiceSurveyor(configured, ourselves).survey(containers)
