"""One fake container: what the engine has on record about it, and the process of its run."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from orchestrator.core.model import (
    ContainerSnapshot,
    ContainerState,
    ContainerSummary,
    EngineHealth,
    PublishedPort,
    Tie,
    TieKind,
)
from orchestrator.testing.output import Output
from orchestrator.testing.workload import HEALTHY, Condition, EngineCheckup, Workload

LONGEST_QUESTION = 6.0
"""Seconds a health question may be under way."""
_UP = (ContainerState.RUNNING, ContainerState.PAUSED)


@dataclass(eq=False, slots=True)
class Process:
    """The process of one run; it is somebody else after every start."""

    pid: int
    began: float
    """Moment."""
    condition: Condition
    changed_at: float = 0.0
    """The moment at which its condition changed last."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    joined: Mapping[TieKind, Process | None] = field(default_factory=dict)
    """Whose namespaces it joined at its start."""
    checkup: EngineHealth | None = None
    failed_checkups: int = 0

    @property
    def dead(self) -> bool:
        return self.gone.is_set()

    @property
    def cut_off(self) -> bool:
        """It shares a namespace with nobody any more."""
        return any(other is not None and other.dead for other in self.joined.values())


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a container is created with; recreating uses it again."""

    name: str
    image: str = "localhost/workload:latest"
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ports: tuple[PublishedPort, ...] = (PublishedPort(8080, 18080, "127.0.0.1"),)
    workload: Workload = HEALTHY
    policy: str = "no"
    """The engine's own restart policy: no, always, unless-stopped, on-failure."""
    checkup: EngineCheckup | None = None
    leans_on: tuple[str, ...] = ()
    """Names of containers without which it says that it is ill, until they are well again."""
    uses: Mapping[TieKind, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of other containers, by their names."""
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    memory_limit: int | None = None
    """Bytes."""


@dataclass(eq=False, slots=True)
class FakeContainer:
    """Mutable on purpose: this is the world, not the program. Only the daemon changes it."""

    container_id: str
    blueprint: Blueprint
    neighbours: Mapping[str, FakeContainer]
    """All of its engine, by id."""
    created_at: float
    workload: Workload
    state: ContainerState = ContainerState.CREATED
    process: Process | None = None
    unpaused_at: float = 0.0
    """Moment."""
    started_at: float | None = None
    finished_at: float | None = None
    exit_code: int | None = None
    error: str = ""
    oom_killed: bool = False
    killed_for_memory: bool = False
    """The kernel's word on the end of the last run; ``oom_killed`` is the engine's."""
    restart_count: int = 0
    stopped_on_request: bool = False
    """The engine's own policy leaves it alone until somebody starts it."""
    refuses_start: str = ""
    """The engine's words on why it cannot be started; empty: it can."""
    refuses_likeness: str = ""
    """The engine's words on why no container can be created like it."""
    uses: Mapping[TieKind, FakeContainer] = field(default_factory=dict)
    policy_pause: float = 0.0
    """What the engine's own policy waited last."""
    in_restart: asyncio.Task[None] | None = None
    output: Output = field(default_factory=Output)

    @property
    def name(self) -> str:
        return self.blueprint.name

    @property
    def up(self) -> bool:
        return self.state in _UP

    def answers(self, moment: float) -> Condition | None:
        """How its process is, for one who asks over the network; ``None``: nobody listens."""
        process = self.process
        if process is None or process.dead or moment - process.began < self.workload.warm_up:
            return None
        network = process.joined.get("network")
        if network is not None and network.dead:
            return None
        if self.state is ContainerState.PAUSED:
            return Condition.FROZEN
        if process.condition is Condition.HEALTHY and not self._supported(moment):
            return Condition.SICK
        return process.condition

    def _supported(self, moment: float) -> bool:
        return all(each is not None and each.well(moment) for each in self._props())

    def _props(self) -> Iterator[FakeContainer | None]:
        """What it leans on; ``None`` for one that is not there."""
        for name in self.blueprint.leans_on:
            yield next((each for each in self.neighbours.values() if each.name == name), None)

    def well(self, moment: float) -> bool:
        runs = self.state is ContainerState.RUNNING and self.process is not None and not self.process.cut_off
        return runs and self.answers(moment) is Condition.HEALTHY

    def plainly_well(self, moment: float) -> bool:
        """Well for so long that a question asked while it was not has been answered since."""
        return self.process is not None and self.well(moment) and self.well_since() <= moment - LONGEST_QUESTION

    def well_since(self) -> float:
        """The moment from which on it was well, given that it is."""
        assert self.process is not None
        ready = self.process.began + self.workload.warm_up
        props = (each.well_since() for each in self._props() if each is not None)
        return max(ready, self.process.changed_at, self.unpaused_at, *props)

    def snapshot(self) -> ContainerSnapshot:
        blueprint = self.blueprint
        down = self.state in (ContainerState.EXITED, ContainerState.RESTARTING)
        return ContainerSnapshot(
            container_id=self.container_id,
            name=blueprint.name,
            image=blueprint.image,
            state=self.state,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            exit_code=self.exit_code if down else None,
            error=self.error,
            oom_killed=self.oom_killed,
            pid=self.process.pid if self.process is not None and self.up else None,
            labels=blueprint.labels,
            ports=blueprint.ports,
            addresses=("172.17.0.2",) if self.up else (),
            network_mode=self._network_mode(),
            ties=self._ties(tuple(self.uses)),
            restart_policy=blueprint.policy,
            restart_count=self.restart_count,
            image_id=f"id of {blueprint.image}",
            configuration={
                "environment": " ".join(f"{key}={blueprint.environment[key]}" for key in sorted(blueprint.environment))
            },
            memory_limit=blueprint.memory_limit,
            health=self.health(),
        )

    def summary(self, wall: float, told: Collection[TieKind]) -> ContainerSummary:
        """A row of a list that tells of these ties."""
        health = self.health()
        return ContainerSummary(
            container_id=self.container_id,
            name=self.name,
            image=self.blueprint.image,
            state=self.state,
            created_at=self.created_at,
            labels=self.blueprint.labels,
            network_mode=self._network_mode() if told else "",
            ties=self._ties(told),
            ports=self.blueprint.ports,
            uptime_at_most=uptime_at_most(wall - self.started_at) if self.up and self.started_at is not None else None,
            health="" if health is None or health.status == "none" else health.status,
        )

    def health(self) -> EngineHealth | None:
        checkup = self.blueprint.checkup
        if checkup is None:
            return None
        if self.process is None or self.state is not ContainerState.RUNNING or self.process.checkup is None:
            return EngineHealth("none", interval=checkup.interval)
        return self.process.checkup

    def _network_mode(self) -> str:
        owner = self.uses.get("network")
        return "bridge" if owner is None else f"container:{owner.container_id}"

    def _ties(self, told: Collection[TieKind]) -> tuple[Tie, ...]:
        return tuple(Tie(kind, other.container_id) for kind, other in self.uses.items() if kind in told)


def uptime_at_most(age: float) -> float:
    """The bound that a list's words give: ``Up 5 minutes`` is under 6; seconds, minutes, then hours."""
    for unit, largest in ((1.0, 60), (60.0, 60)):
        if age < unit * largest:
            return (age // unit + 1) * unit
    return (age // 3600 + 1) * 3600.0
