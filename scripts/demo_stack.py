"""The demo's containers: the specification's stack in small, each one breakable."""

from __future__ import annotations

import os
from dataclasses import dataclass

from scripts.demo_engine import NETWORK, PROJECT, PROJECT_LABEL, DemoEngine, DemoError
from scripts.image import IMAGE, import_image


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    port: int
    requires: str
    """Service names, comma-separated."""


STACK = (
    Member("postgres", 5432, ""),
    Member("redis", 6379, ""),
    # models without a GPU: it is not required here
    Member("ai-yolo26", 8095, ""),
    Member("ai-llm", 8091, ""),
    Member("ai-florence", 8092, ""),
    Member("backend", 8000, "postgres,redis"),
    Member("frontend", 8080, "backend"),
)


def container_name(service: str) -> str:
    return f"{PROJECT}-{service}"


def start(engine: DemoEngine) -> None:
    """Import the image and start every container anew."""
    remove_containers(engine)
    # an earlier one would stay behind without a name
    remove_image(engine)
    import_image(engine.client, os.environ)
    for member in STACK:
        engine.command("run", "--detach", *_options(engine, member), IMAGE)


def _options(engine: DemoEngine, member: Member) -> list[str]:
    labels = {
        PROJECT_LABEL: PROJECT,
        "com.docker.compose.service": member.name,
        "orchestrator.service": member.name,
        "orchestrator.requires": member.requires,
    }
    options = [f"--name={container_name(member.name)}", "--pull=never", f"--env=PORT={member.port}"]
    options += [f"--label={key}={value}" for key, value in labels.items()]
    # a port that is free, on loopback: reachable where the containers' own addresses are not
    options += [f"--publish=127.0.0.1::{member.port}", "--stop-signal=SIGKILL"]
    if engine.kind == "podman":
        # a service may be forbidden to raise a limit, and the remote command line asks for high ones by itself
        options += ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:1024"]
    if engine.private:
        options += [f"--network={NETWORK}"]
    return options


def remove_containers(engine: DemoEngine) -> list[str]:
    """Remove the demo's containers, told by project label and name both; returns their names."""
    listed = engine.command("ps", "--all", f"--filter=label={PROJECT_LABEL}={PROJECT}", "--format={{.Names}}")
    names = [name for name in listed.splitlines() if name in {container_name(member.name) for member in STACK}]
    if names:
        engine.command("rm", "--force", *names)
    return names


def remove_image(engine: DemoEngine) -> str:
    """Remove the demo's image, and no container of anybody's with it; returns what it came to, in words."""
    if not engine.command("images", "--quiet", IMAGE):
        return "no image"
    try:
        # never --force: Podman would remove your containers that use it
        engine.command("rmi", IMAGE)
    except DemoError as error:
        return f"the image stays: {error}"
    return "the image"
