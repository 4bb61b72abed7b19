"""An engine's event stream, each event with the moment it reached us."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class SeenEvent:
    action: str
    """In the engine's own word: Docker's ``die`` is Podman's ``died``."""
    container_id: str
    name: str
    at: float
    """The engine's wall time."""
    arrived: float
    """``time.monotonic()`` when it was read from the socket."""
    attributes: Mapping[str, str]


class EventLog:
    """Container events from the engine's API while the context is open, oldest first, in ``seen``.

    ``since``: a wall time from which on those that the engine remembers come first.
    """

    def __init__(self, engine_socket: Path, since: float | None = None) -> None:
        self.seen: list[SeenEvent] = []
        self._since = "" if since is None else f"&since={since:.9f}"
        self._connection = _UnixConnection(engine_socket)
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="event-log", daemon=True)

    def __enter__(self) -> Self:
        container_events = "/v1.40/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D"
        self._connection.request("GET", container_events + self._since)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):  # the engine is gone, and with it the connection
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=5)
        self._connection.close()

    def wait_for(self, wanted: Callable[[SeenEvent], bool], timeout: float = 30.0) -> SeenEvent:
        """The first event, seen or to come, that is wanted; :class:`TimeoutError` after ``timeout`` seconds."""
        with self._more:
            if self._more.wait_for(lambda: any(map(wanted, self.seen)), timeout):
                return next(filter(wanted, self.seen))
            actions = [f"{event.name} {event.action}" for event in self.seen]
        raise TimeoutError(f"no such event within {timeout:g} s; seen: {actions}")

    def _read(self) -> None:
        try:
            response = self._connection.getresponse()
            while line := response.readline():
                self._take(json.loads(line), time.monotonic())
        except (OSError, http.client.HTTPException, ValueError):
            return  # the stream was closed, by us or by the end of the engine

    def _take(self, message: Mapping[str, Any], arrived: float) -> None:
        attributes = message["Actor"]["Attributes"]
        event = SeenEvent(
            action=message["Action"],
            container_id=message["Actor"]["ID"],
            name=attributes.get("name", ""),
            at=message["timeNano"] / 1e9,
            arrived=arrived,
            attributes=attributes,
        )
        with self._more:
            self.seen.append(event)
            self._more.notify_all()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("engine")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))
        self.sock.settimeout(None)
