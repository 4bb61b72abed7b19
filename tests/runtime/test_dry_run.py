"""The engine of a dry run passes on what looks, and refuses everything else, whoever asks."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from orchestrator.errors import ActionRefused
from orchestrator.ports import ContainerEngine
from orchestrator.runtime.dry_run import CheckingEngine, DryRunEngine
from orchestrator.testing import Blueprint, FakeDaemon, FakeEngine, VirtualClock, VirtualLoop, run_virtual

LOOKS = {"endpoint", "published_host", "colocated", "identify", "containers", "inspect", "events", "processes", "usage",
         "environment", "storage", "health", "logs", "close"}  # fmt: skip
PORT = {name for name in vars(ContainerEngine) if not name.startswith("_")}
CHANGES: dict[str, tuple[Any, ...]] = {
    "start": ("web",),
    "stop": ("web", 1.0),
    "restart": ("web", 1.0),
    "kill": ("web",),
    "rename": ("web", "other"),
    "create_like": ("web", "other", {}, {}),
    "remove": ("web",),
    "execute": ("web", "true", 1.0),
}


def test_every_call_of_the_port_either_looks_or_is_refused() -> None:
    assert LOOKS | CHANGES.keys() == PORT, "say which of the two a new call does"
    assert not hasattr(DryRunEngine, "__getattr__"), "nothing is passed on that is not written"
    assert set(dict(inspect.getmembers(DryRunEngine))) >= PORT


@pytest.mark.parametrize("call", CHANGES)
def test_what_changes_something_is_refused_before_it_reaches_the_engine(call: str) -> None:
    async def story() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        daemon = FakeDaemon(VirtualClock(loop=loop), loop)
        steps: list[str] = []
        engine = DryRunEngine(FakeEngine(daemon, on_step=steps.append))
        with pytest.raises(ActionRefused, match=r"it is a dry run, which does not .* container web"):
            await getattr(engine, call)(*CHANGES[call])
        await engine.identify()
        return steps

    assert not any(call in step for step in run_virtual(story()))


def test_the_probes_alone_may_run_a_health_command() -> None:
    async def story() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        daemon = FakeDaemon(VirtualClock(loop=loop), loop)
        daemon.launch(daemon.create(Blueprint("web")), "user")
        engine = CheckingEngine(FakeEngine(daemon))
        (container,) = await engine.containers()
        with pytest.raises(ActionRefused):
            await engine.restart(container.container_id, 1.0)
        return (await engine.execute(container.container_id, "check", 1.0)).exit_code

    assert run_virtual(story()) == 0
