"""NVIDIA's driver, asked through its management library, NVML, by the vendor's own binding.

The binding is imported, and the library loaded, only where a driver is: everybody else pays two looks at a path. NVML's
calls block, for ever when the driver hangs: each reading has a thread of its own that nobody waits for at the end, and
while one hangs no second is begun. Between two readings nothing is held open, so that the driver can be replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from orchestrator.core.gpus import Driver, Gpu, GpuProcess, GpuReading

DEADLINE: Final = 5.0
"""Seconds: a card that sleeps takes two to wake up."""
_TRACES: Final = ("dev/nvidiactl", "proc/driver/nvidia")
_ID: Final = re.compile(r"\b[0-9a-f]{64}\b")


def _binding() -> Any:
    return import_module("pynvml")


class NvidiaDriver:
    """Implements :class:`orchestrator.ports.GpuDriver`."""

    def __init__(
        self, root: Path = Path("/"), binding: Callable[[], Any] = _binding, deadline: float = DEADLINE
    ) -> None:
        """``root``: where ``/dev`` and ``/proc`` are found; ``binding``: gives the module ``pynvml``."""
        self._root = root
        self._binding = binding
        self._deadline = deadline
        self._seen = False
        """It has answered since we began."""
        self._pending: asyncio.Future[GpuReading] | None = None

    async def read(self) -> GpuReading:
        if not any((self._root / trace).exists() for trace in _TRACES):
            words = "it was unloaded: neither /dev/nvidiactl nor /proc/driver/nvidia is there any more"
            return GpuReading(Driver.MISSING, detail=words) if self._seen else GpuReading()
        pending = self._pending = self._pending or self._begin()
        try:
            async with asyncio.timeout(self._deadline):
                reading = await asyncio.shield(pending)
        except TimeoutError:
            return GpuReading(Driver.MISSING, detail=f"it has not answered within {self._deadline:g} s")
        self._pending = None
        self._seen = self._seen or reading.driver is Driver.ANSWERS
        return reading

    async def close(self) -> None:
        """Nothing is open; a thread that hangs ends with the process."""

    def _begin(self) -> asyncio.Future[GpuReading]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[GpuReading] = loop.create_future()

        def ask() -> None:
            reading = self._ask()
            with contextlib.suppress(RuntimeError):  # the loop has ended before the driver answered
                loop.call_soon_threadsafe(answer.set_result, reading)

        threading.Thread(target=ask, name="gpus", daemon=True).start()
        return answer

    # --- in the thread -------------------------------------------------------------------------------------

    def _ask(self) -> GpuReading:
        nvml = self._binding()
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            return self._failed(nvml, error)
        try:
            gpus = tuple(self._gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))
            version = nvml.nvmlSystemGetDriverVersion()
        except nvml.NVMLError as error:
            return self._failed(nvml, error)
        finally:
            with contextlib.suppress(nvml.NVMLError):
                nvml.nvmlShutdown()
        if not gpus:
            return GpuReading(Driver.MISSING, version, "it answers and shows no GPU")
        return GpuReading(Driver.ANSWERS, version, gpus=gpus)

    def _failed(self, nvml: Any, error: Any) -> GpuReading:
        """What cannot be asked by us is not therefore missing for others."""
        if error.value == nvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            words = "its management library libnvidia-ml.so.1 is not here: neither driver nor memory can be watched"
            return GpuReading(Driver.UNKNOWN, detail=words)
        if error.value == nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH and self._seen:
            words = "it was replaced since we began: restart the orchestrator to have it watched again"
            return GpuReading(Driver.UNKNOWN, detail=words)
        return GpuReading(Driver.MISSING, detail=f"NVML says: {error}")

    def _gpu(self, nvml: Any, index: int) -> Gpu:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        return Gpu(
            index=index,
            name=nvml.nvmlDeviceGetName(handle),
            memory_total=memory.total,
            memory_used=memory.used,
            memory_free=memory.free,
            processes=tuple(self._processes(nvml, handle)),
        )

    def _processes(self, nvml: Any, handle: Any) -> Iterator[GpuProcess]:
        """Each once, as far as the driver tells: not on every card, and not to everybody."""
        known: dict[int, int | None] = {}
        for listed in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
            try:
                known |= {process.pid: process.usedGpuMemory for process in listed(handle)}
            except (nvml.NVMLError, nvml.NVMLLibraryMismatchError):  # the latter: a driver older than the binding
                continue
        for pid, memory in sorted(known.items()):
            yield GpuProcess(pid, memory, self._container_of(pid))

    def _container_of(self, pid: int) -> str | None:
        try:
            cgroups = (self._root / "proc" / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        found = _ID.findall(cgroups)
        return found[-1] if found else ""
