"""The fake engine's own side: containers, their processes, the engine's restart policy, and its bad days.

Times are the virtual loop's. What is asked for runs in tasks of the daemon, so that it goes on when the one who
asked is gone, as it does in Docker and Podman.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from orchestrator.core.evidence import LogLine
from orchestrator.core.model import NAMESPACES, ContainerState, EngineHealth
from orchestrator.errors import ActionRefused, ContainerNotFound
from orchestrator.ports import EngineEvent
from orchestrator.testing import restart_policy
from orchestrator.testing.checkups import duration, examine
from orchestrator.testing.clock import VirtualClock
from orchestrator.testing.container import Blueprint, FakeContainer, Process
from orchestrator.testing.feed import EventFeed, Habits
from orchestrator.testing.ledger import Happening, Ledger, What, Who
from orchestrator.testing.reachability import Reachability
from orchestrator.testing.workload import Condition, EngineCheckup

Dialect = Literal["docker", "podman"]
EventWord = Literal[
    "create", "start", "die", "stop", "kill", "pause", "unpause", "destroy", "rename", "oom", "health", "other"
]

PODMAN_LAG: Final = 0.245
"""Seconds between a death and its line in Podman's stream, seen on 4.3."""
PODMAN_CLEANS_UP: Final = 0.05
"""Before its policy restarts a container, without any pause of its own."""
START_TAKES: Final = 0.2
KILL_TAKES: Final = 0.02
KILLED: Final = 137


