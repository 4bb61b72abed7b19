"""What holds for every answer and every request, whoever asks: the security headers, and how large a body may be."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api.problems import ProblemResponse

LARGEST_BODY: Final = 64 * 1024
"""Bytes. No endpoint reads a body; what clients send all the same has to end somewhere."""

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""For answers that are data. An answer that sets one of them itself keeps its own: pages need another policy."""


class Envelope:
    """ASGI middleware around everything else: headers on every answer, 413 for a body that is too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


async def bounded_body(scope: Scope, receive: Receive) -> Receive | ProblemResponse:
    """``receive`` for the application, once the whole body is there and small enough. Also counts chunks."""
    headers = Headers(scope=scope)
    announced = headers.get("content-length", "0")
    if "transfer-encoding" not in headers and announced == "0":
        return receive
    if announced.isdecimal() and int(announced[:20]) > LARGEST_BODY:
        return _too_large(scope["path"])
    messages: list[Message] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return _cut_off(scope["path"])
        messages.append(message)
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            return _too_large(scope["path"])
        more = message.get("more_body", False)
    messages.reverse()

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _too_large(path: str) -> ProblemResponse:
    detail = f"The request's body exceeds {LARGEST_BODY} bytes; no endpoint needs one. Send none."
    return ProblemResponse(413, "too_large", detail, instance=path, headers={"Connection": "close"})


def _cut_off(path: str) -> ProblemResponse:
    """Nobody reads it; what matters is that half a request does nothing."""
    return ProblemResponse(400, "http", "The request's body ended before its end.", instance=path)
