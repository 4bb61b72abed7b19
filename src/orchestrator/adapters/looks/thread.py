"""A look that may block, in a thread of its own that keeps nobody: not its caller, and not the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any, TypeVar

Seen = TypeVar("Seen")


async def in_thread(look: Callable[[], Seen]) -> Seen:
    """What it returns, or the :class:`OSError` that it raises. Cancelled, the thread is left to itself."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Seen] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if answer.done() else settled())

    def work() -> None:
        try:
            seen = look()
        except OSError as error:
            settle(partial(answer.set_exception, error))
        else:
            settle(partial(answer.set_result, seen))

    Thread(target=work, name="look", daemon=True).start()
    return await answer


class Loop(asyncio.SelectorEventLoop):
    """Python waits at its end for the threads in which asyncio looks names up; a dead name server must not keep it."""

    async def getaddrinfo(self, host: Any, port: Any, **how: int) -> Any:
        return await in_thread(partial(socket.getaddrinfo, host, port, **how))
