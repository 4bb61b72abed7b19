"""The demo's and the live tests' image: busybox and a few shell scripts, imported, so that no registry is asked.

Its failures are switches: see ``examples/demo/rootfs/srv/serve``. About 2 MB, built in memory.
"""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

IMAGE = "localhost/orchestrator-demo:latest"
ROOT_FILESYSTEM = Path(__file__).resolve().parent.parent / "examples" / "demo" / "rootfs"
ACCOUNTS = {"etc/passwd": b"root:x:0:0:root:/:/bin/sh\n", "etc/group": b"root:x:0:\n"}


class ImageError(Exception):
    """The image could not be built or imported."""


def root_filesystem() -> bytes:
    """The image's files as an uncompressed tar archive; the same bytes from the same busybox and scripts."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise ImageError("busybox is missing: apt-get install busybox-static")
    program = Path(busybox).read_bytes()
    if _is_dynamic(program):
        raise ImageError(f"{busybox} needs shared libraries, the image has none: apt-get install busybox-static")
    listed = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("bin", "etc", "srv", "switch", "tmp"):
            _add(tar, tarfile.DIRTYPE, folder, mode=0o1777 if folder == "tmp" else 0o755)
        _add(tar, tarfile.REGTYPE, "bin/busybox", program)
        for applet in sorted(set(listed.stdout.split()) - {"busybox"}):
            _add(tar, tarfile.SYMTYPE, f"bin/{applet}", target="busybox")
        for path, content in ACCOUNTS.items():
            _add(tar, tarfile.REGTYPE, path, content, mode=0o644)
        for script in sorted(path for path in ROOT_FILESYSTEM.rglob("*") if path.is_file()):
            _add(tar, tarfile.REGTYPE, script.relative_to(ROOT_FILESYSTEM).as_posix(), script.read_bytes())
    return archive.getvalue()


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
