"""What the driver answers, read; and every way in which it does not."""
# ruff: noqa: N802 - the names are NVML's

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.adapters.gpus import NvidiaDriver
from orchestrator.core.gpus import Driver, Gpu, GpuProcess, GpuReading

pynvml: Any = import_module("pynvml")  # without types
GB = 10**9
CONTAINER = "c0ffee" + "0" * 58


class Binding:
    """What we call of ``pynvml``, with its own errors: one card, two processes, of which one is listed twice."""

    NVMLError = pynvml.NVMLError
    NVMLLibraryMismatchError = pynvml.NVMLLibraryMismatchError
    NVML_ERROR_LIBRARY_NOT_FOUND = pynvml.NVML_ERROR_LIBRARY_NOT_FOUND
    NVML_ERROR_LIB_RM_VERSION_MISMATCH = pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH

    def __init__(self) -> None:
        self.failing: dict[str, int] = {}
        """NVML's error number by the name of the call."""
        self.gpus = 1
        self.open = 0
        self.hangs = threading.Event()
        self.hangs.set()

    def _called(self, name: str) -> None:
        self.hangs.wait(30)
        if name in self.failing:
            raise pynvml.NVMLError(self.failing[name])

    def nvmlInit(self) -> None:
        self._called("nvmlInit")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1
        self._called("nvmlShutdown")

    def nvmlSystemGetDriverVersion(self) -> str:
        self._called("nvmlSystemGetDriverVersion")
        return "550.54.14"

    def nvmlDeviceGetCount(self) -> int:
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._called("nvmlDeviceGetHandleByIndex")
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "NVIDIA GeForce RTX 4090"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(total=24 * GB, used=15 * GB, free=9 * GB)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        self._called("nvmlDeviceGetComputeRunningProcesses")
        return [SimpleNamespace(pid=7, usedGpuMemory=14 * GB), SimpleNamespace(pid=8, usedGpuMemory=None)]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[Any]:
        self._called("nvmlDeviceGetGraphicsRunningProcesses")
        return [SimpleNamespace(pid=9, usedGpuMemory=GB), SimpleNamespace(pid=7, usedGpuMemory=14 * GB)]


@pytest.fixture
def binding() -> Binding:
    return Binding()


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A machine with a driver: process 7 is in a container, 9 in none, and 8 is not to be seen."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()
    for pid, cgroup in ((7, f"0::/system.slice/docker-{CONTAINER}.scope\n"), (9, "0::/user.slice\n")):
        (tmp_path / "proc" / str(pid)).mkdir(parents=True)
        (tmp_path / "proc" / str(pid) / "cgroup").write_text(cgroup)
    return tmp_path


def read(driver: NvidiaDriver) -> GpuReading:
    return asyncio.run(driver.read())


def failing(host: Path, binding: Binding, call: str, error: int) -> GpuReading:
    binding.failing[call] = error
    return read(NvidiaDriver(host, lambda: binding))


def test_cards_memory_and_whose_it_is_are_read(host: Path, binding: Binding) -> None:
    card = Gpu(
        index=0,
        name="NVIDIA GeForce RTX 4090",
        memory_total=24 * GB,
        memory_used=15 * GB,
        memory_free=9 * GB,
        processes=(GpuProcess(7, 14 * GB, CONTAINER), GpuProcess(8, None, None), GpuProcess(9, GB, "")),
    )
    assert read(NvidiaDriver(host, lambda: binding)) == GpuReading(Driver.ANSWERS, "550.54.14", gpus=(card,))


def test_nothing_is_held_open_between_two_readings(host: Path, binding: Binding) -> None:
    read(NvidiaDriver(host, lambda: binding))
    assert binding.open == 0
    failing(host, binding, "nvmlDeviceGetHandleByIndex", pynvml.NVML_ERROR_GPU_IS_LOST)
    assert binding.open == 0


@pytest.mark.parametrize("call", ["nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"])
def test_a_card_that_tells_no_processes_is_read_without(host: Path, binding: Binding, call: str) -> None:
    reading = failing(host, binding, call, pynvml.NVML_ERROR_NOT_SUPPORTED)
    assert reading.driver is Driver.ANSWERS
    assert len(reading.gpus[0].processes) == 2


