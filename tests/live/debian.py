"""A base image for the Containerfile without a registry: this machine's own Debian or Ubuntu, with its Python."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
KEPT = CHECKOUT / ".orchestrator"
BASE = "localhost/orchestrator-base:latest"
BOOTSTRAP_TIMEOUT = 600.0
DOWNLOAD_TIMEOUT = 300.0


def base_archive() -> Path:
    """The base's files; made once (about a minute) and kept."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    archive = KEPT / f"{release}.tar"
    if archive.exists():
        return archive
    KEPT.mkdir(exist_ok=True)
    made = KEPT / f"{release}.new"
    root = KEPT / release
    _done(["debootstrap", "--variant=minbase", "--include=python3,python3-venv", release, str(root)], BOOTSTRAP_TIMEOUT)
    left_out = ("proc/*", "sys/*", "dev/*", "var/cache/apt/archives/*.deb")
    tar = [
        "tar",
        f"--directory={root}",
        *(f"--exclude=./{each}" for each in left_out),
        "--create",
        f"--file={made}",
        ".",
    ]
    _done(tar, BOOTSTRAP_TIMEOUT)
    shutil.rmtree(root)
    return made.rename(archive)


def import_base(client: Sequence[str], environment: Mapping[str, str]) -> None:
    """Once: imported again it would be another image, and every build of it begin anew."""
    there = subprocess.run(
        [*client, "image", "inspect", BASE], env=dict(environment), capture_output=True, timeout=60, check=False
    )
    if there.returncode == 0:
        return
    with base_archive().open("rb") as files:
        subprocess.run(
            [*client, "import", "-", BASE],
            stdin=files,
            env=dict(environment),
            capture_output=True,
            timeout=120,
            check=True,
        )


def wheels() -> Path:
    """Every wheel of the pinned list, for the base's Python, whose conditions would be asked of ours; kept."""
    folder, stamp = KEPT / "wheels", KEPT / "wheels.txt"
    listed = re.sub(r" ;[^\\]*", " ", (CHECKOUT / "requirements" / "run.txt").read_text())
    if stamp.exists() and stamp.read_text() == listed:
        return folder
    with tarfile.open(base_archive()) as files:
        python = files.getmember("./usr/bin/python3").linkname.removeprefix("python")
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    wanted = KEPT / "wanted.txt"
    wanted.write_text(listed)
    _done([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
           f"--python-version={python}", f"--requirement={wanted}", f"--dest={folder}"], DOWNLOAD_TIMEOUT)  # fmt: skip
    wanted.rename(stamp)
    return folder


def _done(command: Sequence[str], timeout: float) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}"
