"""What is known of the machine that the containers run on, and what is told of it that is no service's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from orchestrator.core.gpus import RESOURCE, Driver, GpuReading, in_words
from orchestrator.core.model import Instant
from orchestrator.core.resources import Presence, ResourceReading
from orchestrator.runtime import narrator
from orchestrator.runtime.inbox import ResourceAsked
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.requests import NO_SERVICE
from orchestrator.runtime.views import GpuProcessView, GpusView, GpuView, host_document


@dataclass(slots=True)
class Host:
    """The brain alone writes it."""

    gpus: GpuReading = field(default_factory=GpuReading)
    gpus_at: float = float("-inf")
    """The moment at which that reading began."""
    gpus_since: float = 0.0
    """Wall time of the last change of the driver's state."""
    resources: dict[str, ResourceReading] = field(default_factory=dict)
    """The newest answer, by name, of those that services require now and that were asked for."""
    asked_at: dict[str, float] = field(default_factory=dict)
    """The moment at which that question began."""

    @property
    def missing(self) -> frozenset[str]:
        """Resources that services require and that are not there."""
        missing = frozenset(name for name, reading in self.resources.items() if reading.presence is Presence.MISSING)
        return missing | {RESOURCE} if self.gpus.driver is Driver.MISSING else missing

    def keep(self, names: Collection[str]) -> None:
        """Forget the answers of all others: nobody requires them any more."""
        for name in self.resources.keys() - set(names):
            del self.resources[name], self.asked_at[name]

    def view(self, services: Mapping[str, str]) -> GpusView:
        """``services``: names by container id."""
        return GpusView(
            driver=self.gpus.driver,
            version=self.gpus.version,
            detail=self.gpus.detail,
            since=self.gpus_since,
            gpus=tuple(
                GpuView(
                    index=gpu.index,
                    name=gpu.name,
                    memory_total=gpu.memory_total,
                    memory_used=gpu.memory_used,
                    processes=tuple(
                        GpuProcessView(process.pid, process.memory, services.get(process.container_id or ""))
                        for process in gpu.processes
                    ),
                )
                for gpu in self.gpus.gpus
            ),
        )


def take_in_gpus(host: Host, reading: GpuReading, journal: Journal, now: Instant) -> bool:
    """Whether the driver came or went; that is told once, whatever hangs on it."""
    before, host.gpus = host.gpus, reading
    if reading.driver is before.driver:
        return False
    host.gpus_since = now.wall
    match before.driver, reading.driver:
        case _, Driver.MISSING:
            tell(journal, RESOURCE, "GPU driver lost", reading.detail, now, well=False)
        case Driver.MISSING, Driver.ANSWERS:
            tell(journal, RESOURCE, "GPU driver is back", f"driver {reading.version}", now, well=True)
        case _:
            well = reading.driver is Driver.ANSWERS
            narrator.told_of_host(RESOURCE, f"GPU driver {reading.driver}", in_words(reading), well=well)
    return True


def take_in_resource(host: Host, post: ResourceAsked, journal: Journal, now: Instant) -> bool:
    """Whether it came or went, or was asked for the first time; that is told once, whatever requires it."""
    name, reading, before = post.name, post.reading, host.resources.get(post.name)
    host.resources[name], host.asked_at[name] = reading, post.begun
    if before is not None and reading.presence is before.presence:
        return False
    match reading.presence:
        case Presence.MISSING:
            tell(journal, name, "Precondition not met", reading.detail, now, well=False)
        case Presence.UNKNOWN:
            tell(
                journal, name, "Precondition cannot be asked", f"{reading.detail}; nobody waits for it", now, well=False
            )
        case Presence.THERE:
            if before is not None:
                tell(journal, name, "Precondition met again", reading.detail, now, well=True)
    return True


def tell(journal: Journal, subject: str, message: str, cause: str, now: Instant, *, well: bool) -> None:
    """One event that is no service's: kept, streamed and logged. ``well``: it is good news."""
    journal.record(NO_SERVICE, host_document(subject, message, cause, now.wall))
    narrator.told_of_host(subject, message, cause, well=well)
