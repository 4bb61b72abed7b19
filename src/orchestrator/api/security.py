"""Who may ask: the local user when bound to loopback, whoever holds the token when bound elsewhere.

Loopback alone does not keep a browser out: a page of a foreign site can post to 127.0.0.1, and one whose name is
made to resolve to 127.0.0.1 (DNS rebinding) can read the answers. So the ``Host`` header must name this machine,
and a changing request that a browser sends must come from a page that we served.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.api.problems import ProblemResponse

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
STREAM_PROTOCOL: Final = "orchestrator.events"
TOKEN_PROTOCOL: Final = "orchestrator.bearer."  # noqa: S105 - the word before a token
"""How a browser shows a token at a WebSocket, where it can send no header: as a subprotocol, the token in base64url."""
PUBLIC_PATHS: Final = frozenset({"/api/system/health/live"})
"""Answered without a token: what a container platform asks, and it tells nothing."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rules for one listening address; ``token`` is asked for on every address once it is set."""

    bound_host: str = "127.0.0.1"
    token: str | None = None

    def __repr__(self) -> str:
        return f"Access(bound_host={self.bound_host!r}, token={'set' if self.token else 'none'})"

    def refusal(self, method: str, path: str, headers: Headers) -> ProblemResponse | None:
        """``None``: the request may pass."""
        if self.token is not None:
            if path not in PUBLIC_PATHS and not _bears(headers, self.token):
                return _unauthorized(path)
        elif not self._names_us(headers.get("host", "")):
            return _foreign_host(path, headers.get("host", ""))
        if method not in SAFE_METHODS and _is_cross_site(headers):
            return _cross_site(path, headers)
        return None

    def stream_refusal(self, path: str, headers: Headers) -> ProblemResponse | None:
        """As :meth:`refusal`, for a WebSocket: browsers let any page open one, and say in ``Origin`` which."""
        if self.token is not None:
            if not (_bears(headers, self.token) or _offers(headers, self.token)):
                return _unauthorized(path)
        elif not self._names_us(headers.get("host", "")):
            return _foreign_host(path, headers.get("host", ""))
        return _cross_site(path, headers) if _is_cross_site(headers) else None

    def _names_us(self, host_header: str) -> bool:
        name = host_name(host_header)
        return is_loopback(name) or (name != "" and name == self.bound_host.lower())


def host_name(host_header: str) -> str:
    """``Host`` without its port and brackets, in lower case; empty when it is no host."""
    try:
        return urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine by definition (not by anybody's name server)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bears(headers: Headers, token: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode("latin-1", "replace"), token.encode())


def _offers(headers: Headers, token: str) -> bool:
    for offered in headers.get("sec-websocket-protocol", "").split(","):
        word = offered.strip()
        if not word.startswith(TOKEN_PROTOCOL):
            continue
        coded = word.removeprefix(TOKEN_PROTOCOL)
        try:
            given = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4))
        except (binascii.Error, ValueError):
            continue
        if hmac.compare_digest(given, token.encode()):
            return True
    return False


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


def _unauthorized(path: str) -> ProblemResponse:
    detail = (
        "This orchestrator asks for a token: send 'Authorization: Bearer TOKEN' with the value of its "
        "ORCHESTRATOR_API_TOKEN."
    )
    return ProblemResponse(401, "unauthorized", detail, instance=path, headers={"WWW-Authenticate": "Bearer"})


def _foreign_host(path: str, host: str) -> ProblemResponse:
    detail = (
        f"The request names the host {host!r}, which is not this one: a web page may be misusing your browser. "
        "Ask localhost or the address that the orchestrator is bound to, or set ORCHESTRATOR_API_TOKEN."
    )
    return ProblemResponse(403, "foreign_host", detail, instance=path)


def _cross_site(path: str, headers: Headers) -> ProblemResponse:
    origin = headers.get("origin", "another site")
    detail = f"A page of {origin} tried to change something here; only pages of this orchestrator may."
    return ProblemResponse(403, "cross_site", detail, instance=path)


class Guard:
    """ASGI middleware that lets pass what ``access`` allows."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._access.refusal(scope["method"], scope["path"], Headers(scope=scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        elif scope["type"] == "websocket":
            refusal = self._access.stream_refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
