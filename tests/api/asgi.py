"""Calls an ASGI application as a server would, without a socket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


LOCAL: Final = "127.0.0.1"


def call(
    app: ASGIApp, method: str, target: str, headers: dict[str, str] | None = None, *, leaves: bool = False
) -> Answer:
    """One request from this machine, whose client ``leaves`` as soon as it was sent, or waits for the answer.

    A RuntimeError that reaches the server after the answer was sent is dropped, as uvicorn drops it (it logs it).
    """
    return asyncio.run(ask(app, method, target, headers, leaves=leaves))


async def ask(
    app: ASGIApp,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    *,
    client: str = LOCAL,
    leaves: bool = False,
) -> Answer:
    """The same within a loop, from any address."""
    parts = urlsplit(target)
    sent = {"host": "127.0.0.1:8787", **{key.lower(): value for key, value in (headers or {}).items()}}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
        "client": (client, 50000),
        "server": ("127.0.0.1", 8787),
    }
    messages: list[Message] = []

    unread: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if unread:
            return unread.pop()
        if not leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    try:
        await app(scope, receive, send)
    except RuntimeError:
        if not messages:
            raise
    start = messages[0]
    answered = {key.decode(): value.decode() for key, value in start["headers"]}
    return Answer(start["status"], answered, b"".join(message.get("body", b"") for message in messages[1:]))
