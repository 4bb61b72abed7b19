"""What people's tools do to the containers of a compose project, step by step; each is named as its services are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from orchestrator.testing.daemon import FakeDaemon

Tool = Callable[[FakeDaemon, Sequence[str]], Awaitable[None]]
"""Takes the services in the order of their dependencies."""


async def recreate_as_compose_2(daemon: FakeDaemon, services: Sequence[str]) -> None:
    """The new one comes under a passing name, the old one goes, the new one takes its name."""
    for service in services:
        old = daemon.find(service)
        new = daemon.create(replace(old.blueprint, name=f"{old.container_id[:12]}_{service}"))
        await asyncio.sleep(0.3)
        await daemon.stop(old, 10.0)
        await asyncio.sleep(0.2)
        daemon.remove(old)
        daemon.rename(new, service)
        await asyncio.sleep(0.3)
        await daemon.start(new)


async def recreate_as_compose_1(daemon: FakeDaemon, services: Sequence[str]) -> None:
    """The old one stops and takes a passing name, the new one comes, the old one goes."""
    for service in services:
        old = daemon.find(service)
        await daemon.stop(old, 10.0)
        await asyncio.sleep(0.2)
        daemon.rename(old, f"{old.container_id[:12]}_{service}")
        new = daemon.create(replace(old.blueprint, name=service))
        await asyncio.sleep(0.3)
        await daemon.start(new)
        await asyncio.sleep(0.1)
        daemon.remove(old)


async def replace_one_by_one(daemon: FakeDaemon, services: Sequence[str]) -> None:
    """Stop, wait until it has, remove, create, start: as those do that watch for new images."""
    for service in services:
        old = daemon.find(service)
        await daemon.stop(old, 10.0)
        await asyncio.sleep(1.0)
        daemon.remove(old)
        await asyncio.sleep(1.5)
        await daemon.start(daemon.create(old.blueprint))


async def take_down(daemon: FakeDaemon, services: Sequence[str]) -> None:
    for service in reversed(services):
        await daemon.stop(daemon.find(service), 10.0)
        await asyncio.sleep(0.6)
    for service in reversed(services):
        daemon.remove(daemon.find(service))
        await asyncio.sleep(0.4)


async def take_down_and_bring_up(daemon: FakeDaemon, services: Sequence[str]) -> None:
    blueprints = [daemon.find(service).blueprint for service in services]
    await take_down(daemon, services)
    await asyncio.sleep(2.0)
    for blueprint in blueprints:
        await daemon.start(daemon.create(blueprint))
        await asyncio.sleep(0.6)


async def restart_all(daemon: FakeDaemon, services: Sequence[str]) -> None:
    for service in services:
        await daemon.restart(daemon.find(service), 10.0)
