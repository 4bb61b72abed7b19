"""What systemd is told of us (``sd_notify``): that we are ready, that the brain turns, how it goes, that we end.

Outside of a unit with ``Type=notify`` there is no ``NOTIFY_SOCKET``, and nothing is told.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from orchestrator.core.model import Status
from orchestrator.runtime.views import SystemView

logger: Final = logging.getLogger("orchestrator")

_PAUSE: Final = 5.0
"""Seconds between two looks at what to tell, without a watchdog."""
_FIRST_PAUSE: Final = 0.1
"""Seconds between two looks until the brain has turned once."""
_LOOKS: Final = 4
"""Looks within the watchdog's time: one that comes late costs nothing yet."""


class ServiceManager:
    """``address`` is a path, or begins with ``@`` (an abstract socket); ``watchdog`` is in seconds."""

    def __init__(self, address: str | None, watchdog: float | None = None) -> None:
        self._address = address
        self._pause = _PAUSE if watchdog is None else min(_PAUSE, watchdog / _LOOKS)
        self._watchdog = watchdog is not None
        self._status = ""
        self._failed = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ServiceManager:
        """As ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` say."""
        address = environment.get("NOTIFY_SOCKET") or None
        time = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = ours and time.isascii() and time.isdigit() and int(time) > 0
        return cls(address, int(time) / 1e6 if watched else None)

    async def telling(self, run: Callable[[], Awaitable[None]], system: Callable[[], SystemView]) -> None:
        """``run``, with systemd being told how it goes, and of the end before ``run`` begins to end."""
        telling = asyncio.create_task(self._follow(system), name="service-manager")
        running = asyncio.ensure_future(run())
        try:
            await asyncio.wait({running})
        finally:
            telling.cancel()
            self._tell("STOPPING=1")
            running.cancel()
            await asyncio.wait({running, telling})
        if not running.cancelled():
            running.result()

    async def _follow(self, system: Callable[[], SystemView]) -> None:
        """The watchdog is fed by turns of the brain, not by time: a brain that hangs is one that is restarted."""
        if self._address is None:
            return
        turns = 0
        while True:
            view = system()
            if view.turns > turns:
                lines = [] if turns else ["READY=1"]
                turns = view.turns
                if self._watchdog:
                    lines.append("WATCHDOG=1")
                self._tell(*lines, *self._news(view))
            await asyncio.sleep(self._pause if turns else _FIRST_PAUSE)

    def _news(self, view: SystemView) -> list[str]:
        status = sentence(view)
        if status == self._status:
            return []
        self._status = status
        return [f"STATUS={status}"]

    def _tell(self, *lines: str) -> None:
        if self._address is None or not lines:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(errors="replace"), address)
        except OSError as error:
            if not self._failed:
                logger.warning("The service manager cannot be told: %s; see NOTIFY_SOCKET", error.strerror or error)
            self._failed = True
        else:
            self._failed = False


def sentence(view: SystemView) -> str:
    """What ``systemctl status`` shows: one line, no more than is known."""
    if not view.engine.reachable:
        return "The engine cannot be reached: " + " ".join(view.engine.detail.split())
    running = sum(1 for service in view.services if service.status is Status.RUNNING)
    words = f"{view.status.capitalize()}: {running} of {len(view.services)} services running"
    return words if view.store.healthy else f"{words}; the state cannot be kept"
