"""Which container we run in, if we do: the one container that must never be restarted by us."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_OUR_FILES: Final = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_ID: Final = re.compile(r"\b[0-9a-f]{64}\b")


def own_container_id(processes: Path = Path("/proc")) -> str | None:
    """The full id of the container that this process runs in; ``None`` outside of one, or where nothing tells.

    Docker and Podman mount files of the container's own folder onto ``/etc/hostname`` and its neighbours; cgroup v1
    names the container in the path of our control group.
    """
    for line in _lines(processes / "self" / "mountinfo"):
        fields = line.split()
        if len(fields) > 4 and fields[4] in _OUR_FILES and (found := _ID.search(fields[3])):
            return found.group()
    for line in _lines(processes / "self" / "cgroup"):
        if found := _ID.search(line):
            return found.group()
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