class FakeDaemon:
    """One engine with its containers; :attr:`reach` says whether it can be reached and whether it answers."""

    def __init__(
        self,
        clock: VirtualClock,
        loop: asyncio.AbstractEventLoop,
        *,
        dialect: Dialect = "docker",
        chance: random.Random | None = None,
    ) -> None:
        self.clock = clock
        self.dialect = dialect
        self.ledger = Ledger()
        self.chance = chance or random.Random(0)  # noqa: S311 - a test's dice, no secret
        self.feed = EventFeed(Habits(lag=PODMAN_LAG if dialect == "podman" else 0.0), self.chance, loop)
        self.containers: dict[str, FakeContainer] = {}
        self.reach = Reachability(loop)
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()
        self._next_pid = 1000

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

    def find(self, key: str) -> FakeContainer:
        """By id or by name."""
        found = self.containers.get(key) or next((one for one in self.containers.values() if one.name == key), None)
        if found is None:
            raise ContainerNotFound(f"No such container: {key}")
        return found

    def write(self, container: FakeContainer, what: What, by: Who, detail: str = "") -> None:
        now = self.clock.now()
        well = container.plainly_well(now.moment)
        self.ledger.write(Happening(now, container.name, what, by, detail, well))

    def emit(self, word: EventWord, container: FakeContainer) -> None:
        self.feed.emit(EngineEvent(container.container_id, word, self.clock.now().wall))

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

    # --- runs begin ---------------------------------------------------------------------------------------

    def launch(self, container: FakeContainer, by: Who) -> None:
        """Begin a run; raises :class:`ActionRefused` where the container cannot be started."""
        refusal = self._refusal(container)
        if refusal:
            container.error = refusal
            container.exit_code = 128
            if container.state is not ContainerState.CREATED:
                container.state = ContainerState.EXITED
            self.write(container, "refused", by, refusal)
            raise ActionRefused(400 if self.dialect == "docker" else 500, refusal)
        self.write(container, "started", by)
        now = self.clock.now()
        self._next_pid += 1
        joined = {kind: other.process for kind, other in container.uses.items() if kind in NAMESPACES}
        process = Process(self._next_pid, now.moment, container.workload.condition, joined=joined)
        container.process = process
        container.state = ContainerState.RUNNING
        container.started_at, container.exit_code = now.wall, None
        container.error, container.oom_killed = "", False
        self.emit("start", container)
        if container.workload.crash_after is not None:
            delay, code = container.workload.crash_after, container.workload.exit_code
            self._loop.call_later(delay, self.end, container, process, code, "itself")
        self._schedule_checkup(container, process)
        self._speak(container, process)

    def _speak(self, container: FakeContainer, process: Process) -> None:
        workload, at = container.workload, self.clock.now().wall
        for text in workload.says:
            container.output.write(LogLine("stdout", at, text))
        for text in workload.complains:
            container.output.write(LogLine("stderr", at, text))
        if workload.ticks_every is not None:
            self._loop.call_later(workload.ticks_every, self._tick, container, process, workload.ticks_every)

    def _tick(self, container: FakeContainer, process: Process, every: float) -> None:
        if process.dead:
            return
        container.output.write(LogLine("stdout", self.clock.now().wall, "tick"))
        self._loop.call_later(every, self._tick, container, process, every)

    def _schedule_checkup(self, container: FakeContainer, process: Process) -> None:
        """Docker runs health checks by itself; Podman only where systemd has timers for it, which is not here."""
        checkup = container.blueprint.checkup
        if checkup is None or process.dead:
            return
        if process.checkup is None:
            process.checkup = EngineHealth("starting", interval=checkup.interval)
        if self.dialect == "docker":
            self._loop.call_later(checkup.interval, self._begin_checkup, container, process, checkup)

    def _begin_checkup(self, container: FakeContainer, process: Process, checkup: EngineCheckup) -> None:
        takes = duration(container, checkup, self.clock.now().moment)
        self._loop.call_later(takes, self.check_up, container, process, checkup)
        self._loop.call_later(takes, self._schedule_checkup, container, process)

    def check_up(self, container: FakeContainer, process: Process, checkup: EngineCheckup) -> None:
        if examine(container, process, checkup, self.clock.now()):
            self.emit("health", container)

    def _refusal(self, container: FakeContainer) -> str:
        for kind, owner in container.uses.items():
            if kind in NAMESPACES and owner.container_id not in self.containers:
                return container.refuses_start or f"No such container: {owner.container_id}"
            if kind in NAMESPACES and not owner.up:
                words = f"cannot join {kind} of a non running container: {owner.container_id}"
                return container.refuses_start or words
        return container.refuses_start

    # --- runs end -----------------------------------------------------------------------------------------

    def end(self, container: FakeContainer, process: Process, code: int, by: Who, oom: bool = False) -> None:
        """The process is gone now; the engine takes note as soon as it is awake."""
        if process.dead:
            return
        now = self.clock.now()
        well = container.plainly_well(now.moment)
        process.gone.set()
        container.output.end_run()
        self.ledger.write(Happening(now, container.name, "exited", by, f"with {code}", well))
        self.reach.once_awake(lambda: self._take_note(container, process, code, oom))
        for other in tuple(self.containers.values()):
            if other.process is not None and other.process.joined.get("pid") is process:
                self.end(other, other.process, KILLED, "itself")  # the kernel ends all of a process namespace

    def _take_note(self, container: FakeContainer, process: Process, code: int, oom: bool) -> None:
        if container.process is not process:
            return
        container.state = ContainerState.EXITED
        container.finished_at, container.exit_code = self.clock.now().wall, code
        container.killed_for_memory = oom
        container.oom_killed = oom and self.dialect == "docker"  # Podman does not report it
        if oom and self.dialect == "docker":
            self.emit("oom", container)
        self.emit("die", container)
        if container.in_restart is None and restart_policy.restarts(container, code):
            self._plan_restart(container, process)

    def _plan_restart(self, container: FakeContainer, process: Process) -> None:
        if self.dialect == "podman":
            self._loop.call_later(PODMAN_CLEANS_UP, self._restart_by_policy, container, process)
            return
        container.policy_pause = restart_policy.pause_before(container, self.clock.now().moment - process.began)
        container.state = ContainerState.RESTARTING
        self._loop.call_later(container.policy_pause, self._restart_by_policy, container, process)

    def _restart_by_policy(self, container: FakeContainer, process: Process) -> None:
        self.reach.once_awake(lambda: self._restart_now(container, process))

    def _restart_now(self, container: FakeContainer, process: Process) -> None:
        superseded = container.process is not process or container.stopped_on_request
        if superseded or container.container_id not in self.containers:
            return
        container.restart_count += 1
        try:
            self.launch(container, "policy")
        except ActionRefused:
            return

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
        """It comes back, and starts what its policies tell it to."""
        self.reach.come_back()
        for container in tuple(self.containers.values()):
            if restart_policy.starts_at_boot(container) and container.process is not None:
                container.stopped_on_request = False
                self._restart_by_policy(container, container.process)

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
