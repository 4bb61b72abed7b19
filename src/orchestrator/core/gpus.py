"""The host's GPUs: whether their driver answers, who uses their memory, and whether there is room for a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RESOURCE: Final = "gpu"
"""What services require that need the driver."""
MEMORY_PATIENCE: Final = 300.0
"""Seconds that a service waits for memory before it is tried all the same: the figures may be wrong, or never met."""
_LARGEST_USERS: Final = 3


class Driver(StrEnum):
    UNKNOWN = "unknown"
    """None was ever seen here, or it cannot be asked: nobody waits for it."""
    ANSWERS = "answers"
    MISSING = "missing"
    """It is installed, or was there, and does not answer."""


@dataclass(frozen=True, slots=True)
class GpuProcess:
    pid: int
    memory: int | None
    """Bytes; ``None``: the driver does not tell."""
    container_id: str | None
    """The full id of the container that it is a process of; empty: of none; ``None``: that cannot be told."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card. Sizes are bytes."""

    index: int
    name: str
    memory_total: int
    memory_used: int
    memory_free: int
    processes: tuple[GpuProcess, ...] = ()

    def available_to(self, container_id: str | None) -> int:
        """What is free once the container, if it runs (not ``None``), has been stopped.

        Memory of which it cannot be told whose it is may well be its own.
        """
        if container_id is None:
            return self.memory_free
        others = sum(
            process.memory or 0 for process in self.processes if process.container_id not in (None, container_id)
        )
        return self.memory_free + max(self.memory_used - others, 0)


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One look at all of them."""

    driver: Driver = Driver.UNKNOWN
    version: str = ""
    """Of the driver, when it answers."""
    detail: str = ""
    """Why it does not answer, or cannot be asked, in words."""
    gpus: tuple[Gpu, ...] = ()


def shortage(need: int, container_id: str | None, reading: GpuReading, services: Mapping[str, str]) -> str:
    """Why ``need`` bytes cannot be had on any one card now, in words; empty: they can, or that is not known.

    ``container_id``: its own container, if it runs; ``services``: names by container id. What no card could ever hold
    is waited for by nobody.
    """
    if need > max((gpu.memory_total for gpu in reading.gpus), default=0):
        return ""
    best = max(reading.gpus, key=lambda gpu: gpu.available_to(container_id))
    available = best.available_to(container_id)
    if available >= need:
        return ""
    users = _users(best, container_id, services)
    return f"{gigabytes(need)} of GPU memory are needed, {gigabytes(available)} are free{users}"


def in_words(reading: GpuReading) -> str:
    """``driver 550.54.14; NVIDIA GeForce RTX 4090: 9.0 of 24.0 GB free``, or why it does not answer."""
    if reading.driver is not Driver.ANSWERS:
        return reading.detail
    cards = (f"{gpu.name}: {gpu.memory_free / 1e9:.1f} of {gigabytes(gpu.memory_total)} free" for gpu in reading.gpus)
    return "; ".join((f"driver {reading.version}", *cards))


def gigabytes(size: int) -> str:
    """``4.0 GB``: ten to the ninth bytes."""
    return f"{size / 1e9:.1f} GB"


def _users(gpu: Gpu, container_id: str | None, services: Mapping[str, str]) -> str:
    used: dict[str, int] = {}
    for process in gpu.processes:
        if process.memory is None or (container_id is not None and process.container_id == container_id):
            continue
        user = services.get(process.container_id or "", f"process {process.pid}")
        used[user] = used.get(user, 0) + process.memory
    largest = sorted(used.items(), key=lambda user: (-user[1], user[0]))[:_LARGEST_USERS]
    return f" ({', '.join(f'{user} uses {gigabytes(size)}' for user, size in largest)})" if largest else ""