def test_an_error_at_the_end_takes_nothing_back(host: Path, binding: Binding) -> None:
    reading = failing(host, binding, "nvmlShutdown", pynvml.NVML_ERROR_UNKNOWN)
    assert reading.driver is Driver.ANSWERS


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ("nvmlInit", pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "Driver Not Loaded"),
        ("nvmlDeviceGetHandleByIndex", pynvml.NVML_ERROR_GPU_IS_LOST, "GPU is lost"),
        ("nvmlSystemGetDriverVersion", pynvml.NVML_ERROR_UNKNOWN, "Unknown Error"),
        ("nvmlInit", pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "NVML/RM version mismatch"),
    ],
)
def test_a_driver_that_answers_with_an_error_is_missing(
    host: Path, binding: Binding, call: str, error: int, words: str
) -> None:
    reading = failing(host, binding, call, error)
    assert reading.driver is Driver.MISSING
    assert words in reading.detail


def test_a_driver_that_shows_no_card_is_missing(host: Path, binding: Binding) -> None:
    binding.gpus = 0
    assert read(NvidiaDriver(host, lambda: binding)).driver is Driver.MISSING


def test_a_driver_whose_library_is_not_here_is_not_missed(host: Path, binding: Binding) -> None:
    """Ours is a container without it, perhaps; those of others may well have it."""
    reading = failing(host, binding, "nvmlInit", pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    assert reading.driver is Driver.UNKNOWN
    assert "libnvidia-ml.so.1" in reading.detail


def test_a_driver_that_was_replaced_under_us_is_not_missed(host: Path, binding: Binding) -> None:
    driver = NvidiaDriver(host, lambda: binding)
    assert read(driver).driver is Driver.ANSWERS
    binding.failing["nvmlInit"] = pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH
    reading = read(driver)
    assert (reading.driver, "restart the orchestrator" in reading.detail) == (Driver.UNKNOWN, True)


def test_where_no_trace_of_a_driver_is_nothing_is_imported(tmp_path: Path) -> None:
    def forbidden() -> Any:
        raise AssertionError("imported")

    assert read(NvidiaDriver(tmp_path, forbidden)) == GpuReading()


def test_a_driver_that_is_unloaded_is_missing(host: Path, binding: Binding) -> None:
    driver = NvidiaDriver(host, lambda: binding)
    assert read(driver).driver is Driver.ANSWERS
    (host / "dev" / "nvidiactl").unlink()
    reading = read(driver)
    assert (reading.driver, reading.detail[:15]) == (Driver.MISSING, "it was unloaded")


@pytest.fixture
def hung(binding: Binding) -> Iterator[Binding]:
    binding.hangs.clear()
    yield binding
    binding.hangs.set()


def test_a_hung_driver_is_missing_after_the_deadline_and_not_asked_twice(host: Path, hung: Binding) -> None:
    async def story() -> None:
        driver = NvidiaDriver(host, lambda: hung, deadline=0.05)
        before = threading.active_count()
        for _ in range(3):
            reading = await driver.read()
            assert (reading.driver, reading.detail) == (Driver.MISSING, "it has not answered within 0.05 s")
        assert threading.active_count() == before + 1
        hung.hangs.set()
        patient = NvidiaDriver(host, lambda: hung)
        assert (await patient.read()).driver is Driver.ANSWERS

    asyncio.run(story())


def test_an_answer_after_our_end_harms_nobody(host: Path, hung: Binding) -> None:
    assert read(NvidiaDriver(host, lambda: hung, deadline=0.05)).driver is Driver.MISSING
    (late,) = [thread for thread in threading.enumerate() if thread.name == "gpus"]
    hung.hangs.set()
    late.join(10)
    assert not late.is_alive()


def test_this_machine_is_told_as_it_is() -> None:
    """With a GPU, its driver answers; without, nobody is asked, and nobody has to wait for one."""
    reading = read(NvidiaDriver())
    if any(Path(trace).exists() for trace in ("/dev/nvidiactl", "/proc/driver/nvidia")):
        assert reading.driver is Driver.ANSWERS, reading.detail
        assert reading.version
        for gpu in reading.gpus:
            assert 0 < gpu.memory_used + gpu.memory_free <= gpu.memory_total
    else:
        assert reading == GpuReading()


def test_the_binding_itself_says_what_this_machine_has(host: Path) -> None:
    """Its calls are real here: where the library is not, that is what it says."""
    reading = read(NvidiaDriver(host))
    assert "pynvml" in sys.modules
    if reading.driver is Driver.ANSWERS:
        assert reading.gpus
    else:
        assert reading.detail
