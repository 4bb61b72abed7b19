"""The HTTP API. Its two public names are loaded when they are first used: the command line answers ``--help`` without
paying for a web framework."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchestrator.api.workers import Workers
    from orchestrator.embedding import Orchestration

__all__ = ["Orchestration", "Workers"]

_HOMES: Final = {
    "Orchestration": "orchestrator.embedding",
    "Workers": "orchestrator.api.workers",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
