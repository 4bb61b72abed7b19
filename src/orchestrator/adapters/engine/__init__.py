"""Docker and Podman behind one port."""

from orchestrator.adapters.engine.client import DockerClient

__all__ = ["DockerClient"]
