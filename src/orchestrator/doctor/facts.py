"""What the looks bring back. Nothing here is a verdict; times are seconds, amounts are bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from orchestrator.core.model import ContainerSnapshot, ServiceSpec
from orchestrator.errors import EngineError, EngineUnavailable
from orchestrator.ports import EngineIdentity, Reading, Target


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})" if self.command else f"process {self.pid}"


@dataclass(frozen=True, slots=True)
class SocketFile:
    """The file of a local socket, as far as it says who may use it."""

    owner: str
    group: str
    open_to_group: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address where an engine might answer, tried."""

    address: str
    answer: EngineIdentity | EngineUnavailable
    socket: SocketFile | None = None
    """``None``: no local socket, or one that cannot be looked at."""
    ahead: float = 0.0
    """How far the engine's clock is before ours."""
    rootless: bool | None = None
    """``None``: it does not tell."""


@dataclass(frozen=True, slots=True)
class EngineSeen:
    attempts: tuple[Attempt, ...]
    """In the order in which ``serve`` tries them."""
    user: str
    """Who we are."""
    programs: frozenset[str] = frozenset()
    """Engines whose programs are installed here: ``docker``, ``podman``."""

    @property
    def chosen(self) -> Attempt | None:
        """The one that ``serve`` would use."""
        return next((each for each in self.attempts if isinstance(each.answer, EngineIdentity)), None)


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP port on which a container's processes listen."""

    port: int
    loopback: bool
    """On the container's own loopback address alone: nobody outside reaches it."""


@dataclass(frozen=True, slots=True)
class CheckUp:
    """One service's check, asked once."""

    spec: ServiceSpec
    snapshot: ContainerSnapshot | EngineError
    target: Target | str | None = None
    """Whom it was asked of; a string says why nobody can be asked; ``None``: there was nothing to ask."""
    reading: Reading | None = None
    took: float = 0.0
    patience: float = 0.0
    """What it was given, which may be more than its own time-out."""
    listeners: tuple[Listener, ...] | None = None
    """``None``: not looked at, or not visible from here."""


@dataclass(frozen=True, slots=True)
class StateSeen:
    """The store, looked at without being written to."""

    location: str
    """``state file /var/lib/...`` or ``Redis redis://...``."""
    store: str
    """The same, as the API names it."""
    trouble: str = ""
    remedy: str = ""
    """Both empty: it can be used."""
    free: int | None = None
    """Bytes that are left for it; ``None``: not known, or without a limit."""
    holder: str = ""
    """Who has it, in words; empty: nobody."""
    new: bool = False
    """There is none yet; it will be made."""
    disabled: tuple[str, ...] = ()
    """The services that it remembers as disabled."""


@dataclass(frozen=True, slots=True)
class ServeSeen:
    """The running orchestrator, by its API."""

    address: str
    health: Mapping[str, Any] | None = None
    """The answer of ``/api/system/health/full``; ``None``: see ``failure``."""
    failure: str = ""
    remedy: str = ""
    refused: bool = False
    """It answers, and does not let us in; or what answers there is none."""
    stream: str | None = None
    """Why its live stream cannot be read; ``None``: it can, or was not tried."""
    port: int | None = None
    """Its port on this machine; ``None``: it is asked on another one."""
    listener: Process | None = None
    """Who has that port, where that is known."""

    @property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        if self.health is None:
            return MappingProxyType({})
        return {one["name"]: one for one in self.health["services"]}


@dataclass(frozen=True, slots=True)
class MachineSeen:
    open_files: int
    """How many files that process may have open."""
    whose: str
