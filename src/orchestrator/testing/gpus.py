"""GPUs that hold what their containers' workloads take, behind a driver that can go and come back."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.core.gpus import Driver, Gpu, GpuProcess, GpuReading
from orchestrator.testing.daemon import FakeDaemon

LOST = "NVML says: GPU is lost"


@dataclass(slots=True)
class FakeGpus:
    """Implements :class:`orchestrator.ports.GpuDriver`: one card. A world without a card never saw a driver."""

    daemon: FakeDaemon
    total: int = 0
    """Bytes; 0: there is no card."""
    takes: dict[str, int] = field(default_factory=dict)
    """What a container of that name takes while it runs, in bytes."""
    leaked: int = 0
    """What a process takes that is in no container."""
    answers: bool = True
    readings: int = 0

    async def read(self) -> GpuReading:
        self.readings += 1
        if not self.total:
            return GpuReading()
        if not self.answers:
            return GpuReading(Driver.MISSING, detail=LOST)
        processes = [
            GpuProcess(1000 + number, self.takes[each.name], each.container_id)
            for number, each in enumerate(self.daemon.containers.values())
            if each.up and each.name in self.takes
        ]
        if self.leaked:
            processes.append(GpuProcess(999, self.leaked, ""))
        used = sum(process.memory or 0 for process in processes)
        card = Gpu(0, "NVIDIA GeForce RTX 4090", self.total, used, self.total - used, tuple(processes))
        return GpuReading(Driver.ANSWERS, "550.54.14", gpus=(card,))

    async def close(self) -> None:
        return

    def driver_is_lost(self) -> None:
        self.answers = False

    def driver_is_back(self) -> None:
        self.answers = True
