"""The demo's and the live tests' image: busybox and a few shell scripts, imported, so that no registry is asked.

Its failures are switches: see ``examples/demo/rootfs/srv/serve``. About 2 MB, built in memory.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

IMAGE = "localhost/orchestrator-demo:latest"
ROOT_FILESYSTEM = Path(__file__).resolve().parent.parent / "examples" / "demo" / "rootfs"
UNPACKED = ROOT_FILESYSTEM.parents[2] / ".orchestrator" / "busybox"
ACCOUNTS = {"etc/passwd": b"root:x:0:0:root:/:/bin/sh\n", "etc/group": b"root:x:0:\n"}


class ImageError(Exception):
    """The image could not be built or imported."""


def root_filesystem() -> bytes:
    """The image's files as an uncompressed tar archive; the same bytes from the same busybox and scripts."""
    busybox = static_busybox()
    listed = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("bin", "etc", "srv", "switch", "tmp"):
            _add(tar, tarfile.DIRTYPE, folder, mode=0o1777 if folder == "tmp" else 0o755)
        _add(tar, tarfile.REGTYPE, "bin/busybox", busybox.read_bytes())
        for applet in sorted(set(listed.stdout.split()) - {"busybox"}):
            _add(tar, tarfile.SYMTYPE, f"bin/{applet}", target="busybox")
        for path, content in ACCOUNTS.items():
            _add(tar, tarfile.REGTYPE, path, content, mode=0o644)
        for script in sorted(path for path in ROOT_FILESYSTEM.rglob("*") if path.is_file()):
            _add(tar, tarfile.REGTYPE, script.relative_to(ROOT_FILESYSTEM).as_posix(), script.read_bytes())
    return archive.getvalue()


def static_busybox() -> Path:
    """The machine's, if it needs no shared library, else the one from Debian's package, unpacked and not installed:
    installing it would remove the machine's own."""
    installed = shutil.which("busybox")
    for candidate in (Path(installed) if installed else UNPACKED, UNPACKED):
        if candidate.is_file() and not _is_dynamic(candidate.read_bytes()):
            return candidate
    if shutil.which("apt-get") is None:
        raise ImageError("a statically linked busybox is missing, and there is no apt-get to fetch one")
    with tempfile.TemporaryDirectory() as folder:
        download = ["apt-get", "download", "busybox-static"]
        if not _done(download, folder) and os.geteuid() == 0:
            _done(["apt-get", "update"], folder)
            _done(download, folder)
        for package in Path(folder).glob("*.deb"):
            _done(["dpkg-deb", "--extract", str(package), folder], folder)
        for program in (Path(folder) / "bin/busybox", Path(folder) / "usr/bin/busybox"):
            if program.is_file():
                UNPACKED.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(program, UNPACKED)
                return UNPACKED
    raise ImageError("a statically linked busybox is missing: apt-get install busybox-static")


def _done(command: Sequence[str], folder: str) -> bool:
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False).returncode == 0


def _is_dynamic(program: bytes) -> bool:
    """Whether a 64-bit ELF program names an interpreter (PT_INTERP), the loader of shared libraries."""
    (offset,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    return any(struct.unpack_from("<I", program, offset + size * index) == (3,) for index in range(count))


def _add(
    tar: tarfile.TarFile, kind: bytes, name: str, content: bytes = b"", *, mode: int = 0o755, target: str = ""
) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.mode = mode
    member.size = len(content)
    member.linkname = target
    tar.addfile(member, io.BytesIO(content))


def import_image(client: Sequence[str], environment: Mapping[str, str]) -> None:
    """Import the image under :data:`IMAGE` with an engine's command line (``["docker", "-H", ...]``)."""
    changes = ['CMD ["/srv/serve"]', "ENV PATH=/bin", "EXPOSE 8080"]
    command = [*client, "import", *(part for change in changes for part in ("--change", change)), "-", IMAGE]
    done = subprocess.run(
        command, input=root_filesystem(), capture_output=True, env=dict(environment), timeout=60, check=False
    )
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise ImageError(f"{' '.join(client)} could not import {IMAGE}: {words}")
