"""The host's own figures: read from the kernel's files, and where they are not there, why."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator.adapters.pressure import HostFigures
from orchestrator.core.evidence import Disk, HostPressure, Pressure, Unread

MEMORY = "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\nHugePages_Total: 0\n"


def read(proc: Path, storage: str) -> HostPressure:
    return asyncio.run(HostFigures(proc).read(storage))


def laid_out(folder: Path, **pressures: str) -> Path:
    (folder / "meminfo").write_text(MEMORY)
    for resource, text in pressures.items():
        (folder / "pressure").mkdir(exist_ok=True)
        (folder / "pressure" / resource).write_text(text)
    return folder


def test_this_machine_s_figures_are_read(tmp_path: Path) -> None:
    seen = read(Path("/proc"), str(tmp_path))
    assert seen.cores >= 1
    assert 0 < seen.memory_available <= seen.memory
    assert isinstance(seen.disk, Disk)
    assert 0 <= seen.disk.free <= seen.disk.size


def test_pressure_is_the_share_of_the_last_ten_seconds(tmp_path: Path) -> None:
    line = "{} avg10={} avg60=0.00 avg300=0.00 total=7\n"
    both = line.format("some", 12.5) + line.format("full", 3.0)
    seen = read(laid_out(tmp_path, cpu=line.format("some", 1.25), memory=both, io=both), str(tmp_path))
    assert seen.memory == 16 * 2**20
    assert seen.memory_available == 8 * 2**20
    assert seen.pressure == (Pressure("cpu", 1.25, 0.0), Pressure("memory", 12.5, 3.0), Pressure("io", 12.5, 3.0))


def test_a_kernel_without_pressure_figures_says_so(tmp_path: Path) -> None:
    pressure = read(laid_out(tmp_path), str(tmp_path)).pressure
    assert isinstance(pressure, Unread)
    assert "psi=1" in pressure.why


def test_figures_that_are_refused_say_so(tmp_path: Path) -> None:
    folder = laid_out(tmp_path)
    (folder / "pressure" / "cpu").mkdir(parents=True)
    pressure = read(folder, str(tmp_path)).pressure
    assert isinstance(pressure, Unread)
    assert "Is a directory" in pressure.why


def test_a_disk_that_cannot_be_seen_from_here_says_so(tmp_path: Path) -> None:
    disk = read(Path("/proc"), str(tmp_path / "nowhere")).disk
    assert isinstance(disk, Unread)
    assert "nowhere" in disk.why
