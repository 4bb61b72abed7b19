"""Whether a fake engine can be reached, and whether it answers: its bad days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Reachability:
    """``listening``: connections are accepted. ``awake``: what was accepted is worked on and answered.

    Containers go on running whatever the engine does; what they do while it hangs it notices when it wakes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.listening = True
        self.awake = asyncio.Event()
        self.awake.set()
        self.slowness = 1.0
        """What every call's duration is multiplied by."""
        self.fact = "nobody listens there"
        self._loop = loop
        self._broken: asyncio.Future[None] = loop.create_future()
        self._backlog: list[Callable[[], None]] = []

    @property
    def broken(self) -> asyncio.Future[None]:
        """Done when the connections open now break."""
        return self._broken

    def go_away(self, fact: str = "nobody listens there") -> None:
        """Open connections break, new ones are refused."""
        self.listening, self.fact = False, fact
        self.break_connections()

    def come_back(self) -> None:
        self.listening = True
        self.wake()

    def break_connections(self) -> None:
        """A reset: everything under way is lost to those who asked; new connections work."""
        broken, self._broken = self._broken, self._loop.create_future()
        broken.set_result(None)

    def hang(self) -> None:
        """Accepts, and answers nothing, as an engine under SIGSTOP."""
        self.awake.clear()

    def wake(self) -> None:
        self.awake.set()
        backlog, self._backlog = self._backlog, []
        for note in backlog:
            note()

    def once_awake(self, note: Callable[[], None]) -> None:
        if self.awake.is_set():
            note()
        else:
            self._backlog.append(note)
