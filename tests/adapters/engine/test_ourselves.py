from pathlib import Path

import pytest

from orchestrator.adapters.engine.ourselves import own_container_id

OURS = "5e1f" * 16
FOREIGN = "ab12" * 16


@pytest.mark.parametrize(
    ("mountinfo", "cgroup", "expected"),
    [
        pytest.param(
            f"610 599 254:1 /var/lib/docker/containers/{OURS}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n",
            "0::/\n",
            OURS,
            id="docker-mounts-our-hostname",
        ),
        pytest.param(
            f"88 70 0:23 /containers/storage/overlay-containers/{OURS}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n",
            "0::/\n",
            OURS,
            id="podman-mounts-our-hosts-from-its-userdata",
        ),
        pytest.param(
            "22 27 0:21 / /proc rw - proc proc rw\n", f"4:memory:/docker/{OURS}\n", OURS, id="cgroup-v1-names-us"
        ),
        pytest.param(
            f"111 27 0:74 / /srv/overlay-containers/{FOREIGN}/userdata/shm rw - tmpfs shm rw\n",
            "0::/user.slice\n",
            None,
            id="a-host-sees-the-mounts-of-its-containers-and-is-none-of-them",
        ),
        pytest.param("", "", None, id="nothing-tells"),
    ],
)
def test_we_know_the_container_that_we_run_in(
    tmp_path: Path, mountinfo: str, cgroup: str, expected: str | None
) -> None:
    ours = tmp_path / "self"
    ours.mkdir()
    (ours / "mountinfo").write_text(mountinfo)
    (ours / "cgroup").write_text(cgroup)

    assert own_container_id(tmp_path) == expected


def test_a_system_without_proc_is_no_container(tmp_path: Path) -> None:
    assert own_container_id(tmp_path) is None
