"""The commands' way to a running orchestrator: its HTTP API, by the standard library alone (start-up time counts)."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import click

from orchestrator.terminal import printable, printable_json

if TYPE_CHECKING:
    from http.client import HTTPConnection

DEFAULT_SERVER: Final = "http://127.0.0.1:8787"
DEADLINE: Final = 15.0
"""Seconds without a byte; the server decides on a command within 10."""

FOR_NOW: Final = frozenset({429, 503})

Document = dict[str, Any]
Function = TypeVar("Function", bound=Callable[..., object])


class Refused(click.ClickException):
    """The orchestrator answered that it does not do this."""

    exit_code = 1

    def __init__(self, message: str, *, for_now: bool = False, document: Document | None = None) -> None:
        super().__init__(message)
        self.for_now = for_now
        """It may well do it later."""
        self.document: Document = document or {}
        """The problem document that was answered; empty: the refusal is our own."""


class Unreachable(click.ClickException):
    """No orchestrator answers there."""

    exit_code = 3

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent
        """Nobody answers at all, be it a stranger or one that hangs."""


@dataclass(frozen=True)
class Server:
    """One running orchestrator, by its address: ``http://HOST:PORT``, ``https://...`` or ``HOST:PORT``."""

    address: str
    token: str | None = field(default=None, repr=False)
    deadline: float = DEADLINE
    """Seconds without a byte after which nobody answers."""

    def get(self, path: str, **query: object) -> Document:
        return self._ask("GET", path, query)

    def health(self) -> Document:
        """The verdict, whichever it is: 503 with a body that is no problem document is one."""
        return self.get("/api/system/health")

    def post(self, path: str, *, patience: float = 0.0, **query: object) -> Document:
        """``patience``: seconds that the server may take beyond the usual, to wait for an outcome."""
        return self._ask("POST", path, query, patience)

    def lines(self, path: str, *, patient: bool, **query: object) -> Iterator[Document]:
        """The documents of an answer that has one a line, as they come; ``patient``: however long each takes."""
        connection = self._connection()
        try:
            with self.translated():
                connection.connect()
                if patient and connection.sock is not None:
                    connection.sock.settimeout(None)
                connection.request("GET", f"{path}?{urlencode(_given(query))}", headers=self.headers())
                answer = connection.getresponse()
            if answer.status >= 400:
                self.read(answer.status, answer.read())
            while True:
                with self.translated():
                    line = answer.readline()
                if not line:
                    return
                yield self.read(200, line)
        finally:
            connection.close()

    def _ask(self, method: str, path: str, query: dict[str, object], patience: float = 0.0) -> Document:
        given = _given(query)
        target = f"{path}?{urlencode(given, doseq=True)}" if given else path
        connection = self._connection(patience)
        try:
            with self.translated():
                connection.request(method, target, headers=self.headers())
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
        finally:
            connection.close()
        return self.read(status, body)

    def headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    @contextmanager
    def translated(self) -> Iterator[None]:
        """What goes wrong on the way is told in our words."""
        from http.client import HTTPException  # noqa: PLC0415 - help needs none of it

        try:
            yield
        except TimeoutError:
            raise Unreachable(
                f"{self.address} accepts connections and does not answer within {self.deadline:g} s. "
                "See its log, and restart it if it hangs."
            ) from None
        except HTTPException:
            raise self.stranger() from None
        except (OSError, UnicodeError) as error:
            raise self._nobody(error) from None

    def stream_address(self, path: str, **query: object) -> str:
        """Of a WebSocket."""
        parts = self.parts()
        given = _given(query)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return f"{scheme}://{parts.netloc}{path}{f'?{urlencode(given)}' if given else ''}"

    def _connection(self, patience: float = 0.0) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - as above

        parts = self.parts()
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.deadline + patience)

    def parts(self) -> SplitResult:
        """Of the address; raises :class:`click.UsageError` for what is none."""
        parts = urlsplit(self.address if "://" in self.address else f"http://{self.address}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        host = parts.hostname or ""
        readable = bool(host) and host.isprintable() and " " not in host
        if parts.scheme not in ("http", "https") or not readable or port == -1:
            raise click.UsageError(f"--server: {self.address!r} is no address like {DEFAULT_SERVER}.")
        return parts

    def read(self, status: int, body: bytes) -> Document:
        try:
            document = json.loads(body)
        except ValueError:
            raise self.stranger() from None
        if not isinstance(document, dict):
            raise self.stranger()
        if status < 400 or (status == 503 and document.get("status") == "unhealthy"):
            return document
        if "detail" not in document:
            raise self.stranger()
        raise Refused(printable(str(document["detail"])), for_now=status in FOR_NOW, document=document)

    def _nobody(self, error: OSError | UnicodeError) -> Unreachable:
        if isinstance(error, UnicodeError | socket.gaierror):
            reason = "the name is not known"
        else:
            reason = (error.strerror or str(error)).lower()
        return Unreachable(
            f"No orchestrator answers at {self.address}: {reason}. "
            "Start one with `orchestrator serve`, or name another with --server or ORCHESTRATOR_SERVER.",
            absent=True,
        )

    def stranger(self) -> Unreachable:
        return Unreachable(
            f"Something answers at {self.address}, but it is no orchestrator. "
            "Name the right one with --server or ORCHESTRATOR_SERVER."
        )


def _given(query: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in query.items() if value is not None}


def service_path(name: str, verb: str = "") -> str:
    path = f"/api/system/services/{quote(name, safe='')}"
    return f"{path}/{verb}" if verb else path


def project_path(name: str, verb: str) -> str:
    return f"/api/system/projects/{quote(name, safe='')}/{verb}"


def server_option(command: Function) -> Function:
    """Adds ``--server``, which arrives as a :class:`Server`."""
    return click.option(
        "--server",
        metavar="URL",
        envvar="ORCHESTRATOR_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        show_envvar=True,
        callback=lambda _context, _parameter, value: Server(value, os.environ.get("ORCHESTRATOR_API_TOKEN")),
        help="The orchestrator to ask.",
    )(command)


def json_option(command: Function) -> Function:
    return click.option("--json", "as_json", is_flag=True, help="The API's own answer, for machines.")(command)


def print_json(document: Document) -> None:
    click.echo(printable_json(json.dumps(document, indent=2, ensure_ascii=False)))
