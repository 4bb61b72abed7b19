"""A co-located container's processes, as our own process table shows them.

A pid that an engine names is believed only where ``/proc`` confirms it: the engine may run in another pid
namespace, or behind a tunnelled socket on another machine. The functions block for some 20 microseconds a process
of the machine; callers give them a thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from orchestrator.core.evidence import ContainerProcess

_PROC: Final = Path("/proc")
_STOPPED: Final = "T"
_ZOMBIE: Final = "Z"
_ROUNDS: Final = 20
_POLITE_ROUNDS: Final = 3
_PAUSE: Final = 0.01
_TRIES: Final = 100
_SPINS: Final = 400
_SPIN: Final = 0.00002


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    session: int
    state: str
    """The kernel's letter for the first thread."""
    name: str


def belongs(pid: int, container_id: str) -> bool:
    """Whether ``pid`` here is a process of that container: by its cgroup, else by the monitor that is its parent
    (conmon and containerd's shim carry the id among their arguments; a rootless engine may set no cgroup)."""
    if _in_cgroup(pid, container_id):
        return True
    process = _process(pid)
    if process is None or process.parent <= 1:
        return False
    return container_id.encode() in _read(_PROC / str(process.parent) / "cmdline")


def of_container(container_id: str) -> Mapping[int, Process]:
    """All processes in the container's cgroup, those started by exec too; empty where none is visible."""
    wanted = container_id.encode()
    found = {}
    for entry in os.scandir(_PROC):
        if not entry.name.isdecimal() or wanted not in _read(_PROC / entry.name / "cgroup"):
            continue
        process = _process(int(entry.name))
        if process is not None:
            found[process.pid] = process
    return found


def listed(container_id: str, first: int) -> tuple[ContainerProcess, ...]:
    """From the container's ``first`` process down: what an exec started beside it is left out.

    ``T`` only if every thread is stopped: a debugger stops single ones. Empty where nothing is visible.
    """
    processes = of_container(container_id)
    pids = sorted(_descent({first} & set(processes), processes), key=lambda pid: (pid != first, pid))
    letters = {pid: _letter(pid) for pid in pids}
    return tuple(
        ContainerProcess(pid, letter, processes[pid].name, _resident(pid)) for pid, letter in letters.items() if letter
    )


def of_command(container_id: str, leader: int, mark: str) -> tuple[frozenset[int], frozenset[int]]:
    """The living processes of one exec: its leader, and everything else.

    Found by the session that the runtime opened for it, by ``mark`` in the environment (inherited also by what
    left the session), and by descent from either.
    """
    processes = of_container(container_id)
    found = {
        pid
        for pid, process in processes.items()
        if process.session == leader or (mark and mark.encode() in _read(_PROC / str(pid) / "environ"))
    }
    found = _descent(found | ({leader} & set(processes)), processes)
    living = {pid for pid in found if processes[pid].state != _ZOMBIE}
    leaders = {pid for pid in living if processes[pid].parent not in processes}
    return frozenset(leaders), frozenset(living - leaders)


def monitored_by(container_id: str, session: str) -> int | None:
    """The process that an exec session's own monitor (conmon, which names it) started in the container."""
    wanted = session.encode()
    for process in of_container(container_id).values():
        if process.parent > 1 and wanted in _read(_PROC / str(process.parent) / "cmdline"):
            return process.pid
    return None


def end(container_id: str, leader: int, mark: str) -> bool:
    """End one exec with everything that it started; ``False``: nothing of it is visible here.

    Children go first, so that a shell that waits for them reaps them: an orphan killed later would stay a zombie
    of a first process that reaps nothing. Raises :class:`PermissionError`. Takes about half a second at most.
    """
    for turn in range(_ROUNDS):
        leaders, others = of_command(container_id, leader, mark)
        if not leaders and not others:
            return turn > 0
        if turn < _POLITE_ROUNDS:
            tries = iter(range(_TRIES))
            for pid in leaders or others:
                _end_tree(container_id, pid, tries)
            time.sleep(_PAUSE)
            continue
        kill(container_id, leaders | others)
        time.sleep(_PAUSE)
    return True


