"""The runs of the fake engine's containers: how they begin and end, and what its restart policies make of that."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Final, Literal

from orchestrator.core.model import NAMESPACES, ContainerState, EngineHealth
from orchestrator.errors import ActionRefused, ContainerNotFound
from orchestrator.ports import EngineEvent, LogLine
from orchestrator.testing import restart_policy
from orchestrator.testing.checkups import duration, examine
from orchestrator.testing.clock import VirtualClock
from orchestrator.testing.container import FakeContainer, Process
from orchestrator.testing.feed import EventFeed, Habits
from orchestrator.testing.ledger import Happening, Ledger, What, Who
from orchestrator.testing.reachability import Reachability
from orchestrator.testing.workload import EngineCheckup

Dialect = Literal["docker", "podman"]
EventWord = Literal[
    "create", "start", "die", "stop", "kill", "pause", "unpause", "destroy", "rename", "oom", "health", "other"
]

PODMAN_LAG: Final = 0.245
"""Seconds between a death and its line in Podman's stream, seen on 4.3."""
PODMAN_CLEANS_UP: Final = 0.05
"""Before its policy restarts a container, without any pause of its own."""
KILLED: Final = 137


class Runs:
    """The containers of one engine, and their processes; :attr:`reach` says whether it can be reached and whether it
    answers."""

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
        self._next_pid = 1000

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
        self._launch_by_policy(container)

    def _launch_by_policy(self, container: FakeContainer) -> None:
        with contextlib.suppress(ActionRefused):
            self.launch(container, "policy")
