"""Who may ask, and for what: the local user when bound to loopback, whoever holds a token when bound elsewhere.

Loopback alone does not keep a browser out: a page of a foreign site can post to 127.0.0.1, and one whose name is
made to resolve to 127.0.0.1 (DNS rebinding) can read the answers. So the ``Host`` header must name this machine,
and a request that a page makes a browser send must come from a page that we served. Only a link may lead here.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.api.dashboard import is_page
from orchestrator.api.envelope import bounded_body
from orchestrator.api.logins import FailedLogins, RefusalLog
from orchestrator.api.problems import Code, ProblemResponse
from orchestrator.api.sessions import Sessions
from orchestrator.api.tokens import ADMIN_VARIABLE, Role, Tokens
from orchestrator.ports import Clock
from orchestrator.runtime.requests import Requester

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
WEBSOCKET: Final = "WEBSOCKET"
"""What stands for a method where a WebSocket is opened."""
STREAM_PROTOCOL: Final = "orchestrator.events"
TOKEN_PROTOCOL: Final = "orchestrator.bearer."  # noqa: S105 - the word before a token
"""How a browser shows a token at a WebSocket, where it can send no header: as a subprotocol, the token in base64url."""
PUBLIC_PATHS: Final = frozenset({"/api/system/health/live"})
"""Answered without a token: what a container platform asks, and it tells nothing. The dashboard's files are too."""
LOGIN_PATH: Final = "/api/system/login"
LOGOUT_PATH: Final = "/api/system/logout"
"""Whoever may only read logs in and out, too."""

_HOST: Final = re.compile(r"(\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[\w.-]+))(:[0-9]*)?", re.ASCII | re.IGNORECASE)

