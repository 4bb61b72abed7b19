"""What services require of the host, asked from where we run: in a container, that is the container's own view.

A look at a path hangs for ever where its server is gone: each has a thread of its own that nobody waits for at the
end, and while one hangs no second is begun.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from orchestrator.adapters.looks.thread import in_thread
from orchestrator.adapters.probes.exchange import numeric_address
from orchestrator.adapters.probes.tcp import TcpProbe
from orchestrator.core.model import TcpCheck, Verdict
from orchestrator.core.resources import ResourceKind, read
from orchestrator.ports import Reading, Target

MOUNTINFO: Final = Path("/proc/self/mountinfo")
_POINT: Final = 4
"""The field of a line that says where it is mounted."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_NO_SUCH_NAME: Final = (socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL, getattr(socket, "EAI_NODATA", -5))
"""Also what a name server that is gone leads to: who needs the name has nothing either."""


class HostResources:
    """Implements :class:`orchestrator.ports.ResourceProbe`."""

    def __init__(
        self,
        mountinfo: Path = MOUNTINFO,
        stat: Callable[[str], object] = os.stat,
        resolve: Callable[[str, None], object] = socket.getaddrinfo,
    ) -> None:
        self._mountinfo = mountinfo
        self._stat = stat
        self._resolve = resolve
        self._tcp = TcpProbe()
        self._looks: dict[str, asyncio.Task[Reading]] = {}
        """Those that have not ended, by the name of the resource."""

    async def ask(self, name: str, timeout: float) -> Reading:
        resource = read(name)
        match resource.kind:
            case ResourceKind.TCP:
                return await self._connected(name, Target("", resource.subject, resource.port), timeout)
            case ResourceKind.PATH:
                return await self._looked(name, partial(self._path, resource.subject), timeout)
            case ResourceKind.MOUNT:
                return await self._looked(name, partial(self._mount, resource.subject), timeout)
            case ResourceKind.DNS:
                return await self._looked(name, partial(self._name, resource.subject), timeout)

    async def close(self) -> None:
        """A thread that hangs ends with the process."""
        for look in self._looks.values():
            look.cancel()
        await self._tcp.close()

    async def _connected(self, name: str, target: Target, timeout: float) -> Reading:
        """A name is resolved first, as all that can hang: not by every connection attempt anew."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        host, port = target.host or "", target.port or 0
        if numeric_address(host, port) is None:
            found = await self._looked(name, partial(self._name, host), timeout)
            if found.verdict is not Verdict.PASS:
                return found
        return await self._tcp.probe(TcpCheck(), target, deadline - loop.time())

    async def _looked(self, name: str, look: Callable[[], Reading], timeout: float) -> Reading:
        task = self._looks.get(name)
        if task is None:
            task = self._looks[name] = asyncio.create_task(in_thread(look))
        done, _ = await asyncio.wait((task,), timeout=timeout)
        if not done:
            return Reading(Verdict.FAIL, f"it has not answered within {timeout:g} s")
        del self._looks[name]
        return task.result()

    # --- in the thread -------------------------------------------------------------------------------------

    def _path(self, path: str) -> Reading:
        try:
            self._stat(path)
        except PermissionError as error:
            return Reading(Verdict.UNKNOWN, f"it cannot be looked at: {error.strerror}")
        except OSError as error:
            return Reading(Verdict.FAIL, f"{error.strerror}")
        return Reading(Verdict.PASS, "it exists")

    def _mount(self, path: str) -> Reading:
        """What is mounted must answer too: a file server that is gone stays in the list."""
        found = self._path(path)
        if found.verdict is Verdict.FAIL:
            return found
        point = os.path.realpath(path)
        try:
            listed = self._mountinfo.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            return Reading(Verdict.UNKNOWN, f"{self._mountinfo} cannot be read: {error.strerror}")
        if point not in mount_points(listed):
            return Reading(Verdict.FAIL, "nothing is mounted there")
        return Reading(Verdict.PASS, "it is mounted")

    def _name(self, name: str) -> Reading:
        try:
            self._resolve(name, None)
        except socket.gaierror as error:
            verdict = Verdict.FAIL if error.errno in _NO_SUCH_NAME else Verdict.UNKNOWN
            return Reading(verdict, f"the name is not resolved: {error.strerror}")
        except (OSError, UnicodeError) as error:
            return Reading(Verdict.UNKNOWN, f"the name cannot be asked for: {error}")
        return Reading(Verdict.PASS, "it is resolved")


def mount_points(mountinfo: str) -> frozenset[str]:
    """From the kernel's list, in which white space and backslashes are written in octal."""
    fields = (line.split(" ") for line in mountinfo.splitlines())
    return frozenset(
        _OCTAL.sub(lambda code: chr(int(code[1], 8)), each[_POINT]) for each in fields if len(each) > _POINT
    )
