"""Which container is which service, by name: whole name parts, the longest key, case-sensitive.

A container's name carries a catalog key when the key's parts are its last parts, apart from what compose tools
append (``proj-redis-1``, ``proj_redis_1``) and a word for the environment (``redis-prod``). What comes before is
the project's own; what comes after changes what the thing is: ``redis-exporter``, ``redis-commander`` and
``postgres-backup`` are no ``redis`` and no ``postgres``, whether or not the longer name is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from orchestrator.core.model import ContainerState, ContainerSummary

_SEPARATOR: Final = re.compile(r"[-_.]+")
_ENVIRONMENTS: Final = frozenset(
    {"prod", "production", "dev", "development", "stage", "staging", "test", "local"},
)
_ALIVE: Final = {
    ContainerState.RUNNING: 2,
    ContainerState.PAUSED: 1,
    ContainerState.RESTARTING: 1,
    ContainerState.STOPPING: 1,
}


def name_parts(name: str) -> tuple[str, ...]:
    """``proj_redis-exporter_1`` is ``("proj", "redis", "exporter", "1")``."""
    return tuple(part for part in _SEPARATOR.split(name) if part)


def match_key(container_name: str, keys: Iterable[str]) -> str | None:
    """The longest of ``keys`` that the container's name carries, or ``None``."""
    parts = _without_suffix(name_parts(container_name))
    carried = [key for key in keys if _ends_with(parts, name_parts(key))]
    return max(carried, key=lambda key: (len(name_parts(key)), len(key), key), default=None)


def match_pattern(container_name: str, patterns: Mapping[str, tuple[str, ...]]) -> str | None:
    """The service with a name pattern (``*``, ``?``, ``[...]``) that the whole container name fits, or ``None``.

    Of several the longest pattern wins, the more particular one in practice.
    """
    fitting = [
        (len(pattern), service)
        for service, alternatives in patterns.items()
        for pattern in alternatives
        if fnmatchcase(container_name, pattern)
    ]
    return max(fitting)[1] if fitting else None


def preference(container: ContainerSummary) -> tuple[int, float, str]:
    """Sorts the containers of one service, the largest is taken: running first, then the newest, then by id."""
    return _ALIVE.get(container.state, 0), container.created_at, container.container_id


def _without_suffix(parts: tuple[str, ...]) -> tuple[str, ...]:
    while len(parts) > 1 and (parts[-1].isdecimal() or parts[-1] in _ENVIRONMENTS):
        parts = parts[:-1]
    return parts


def _ends_with(parts: tuple[str, ...], key: tuple[str, ...]) -> bool:
    return bool(key) and parts[-len(key) :] == key
