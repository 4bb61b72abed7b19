"""What Docker Compose and podman-compose write on their containers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

COMPOSE: Final = ("com.docker.compose", "io.podman.compose")
"""Docker Compose's labels; podman-compose writes both."""

_ONE_OFF: Final = "com.docker.compose.oneoff"
_PASSING_NAME: Final = re.compile(r"[0-9a-f]{12}_.+")


def compose_label(labels: Mapping[str, str], last: str) -> str | None:
    return next((found for vendor in COMPOSE if (found := labels.get(f"{vendor}.{last}"))), None)


def project_of(labels: Mapping[str, str]) -> str | None:
    """The compose project it is part of; a container of ``compose run`` comes and goes beside it."""
    return None if is_one_off(labels) else compose_label(labels, "project")


def is_one_off(labels: Mapping[str, str]) -> bool:
    return labels.get(_ONE_OFF, "").lower() == "true"


def passes_by(name: str, labels: Mapping[str, str]) -> bool:
    """Whether it has the name that compose gives one of the two containers of a service while it replaces it."""
    return compose_label(labels, "service") is not None and _PASSING_NAME.fullmatch(name) is not None
