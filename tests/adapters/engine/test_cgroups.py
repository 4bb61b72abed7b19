"""A container's cgroup, read in both versions from files as the kernel lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.adapters.engine import cgroups
from orchestrator.core.evidence import Usage

CONTAINER = "c" * 64
PID = 4711


def lay_out(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "proc"


def mounted(*mounts: str) -> str:
    return "".join(f"30 29 0:26 / {mount}\n" for mount in mounts)


@pytest.fixture
def second(tmp_path: Path) -> Path:
    folder = f"cgroup/system.slice/docker-{CONTAINER}.scope"
    return lay_out(
        tmp_path,
        {
            "proc/self/mountinfo": mounted(f"{tmp_path}/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"),
            f"proc/{PID}/cgroup": f"0::/system.slice/docker-{CONTAINER}.scope\n",
            f"{folder}/memory.current": "9000\n",
            f"{folder}/memory.stat": "anon 5000\ninactive_file 4000\n",
            f"{folder}/memory.max": "16777216\n",
            f"{folder}/memory.peak": "12000\n",
            f"{folder}/memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n",
            f"{folder}/pids.current": "7\n",
            f"{folder}/pids.max": "max\n",
            f"{folder}/cpu.max": "150000 100000\n",
            f"{folder}/cpu.stat": "usage_usec 2500000\nnr_periods 10\nnr_throttled 4\n",
        },
    )


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = f"docker/{CONTAINER}"
    return lay_out(
        tmp_path,
        {
            "proc/self/mountinfo": mounted(
                f"{tmp_path}/memory rw - cgroup cgroup rw,memory",
                f"{tmp_path}/cpu rw - cgroup cgroup rw,cpu,cpuacct",
                f"{tmp_path}/pids rw - cgroup cgroup rw,pids",
                f"{tmp_path}/unified rw - cgroup2 cgroup2 rw",
                f"{tmp_path}/other rw - tmpfs tmpfs rw",
            ),
            f"proc/{PID}/cgroup": "".join(
                f"{number}:{names}:/{path}\n"
                for number, names in ((4, "memory"), (3, "cpu,cpuacct"), (2, "pids"), (0, ""))
            ),
            f"memory/{path}/memory.usage_in_bytes": "9000\n",
            f"memory/{path}/memory.stat": "total_inactive_file 1000\n",
            f"memory/{path}/memory.limit_in_bytes": "9223372036854771712\n",
            f"memory/{path}/memory.max_usage_in_bytes": "9500\n",
            f"memory/{path}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            f"pids/{path}/pids.current": "3\n",
            f"pids/{path}/pids.max": "100\n",
            f"cpu/{path}/cpu.cfs_quota_us": "-1\n",
            f"cpu/{path}/cpu.cfs_period_us": "100000\n",
            f"cpu/{path}/cpuacct.usage": "1500000000\n",
        },
    )


def test_version_2_is_read_from_its_one_folder(second: Path) -> None:
    cgroup = cgroups.of(PID, CONTAINER, second)
    assert cgroup is not None
    assert cgroup.usage() == Usage(5000, 16777216, 12000, 1, 7, None, None, 1.5, 0.4)
    assert cgroup.seconds() == 2.5


def test_version_1_is_read_from_its_trees_and_a_number_near_the_largest_is_no_limit(first: Path) -> None:
    cgroup = cgroups.of(PID, CONTAINER, first)
    assert cgroup is not None
    assert cgroup.usage() == Usage(8000, None, 9500, 2, 3, 100, None, None, None)
    assert cgroup.seconds() == 1.5


def test_somebody_else_s_process_is_not_read(second: Path) -> None:
    assert cgroups.of(PID, "d" * 64, second) is None
    assert cgroups.of(1, CONTAINER, second) is None


def test_what_is_gone_is_not_told(second: Path, tmp_path: Path) -> None:
    cgroup = cgroups.of(PID, CONTAINER, second)
    assert cgroup is not None
    (tmp_path / "cgroup").rename(tmp_path / "removed")
    assert cgroup.usage() == Usage()
    assert cgroup.seconds() is None
