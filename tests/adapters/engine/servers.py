"""Small servers on a local socket that behave as a bad engine does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RECORDED = Path(__file__).parent / "recorded"


def version(engine: str = "docker", **changed: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RECORDED / f"{engine}-version.json").read_text())
    return document | changed


def answer(document: object, status: int = 200) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.json_response(document, status=status)

    return handle


async def never(_: web.Request) -> web.StreamResponse:
    """A hung engine: it accepted the question."""
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def engine_at(socket: Path, routes: dict[str, Handler], heard: list[str] | None = None) -> AsyncIterator[str]:
    """``routes``: the path without the API version (and ``/version`` itself) to what answers; 404 elsewhere.
    ``heard`` is told every request whole, before it is answered."""

    async def route(request: web.Request) -> web.StreamResponse:
        if heard is not None:
            heard.append(f"{request.method} {request.raw_path} {dict(request.headers)} {await request.text()}")
        path = request.path
        if path.startswith("/v") and path[2:3].isdecimal():
            path = "/" + path.split("/", 2)[2]
        handler = routes.get(path)
        if handler is None:
            return web.json_response({"message": "page not found"}, status=404)
        return await handler(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", route)
    runner = web.AppRunner(application, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield f"unix://{socket}"
    finally:
        await runner.cleanup()
