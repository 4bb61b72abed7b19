"""The fake engine's own side: containers that come and go, what is asked of them, and the engine's bad days.

Times are the virtual loop's. What is asked for runs in tasks of the daemon, so that it goes on when the one who
asked is gone, as it does in Docker and Podman.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from orchestrator.core.model import ContainerState
from orchestrator.errors import ActionRefused
from orchestrator.testing import restart_policy
from orchestrator.testing.clock import VirtualClock
from orchestrator.testing.container import Blueprint, FakeContainer, Process
from orchestrator.testing.ledger import Who
from orchestrator.testing.runs import KILLED, Dialect, Runs
from orchestrator.testing.workload import Condition

__all__ = ["KILLED", "Dialect", "FakeDaemon"]

START_TAKES: Final = 0.2
KILL_TAKES: Final = 0.02


class FakeDaemon(Runs):
    """One engine with its containers; :attr:`reach` says whether it can be reached and whether it answers."""

    def __init__(
        self,
        clock: VirtualClock,
        loop: asyncio.AbstractEventLoop,
        *,
        dialect: Dialect = "docker",
        chance: random.Random | None = None,
    ) -> None:
        super().__init__(clock, loop, dialect=dialect, chance=chance)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def tasks(self) -> frozenset[asyncio.Task[Any]]:
        return frozenset(self._tasks)

    def perform(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it whether or not anybody waits for it."""
        task = self._loop.create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """End what is still under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the one who asked may be gone: its error is nobody's

    # --- containers come and go ---------------------------------------------------------------------------

    def create(self, blueprint: Blueprint, by: Who = "user") -> FakeContainer:
        container = FakeContainer(
            container_id=f"{self.chance.getrandbits(256):064x}",
            blueprint=blueprint,
            neighbours=self.containers,
            created_at=self.clock.now().wall,
            workload=blueprint.workload,
            uses={kind: self.find(name) for kind, name in blueprint.uses.items()},
        )
        self.containers[container.container_id] = container
        self.write(container, "created", by)
        self.emit("create", container)
        return container

    def remove(self, container: FakeContainer, by: Who = "user") -> None:
        """By force: what runs is killed."""
        container.stopped_on_request = True
        if container.process is not None:
            self.end(container, container.process, KILLED, by)
        self.containers.pop(container.container_id, None)
        self.write(container, "removed", by)
        self.emit("destroy", container)

    def rename(self, container: FakeContainer, name: str, by: Who = "user") -> None:
        if any(other.name == name for other in self.containers.values()):
            raise ActionRefused(409, f"the container name {name} is in use")
        self.write(container, "renamed", by, f"to {name}")
        container.blueprint = replace(container.blueprint, name=name)
        self.emit("rename", container)

    def create_like(
        self,
        like: FakeContainer,
        name: str,
        successors: Mapping[str, str],
        labels: Mapping[str, str],
        by: Who = "user",
    ) -> FakeContainer:
        if like.refuses_likeness:
            raise ActionRefused(409, like.refuses_likeness)
        uses = {
            kind: self.find(successors.get(other.container_id, other.container_id)).name
            for kind, other in like.uses.items()
        }
        blueprint = replace(like.blueprint, name=name, labels={**like.blueprint.labels, **labels}, uses=uses)
        created = self.create(blueprint, by)
        created.workload, created.refuses_start = like.workload, like.refuses_start
        return created

    def remove_on_request(self, container_id: str, by: Who) -> None:
        """Podman refuses it for what others use; gone already is success."""
        container = self.containers.get(container_id)
        if container is None:
            return
        users = [each.name for each in self.containers.values() if container in each.uses.values()]
        if users and self.dialect == "podman":
            raise ActionRefused(500, f"container {container.name} has dependent containers: {', '.join(users)}")
        self.remove(container, by)

    # --- what is asked for --------------------------------------------------------------------------------

    async def start(self, container: FakeContainer, by: Who = "user") -> None:
        if container.state is ContainerState.PAUSED:
            raise ActionRefused(409, "cannot start a paused container, try unpause instead")
        if container.up or container.state is ContainerState.RESTARTING:
            return
        await self._take(START_TAKES)
        if not container.up:
            self._forget_the_past(container)
            if self.dialect == "podman":
                self._start_required(container, by)
            self.launch(container, by)

    def _start_required(self, container: FakeContainer, by: Who) -> None:
        """Podman starts whatever the container uses before it, also what somebody stopped."""
        for other in container.uses.values():
            if not other.up:
                self._start_required(other, by)
                self.launch(other, by)

    async def stop(self, container: FakeContainer, timeout: float, by: Who = "user") -> None:
        await self._bring_down(container, timeout, by)

    async def restart(self, container: FakeContainer, timeout: float, by: Who = "user") -> None:
        if container.in_restart is not None:
            await asyncio.wait({container.in_restart})
            raise ActionRefused(500, f"Cannot restart container {container.name}: it is being restarted already")
        container.in_restart = asyncio.current_task()
        try:
            if self.dialect == "podman":
                self.emit("other", container)
            await self._bring_down(container, timeout, by)
            await self._take(START_TAKES)
            if not container.up:
                self._forget_the_past(container)
                self.launch(container, by)
            if self.dialect == "docker":
                self.emit("other", container)
        finally:
            container.in_restart = None

    async def kill(self, container: FakeContainer, by: Who = "user") -> None:
        container.stopped_on_request = True
        await self._take(KILL_TAKES)
        if container.process is not None:
            self.end(container, container.process, KILLED, by)

    def pause(self, container: FakeContainer, by: Who = "user") -> None:
        alive = container.process is not None and not container.process.dead
        if alive and container.state is ContainerState.RUNNING:
            container.state = ContainerState.PAUSED
            self.write(container, "paused", by)
            self.emit("pause", container)

    def unpause(self, container: FakeContainer, by: Who = "user") -> None:
        if container.state is ContainerState.PAUSED:
            container.state = ContainerState.RUNNING
            container.unpaused_at = self.clock.now().moment
            self.write(container, "unpaused", by)
            self.emit("unpause", container)

    async def shut_down(self) -> None:
        """The engine ends politely: it stops every container, tells of it, and is gone."""
        for container in tuple(self.containers.values()):
            asked_before = container.stopped_on_request
            await self._bring_down(container, 10.0, "policy")
            container.stopped_on_request = asked_before
        self.reach.go_away()

    def boot(self) -> None:
        """It comes back, and starts what its policies tell it to; they count anew from there."""
        self.reach.come_back()
        for container in tuple(self.containers.values()):
            if restart_policy.starts_at_boot(container) and container.process is not None:
                self._forget_the_past(container)
                self.reach.once_awake(partial(self._launch_by_policy, container))

    async def _take(self, seconds: float) -> None:
        """Work of the daemon's: longer when it is slow, not at all while it hangs."""
        await asyncio.sleep(seconds * self.reach.slowness)
        await self.reach.awake.wait()

    async def _bring_down(self, container: FakeContainer, timeout: float, by: Who) -> None:
        container.stopped_on_request = True
        process = container.process
        if container.state is ContainerState.RESTARTING:
            container.state = ContainerState.EXITED
            self.emit("stop", container)
        if process is None or not container.up:
            return
        paused = container.state is ContainerState.PAUSED
        if paused and self.dialect == "podman":
            raise ActionRefused(500, f"{container.name} is in state paused: container state improper")
        deaf = paused or process.condition is Condition.FROZEN or container.workload.ignores_sigterm
        if self.dialect == "podman":
            container.state = ContainerState.STOPPING
        else:
            self.emit("kill", container)
        if not deaf:
            workload = container.workload
            self._loop.call_later(workload.stop_after, self.end, container, process, workload.exit_code_on_sigterm, by)
        await self._gone_within(process, timeout)
        await self._take(KILL_TAKES)
        self.end(container, process, KILLED, by)
        self.emit("stop", container)

    async def _gone_within(self, process: Process, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await process.gone.wait()
        except TimeoutError:
            return

    def _forget_the_past(self, container: FakeContainer) -> None:
        """Whoever starts a container through the API resets what its policy counted."""
        container.stopped_on_request = False
        container.restart_count = 0
        container.policy_pause = 0.0
