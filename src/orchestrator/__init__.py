"""Container Orchestrator: heals containers, the cause first, and says why.

The components of the specification, by their names. They are loaded when they are first used: the command line
answers ``--help`` without paying for any of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchestrator.adapters.engine.client import DockerClient
    from orchestrator.runtime.discovery import ContainerDiscoveryService
    from orchestrator.runtime.health import HealthMonitor
    from orchestrator.runtime.lifecycle import LifecycleManager
    from orchestrator.runtime.orchestrator import ContainerOrchestrator
    from orchestrator.runtime.registry import ServiceRegistry

__all__ = [
    "ContainerDiscoveryService",
    "ContainerOrchestrator",
    "DockerClient",
    "HealthMonitor",
    "LifecycleManager",
    "ServiceRegistry",
]

_HOMES: Final = {
    "ContainerDiscoveryService": "orchestrator.runtime.discovery",
    "ContainerOrchestrator": "orchestrator.runtime.orchestrator",
    "DockerClient": "orchestrator.adapters.engine.client",
    "HealthMonitor": "orchestrator.runtime.health",
    "LifecycleManager": "orchestrator.runtime.lifecycle",
    "ServiceRegistry": "orchestrator.runtime.registry",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
