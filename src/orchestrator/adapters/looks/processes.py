"""What the kernel tells of processes: who listens, who holds a lock, what a limit is. Linux's ``/proc``."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from orchestrator.adapters.engine.processes import belongs
from orchestrator.doctor.facts import Listener, MachineSeen, Process

PROC: Final = Path("/proc")
_LISTENS: Final = "0A"


def process(pid: int) -> Process:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return Process(pid, "")
    # An interpreter tells less than what it runs.
    shown = [Path(word.decode(errors="replace")).name for word in words if word and not word.startswith(b"-")]
    return Process(pid, " ".join(shown[:3]))


def container_listeners(container_id: str, pid: int) -> tuple[Listener, ...] | None:
    """``None`` where that process is not visible here, or is another's."""
    if not belongs(pid, container_id):
        return None
    try:
        return tuple(Listener(port, loopback) for port, loopback, _ in _listening(PROC / str(pid)))
    except OSError:
        return None


def who_listens(port: int) -> Process | None:
    """On this machine, as far as its processes are ours to see."""
    try:
        wanted = {f"socket:[{inode}]" for number, _, inode in _listening(PROC / "self") if number == port}
    except OSError:
        return None
    for folder in PROC.glob("[0-9]*/fd"):
        if not wanted.isdisjoint(_open(folder)):
            return process(int(folder.parent.name))
    return None


def _open(folder: Path) -> Iterator[str]:
    """What a process has open, without what is closed meanwhile; nothing where it is somebody else's."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for each in entries:
        with contextlib.suppress(OSError):
            yield str(each.readlink())


def _listening(folder: Path) -> Iterator[tuple[int, bool, str]]:
    """Port, whether on loopback alone, and the socket's inode."""
    for name in ("tcp", "tcp6"):
        for line in (folder / "net" / name).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS:
                address, _, port = fields[1].partition(":")
                yield int(port, 16), address_of(address).is_loopback, fields[9]


def address_of(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """As the kernel writes it: words of four bytes, each in the machine's own order."""
    words = [bytes.fromhex(written[start : start + 8])[::-1] for start in range(0, len(written), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def lock_holder(path: Path) -> int | None:
    """The process with a ``flock`` on that file; ``None``: nobody's, as far as it is visible here."""
    try:
        inode = path.stat().st_ino
        lines = (PROC / "locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        found = re.match(rf"\d+: FLOCK +\w+ +\w+ +(\d+) [0-9a-f]+:[0-9a-f]+:{inode} ", line)
        if found:
            return int(found[1]) or None
    return None


def limit_of_holder(state: Path) -> MachineSeen:
    """How many files the process that has the state file may open, else one that is started from here."""
    pid = lock_holder(Path(f"{state.resolve()}.lock"))
    if pid is not None:
        with contextlib.suppress(OSError):
            text = (PROC / str(pid) / "limits").read_text()
            if found := re.search(r"^Max open files +(\d+)", text, re.MULTILINE):
                return MachineSeen(int(found[1]), str(process(pid)))
    return MachineSeen(resource.getrlimit(resource.RLIMIT_NOFILE)[0], "a process started from here")
