"""The live stream as a command reads it: message after message, also across a lost connection."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Final

import click

from orchestrator.cli.client import Document, Refused, Server, Unreachable
from orchestrator.terminal import printable

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PATH: Final = "/ws/events"
EVENT_TYPES: Final = ("service_status", "request", "host")
"""Of the messages that are journalled, each with its sequence; all others tell how something is now."""
INTERRUPTED: Final = 130
FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to connect again; each pause is twice the one before."""
FAREWELL: Final = 1.0


def tell(text: str) -> None:
    click.echo(text, err=True)


def messages(
    server: Server,
    *,
    tick: float | None = None,
    say: Callable[[str], None] = tell,
) -> Generator[Document | None]:
    """Every message as it comes; ``None`` when none came for ``tick`` seconds.

    Who cannot be reached at first is :class:`Unreachable`. A connection that is lost later is made again, from the
    last event that was told, and ``say`` is told so. :class:`Refused`: it does not let us in, also later.
    """
    since: int | None = None
    connection = _connect(server, None)
    while True:
        with connection:
            for message in _received(connection, tick):
                if message is not None:
                    since = _reached(message, since)
                    if message.get("missed"):
                        say("Events were missed: `orchestrator events` tells the newest ones.")
                yield message
        say(f"Lost the connection to {server.address}{_why(connection)}: connecting again.")
        connection = _connect_again(server, since)
        say(f"Connected to {server.address} again.")


def _reached(message: Document, since: int | None) -> int | None:
    """The newest event that was told. A snapshot that is resumed comes before those that it counts."""
    if message["type"] in EVENT_TYPES or (message["type"] == "snapshot" and not message["resumed"]):
        return int(message["sequence"])
    return since


def _connect(server: Server, since: int | None) -> ClientConnection:
    from websockets.exceptions import InvalidStatus, WebSocketException  # noqa: PLC0415 - help needs none of it
    from websockets.sync.client import connect  # noqa: PLC0415

    with server.translated():
        try:
            return connect(
                server.stream_address(PATH, since=since),
                additional_headers=server.headers(),
                proxy=None,
                open_timeout=server.deadline,
                close_timeout=FAREWELL,
                max_size=None,  # a snapshot holds every service
            )
        except InvalidStatus as refused:
            status, body = refused.response.status_code, bytes(refused.response.body or b"")
            server.read(status, body)
            raise server.stranger() from None
        except (WebSocketException, EOFError):
            raise server.stranger() from None


def _connect_again(server: Server, since: int | None) -> ClientConnection:
    wait = FIRST_PAUSE
    while True:
        time.sleep(wait)
        try:
            return _connect(server, since)
        except Unreachable:
            wait = min(2 * wait, LONGEST_PAUSE)
        except Refused as refused:
            if not refused.for_now:
                raise
            wait = LONGEST_PAUSE


def _received(connection: ClientConnection, tick: float | None) -> Iterator[Document | None]:
    """Until the connection ends."""
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    while True:
        try:
            yield json.loads(connection.recv(timeout=tick))
        except TimeoutError:
            yield None
        except ConnectionClosed:
            return


def _why(connection: ClientConnection) -> str:
    """What follows a colon there is for programs."""
    reason = (connection.close_reason or "").partition(":")[0]
    return f" ({printable(reason)})" if reason else ""