def _end_tree(container_id: str, pid: int, tries: Iterator[int]) -> None:
    """Kill from the leaves up, each at a moment when it has no children, dead ones included: a shell in a loop
    begins the next one at once, so it is stopped, looked at, and let go again until such a moment is met.

    ``tries`` is shared by the whole tree; what is left when it is used up is not ended here.
    """
    with _held(container_id, pid) as held:
        if held is None:
            return
        for _ in tries:
            children = held.children()
            for child in children:
                _end_tree(container_id, child, tries)
            _await(partial(_without, held, children))
            held.signal(signal.SIGSTOP)
            _await(partial(_at_rest, held))
            if not held.children():
                held.signal(signal.SIGKILL)
                return
            held.signal(signal.SIGCONT)


def _without(held: _Held, children: frozenset[int]) -> bool:
    return not held.children() & children


def _at_rest(held: _Held) -> bool:
    return held.state() in {_STOPPED, _ZOMBIE, ""}


def _await(met: Callable[[], bool]) -> None:
    """At first without a pause: what follows a child's death follows within microseconds."""
    for turn in range(_SPINS):
        if met():
            return
        if turn > _SPINS // 2:
            time.sleep(_SPIN)


@dataclass(frozen=True, slots=True)
class _Held:
    """A living process of the container: handles that cannot come to mean another one."""

    pid: int
    handle: int
    listing: int | None
    """Its list of children; ``None`` where the kernel was built without."""

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, number)

    def children(self) -> frozenset[int]:
        """Direct children, zombies too."""
        if self.listing is None:
            return frozenset()
        with contextlib.suppress(OSError):
            return frozenset(int(child) for child in os.pread(self.listing, 65536, 0).split())
        return frozenset()

    def state(self) -> str:
        return _state(_read(_PROC / str(self.pid) / "stat"))


@contextlib.contextmanager
def _held(container_id: str, pid: int) -> Iterator[_Held | None]:
    """``None`` for what is dead already, or not of the container."""
    with contextlib.ExitStack() as stack:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            yield None
            return
        stack.callback(os.close, handle)
        listing = None
        with contextlib.suppress(OSError):
            listing = os.open(_PROC / str(pid) / "task" / str(pid) / "children", os.O_RDONLY)
            stack.callback(os.close, listing)
        held = _Held(pid, handle, listing)
        yield held if _in_cgroup(pid, container_id) and held.state() not in {_ZOMBIE, ""} else None


def kill(container_id: str, pids: Iterable[int]) -> None:
    """SIGKILL to those that still belong to the container; a pid given to somebody else meanwhile is spared."""
    for pid in pids:
        with _held(container_id, pid) as held:
            if held is not None:
                held.signal(signal.SIGKILL)


def _descent(found: set[int], processes: Mapping[int, Process]) -> set[int]:
    while True:
        grown = found | {pid for pid, process in processes.items() if process.parent in found}
        if len(grown) == len(found):
            return grown
        found = grown


def _in_cgroup(pid: int, container_id: str) -> bool:
    return container_id.encode() in _read(_PROC / str(pid) / "cgroup")


def _letter(pid: int) -> str:
    try:
        threads = tuple((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return ""  # gone since it was listed
    letters = [_state(_read(thread / "stat")) for thread in threads]
    letters = [letter for letter in letters if letter]
    moving = [letter for letter in letters if letter != _STOPPED]
    if not letters:
        return ""
    return moving[0] if moving else _STOPPED


def _process(pid: int) -> Process | None:
    text = _read(_PROC / str(pid) / "stat")
    before, closed, rest = text.rpartition(b")")  # the name before it may hold anything, parentheses too
    fields = rest.split()
    if not closed or len(fields) < 4:
        return None
    name = before.partition(b"(")[2].decode("utf-8", "replace")
    return Process(pid, int(fields[1]), int(fields[3]), fields[0].decode(), name)


def _resident(pid: int) -> int | None:
    pages = _read(_PROC / str(pid) / "statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else None


def _state(stat: bytes) -> str:
    return stat.rpartition(b")")[2].strip()[:1].decode()


def _read(path: Path) -> bytes:
    """Empty for what is gone, or not ours to read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