Caller = Literal["admin", "reader", "local", "anybody"]
"""``anybody`` asked for what is public."""
ACTORS: Final[dict[Caller, str]] = {
    "admin": "the admin token",
    "reader": "the read token",
    "local": "a local user",
    "anybody": "somebody",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request may not pass. ``code`` is that of the problem document."""

    status: int
    code: Code
    detail: str
    wrong_token: bool = False
    """Something was sent as a token and is none: a guess, or a mistake."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rules for one listening address; once ``token`` is set, one of the two is asked for on every address."""

    bound_host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    read_token: str | None = field(default=None, repr=False)
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", Tokens(self.token, self.read_token))

    def judge(self, method: str, path: str, headers: Headers, session: Role | None = None) -> Caller | Refusal:
        """Who asks, if the request may pass. Browsers let any page open a WebSocket, too.

        ``session`` is what its cookie allows; a token that is shown goes before it.
        """
        caller = self._identify(path, headers, session)
        if isinstance(caller, Refusal):
            return caller
        if _is_cross_site(headers) and not (method in SAFE_METHODS and _is_followed_link(headers)):
            return _cross_site(headers)
        if session is not None and method not in SAFE_METHODS and not _says_where_from(headers):
            return _cross_site(headers)
        if method not in (*SAFE_METHODS, WEBSOCKET) and caller == "reader" and path not in (LOGIN_PATH, LOGOUT_PATH):
            return _read_only()
        return caller

    def _identify(self, path: str, headers: Headers, session: Role | None) -> Caller | Refusal:
        given = shown_token(headers)
        role = session if given is None else self.tokens.role(given)
        if role is not None and self.tokens.required:
            return "admin" if role == "admin" else "reader"
        if self.tokens.required:
            public = path in PUBLIC_PATHS or is_page(path)
            return "anybody" if public else _unauthorized(wrong_token=given is not None)
        if not self._names_us(headers.get("host", "")):
            return _foreign_host(headers.get("host", ""))
        return "local" if role is None else "reader"

    def _names_us(self, host_header: str) -> bool:
        name = host_name(host_header)
        return is_loopback(name) or (name != "" and name == self.bound_host.lower())


def host_name(host_header: str) -> str:
    """``Host`` without its port and brackets, in lower case; empty when it is no host and port alone."""
    found = _HOST.fullmatch(host_header)
    return "" if found is None else (found["address"] or found["name"]).lower()


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine by definition (not by anybody's name server)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown_token(headers: Headers) -> str | None:
    """What was sent as a bearer token, or as a subprotocol by a browser; ``None``: nothing was."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given.strip():
        return given.strip()
    for offered in headers.get("sec-websocket-protocol", "").split(","):
        word = offered.strip()
        if word.startswith(TOKEN_PROTOCOL):
            return _decoded(word.removeprefix(TOKEN_PROTOCOL))
    return None


def _decoded(coded: str) -> str:
    """What cannot be decoded is no token."""
    try:
        return base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""


def _is_cross_site(headers: Headers) -> bool:
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True


def _says_where_from(headers: Headers) -> bool:
    """Browsers name the page's origin with every change and every WebSocket. A cookie alone, which they send by
    themselves, is not believed."""
    return "origin" in headers or shown_token(headers) is not None


def _is_followed_link(headers: Headers) -> bool:
    """Somebody goes from another site to a page of ours, which that site cannot look into. Without this, an image or
    a script of that site could hold every followed log."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _unauthorized(*, wrong_token: bool) -> Refusal:
    detail = (
        "This orchestrator asks for a token: send 'Authorization: Bearer TOKEN' with the value of its "
        f"{ADMIN_VARIABLE}, or of its ORCHESTRATOR_API_READ_TOKEN for reading."
    )
    return Refusal(401, "unauthorized", detail, wrong_token)


def _read_only() -> Refusal:
    detail = f"This token may only read. To change something send the one of {ADMIN_VARIABLE}."
    return Refusal(403, "read_only", detail)


def _foreign_host(host: str) -> Refusal:
    detail = (
        f"The request names the host {host!r}, which is not this one: a web page may be misusing your browser. "
        f"Ask localhost or the address that the orchestrator is bound to, or set {ADMIN_VARIABLE}."
    )
    return Refusal(403, "foreign_host", detail)


def _cross_site(headers: Headers) -> Refusal:
    origin = headers.get("origin", "another site")
    detail = f"A page of {origin} asked for this; only pages of this orchestrator may ask for anything."
    return Refusal(403, "cross_site", detail)


class Guard:
    """ASGI middleware that lets pass what ``access`` allows, and notes who asks for whom it may concern."""

    def __init__(self, app: ASGIApp, access: Access, sessions: Sessions, clock: Clock) -> None:
        self._app = app
        self._access = access
        self._sessions = sessions
        self._logins = FailedLogins(clock)
        self._log = RefusalLog(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = self._answer(scope)
        if answer is None:
            bounded = receive if scope["type"] == "websocket" else await bounded_body(scope, receive)
            if not isinstance(bounded, ProblemResponse):
                await self._app(scope, bounded, send)
                return
            answer = bounded
        await answer(scope, receive, send)

    def _answer(self, scope: Scope) -> ProblemResponse | None:
        """``None``: the request may pass."""
        path, client = scope["path"], client_of(scope)
        ours = path.removeprefix(scope.get("root_path", ""))  # where it is mounted into another application
        headers, method = Headers(scope=scope), scope.get("method", WEBSOCKET)
        wait = self._logins.wait(client)
        if wait > 0 and shown_token(headers) is not None:
            return _too_many_failures(path, wait)
        session = self._sessions.role(headers.get("cookie", ""))
        judged = self._access.judge(method, ours, headers, session)
        if not isinstance(judged, Refusal):
            scope.setdefault("state", {}).update(caller=judged, requester=Requester(ACTORS[judged], client))
            return None
        if judged.wrong_token:
            self._logins.failed(client)
        self._log.tell(judged.code, method, client)
        challenge = {"WWW-Authenticate": "Bearer"} if judged.status == 401 else None
        return ProblemResponse(judged.status, judged.code, judged.detail, instance=path, headers=challenge)


def client_of(scope: Scope) -> str:
    """The address that the connection comes from, whatever the headers claim."""
    client = scope.get("client")
    return str(client[0]) if client else "an unknown address"


def requester_of(scope: Scope) -> Requester:
    """Who asks, for journal and causes; without a guard before us, the application that we are part of."""
    noted = scope.get("state", {}).get("requester")
    return noted if isinstance(noted, Requester) else Requester("the embedding application", client_of(scope))


def caller_of(scope: Scope) -> Caller:
    """In what right somebody asks, as the guard before us has judged."""
    caller: Caller = scope["state"]["caller"]
    return caller


def _too_many_failures(path: str, wait: float) -> ProblemResponse:
    detail = f"Too many wrong tokens came from this address: try again in {wait:.0f} s, with the right one."
    headers = {"Retry-After": str(max(1, math.ceil(wait)))}
    return ProblemResponse(429, "too_many_failures", detail, instance=path, headers=headers)
