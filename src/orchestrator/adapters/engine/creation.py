"""Another container like one that is there: created, compared with it, and removed again where it lacks anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiodocker.exceptions import DockerError

from orchestrator.adapters.engine.connection import LIBPOD, Connection, named, spoken
from orchestrator.adapters.engine.libpod import libpod_body
from orchestrator.adapters.engine.likeness import docker_body, lacking, obstacles
from orchestrator.errors import ActionRefused


async def create_like(
    connection: Connection, container_id: str, name: str, successors: Mapping[str, str], labels: Mapping[str, str]
) -> str:
    """The id of the new one. Raises what :func:`guarded` translates."""
    podman = connection.is_podman
    path = f"{LIBPOD}/containers" if podman else "/containers"
    old = await connection.ask(f"{path}/{named(container_id)}/json")
    if words := "; ".join(obstacles(old)):
        raise ActionRefused(409, f"no other container can be created like it: {words}")
    body = (libpod_body if podman else docker_body)(old, await _image(connection, old), successors, labels)
    if podman:
        body["name"] = name
    created = await _post(connection, f"{path}/create", body, {} if podman else {"name": name})
    new = str(created["Id"])
    missing = lacking(old, await connection.ask(f"{path}/{new}/json"), successors, labels)
    if missing:
        await connection.docker.containers.container(new).delete(force=True)
        raise ActionRefused(409, f"another container like it would not keep {', '.join(missing)}")
    return new


async def _image(connection: Connection, document: Mapping[str, Any]) -> str:
    """Its image by the name it was created with, while that still is the same one."""
    name, image = str(document["Config"].get("Image") or ""), str(document["Image"])
    try:
        found = await connection.ask(f"/images/{named(name)}/json")
    except DockerError:
        return image
    return name if str(found.get("Id") or "").removeprefix("sha256:") == image.removeprefix("sha256:") else image


async def _post(connection: Connection, path: str, body: Mapping[str, Any], params: Mapping[str, str]) -> Any:
    async with connection.session.post(connection.url(path), json=body, params=params) as response:
        answered = await response.read()
        if response.status >= 400:
            raise DockerError(response.status, spoken(answered))
        return await response.json()
