"""One process, one loop: the API server beside the orchestrator, listening before it acts, ending with it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from orchestrator.api.connections import Connection, Doorkeeper, Limits
from orchestrator.api.security import is_loopback
from orchestrator.api.supervisor import Reload
from orchestrator.errors import ConfigurationError, OrchestratorError
from orchestrator.runtime.requests import Requester

logger: Final = logging.getLogger("orchestrator")

BACKLOG: Final = 512
GRACE_FOR_REQUESTS: Final = 2
"""Whole seconds that requests under way may take after the signal to end."""
END_WITHIN: Final = 10.0
"""Seconds from the signal to the end of the process, whatever still hangs: what ``docker stop`` grants."""


PING_INTERVAL: Final = 20.0
PING_TIMEOUT: Final = 20.0
"""Seconds between two pings of a WebSocket client, and until one that does not answer is let go."""
LARGEST_MESSAGE: Final = 4096
"""Bytes of a message that a WebSocket client may send; there is nothing that it has to say."""
CUT_AFTER: Final = 5.0
"""Seconds for a WebSocket that we have ended to be closed by the client, before it is cut."""

_HANGUP: Final = Requester(signal.SIGHUP.name)
DEFAULT_LIMITS: Final = Limits()

_UVICORN_TICKS: Final = 10
"""What uvicorn counts in a second: it renews its headers at multiples of this."""


class CannotListen(OrchestratorError):
    """The address is taken, not ours, or not safe to open; nothing was started."""


# --- the address --------------------------------------------------------------------------------------------


def listen(host: str, port: int, *, token: str | None) -> socket.socket:
    """A listening socket; ``port`` 0 takes a free one. Raises :class:`CannotListen` with the remedy.

    Without ``token`` only an address of the loopback interface is opened.
    """
    family, address = _resolve(host, port)
    if token is None and not is_loopback(address[0]):
        raise CannotListen(
            f"Refused to listen on {host}: whoever reaches that address could restart containers. "
            "Set ORCHESTRATOR_API_TOKEN to a secret that clients must send (ORCHESTRATOR_API_READ_TOKEN alone is not "
            "enough), or listen on 127.0.0.1."
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a restarted orchestrator waits a minute for connections of its predecessor to be forgotten.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(f"Cannot listen on {_join(host, port)}: {_reason(error)}") from error
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket) -> str:
    """``http://127.0.0.1:8787``."""
    host, port = listener.getsockname()[:2]
    return f"http://{_join(host, port)}"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotListen(
            f"Cannot listen on {host!r}: the name is not known here ({error}). Give an address of this machine."
        ) from error
    # "localhost" is ::1 and 127.0.0.1; clients that were told one address expect the second.
    family, _, _, _, address = min(found, key=lambda one: one[0] is not socket.AF_INET)
    return family, address  # type: ignore[return-value]  # of an AF_INET or AF_INET6 stream socket


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                "the port is in use. Take another with --port (0 takes a free one); "
                "`orchestrator ps` tells whether an orchestrator listens there already."
            )
        case errno.EACCES | errno.EPERM:
            return "permission denied. Ports below 1024 need privileges: take a higher one with --port."
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address. Give one that it has with --host."
        case _:
            return f"{error.strerror or error}."


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# --- the life of the process --------------------------------------------------------------------------------


class _Stream(WebSocketsSansIOProtocol):
    """Cut when it is over: closing alone waits for ever for a client that does not read what was sent to it."""

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(CUT_AFTER, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(CUT_AFTER, self.transport.abort)


class _Server(uvicorn.Server):
    """Ticks once a second, for its date header, instead of ten times: whoever only watches should mostly sleep."""

    def __init__(self, config: uvicorn.Config, farewell: Callable[[], Awaitable[None]]) -> None:
        self._ending = asyncio.Event()
        self._farewell = farewell
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._farewell()
        await super().shutdown(sockets)

    @property
    def should_exit(self) -> bool:
        return self._ending.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._ending.set()

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += _UVICORN_TICKS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the orchestrator too, so they are ours."""
        yield


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    run: Callable[[], Awaitable[None]],
    farewell: Callable[[], Awaitable[None]],
    reload: Reload | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Serve ``app`` on ``listener`` while ``run`` runs, until SIGINT or SIGTERM, or until one of them fails.

    Both are ended then: requests under way get 2 s, ``run`` is cancelled. A second signal, or 10 s, ends the process
    at once. ``farewell`` is what open streams are told before their connections end. SIGHUP asks for ``reload``, which
    logs how it went.
    """
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            http=partial(Connection, doorkeeper=Doorkeeper(limits)),  # type: ignore[arg-type]  # it is called alone
            ws=_Stream,
            ws_max_size=LARGEST_MESSAGE,
            ws_ping_interval=PING_INTERVAL,
            ws_ping_timeout=PING_TIMEOUT,
            ws_per_message_deflate=False,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who asks is journalled: it must not be what a header claims
            server_header=False,
            timeout_graceful_shutdown=GRACE_FOR_REQUESTS,
        ),
        farewell,
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="api")
    runtime = asyncio.create_task(_awaited(run), name="orchestrator")
    with _signals(server, runtime), _hangups(reload):
        try:
            await asyncio.wait({serving, runtime}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Not a task group: it would cut off the server's orderly end when the orchestrator fails.
            server.should_exit = True
            if not runtime.cancelling():  # a second time would break off what it does to end
                runtime.cancel()
            await asyncio.wait({serving, runtime})
    for task in (serving, runtime):
        if not task.cancelled():
            task.result()


async def _awaited(run: Callable[[], Awaitable[None]]) -> None:
    await run()


@contextlib.contextmanager
def _signals(server: uvicorn.Server, runtime: asyncio.Task[None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    overdue = threading.Timer(END_WITHIN, _end_at_once, (f"it did not end within {END_WITHIN:.0f} s",))
    overdue.daemon = True
    asked = False

    def end(received: signal.Signals) -> None:
        nonlocal asked
        if asked:
            _end_at_once(f"a second signal ({received.name}) came")
        asked = True
        logger.info("Ending", extra={"signal": received.name})
        overdue.start()
        server.should_exit = True
        runtime.cancel()

    ending = (signal.SIGINT, signal.SIGTERM)
    for one in ending:
        loop.add_signal_handler(one, end, one)
    try:
        yield
    finally:
        overdue.cancel()
        for one in ending:
            loop.remove_signal_handler(one)


def end_within(seconds: float) -> None:
    """After everything ended orderly: Python waits for its threads, and one that waits for a dead disk never ends."""
    overdue = threading.Timer(seconds, _end_at_once, ("a thread still hangs",))
    overdue.daemon = True
    overdue.start()


def _end_at_once(why: str) -> None:
    """State survives this as it survives SIGKILL; a thread that hangs does not keep the process."""
    logger.critical("Ended at once: %s", why)
    logging.shutdown()
    os._exit(1)


@contextlib.contextmanager
def _hangups(reload: Reload | None) -> Iterator[None]:
    """SIGHUP reloads; one that comes during a reload is another one, after it."""
    if reload is None:
        yield
        return
    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    def hang_up() -> None:
        task = asyncio.create_task(_reload(reload), name="reload")
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in reloading:
            task.cancel()


async def _reload(reload: Reload) -> None:
    with contextlib.suppress(ConfigurationError):
        await reload(_HANGUP)
