"""The API inside an application of somebody else: our paths are ours, everything else is the host's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.api.envelope import Envelope
from orchestrator.api.problems import ProblemResponse
from orchestrator.api.security import client_of, is_loopback
from orchestrator.api.tokens import ADMIN_VARIABLE
from orchestrator.runtime.broadcast import Broadcast

logger: Final = logging.getLogger("orchestrator")

OPENAPI_PATH: Final = "/api/system/openapi.json"
"""Our document; ``/openapi.json`` is the host's."""


class Runner(Protocol):
    """Implemented by :class:`orchestrator.ContainerOrchestrator`."""

    @property
    def broadcast(self) -> Broadcast: ...

    async def run(self) -> None: ...


class Embedded:
    """``app`` over ``orchestrator``, which is run as long as the host application is.

    No signal is taken, no logging configured, and no exception handler, middleware or document of the host changed.
    """

    def __init__(self, app: FastAPI, orchestrator: Runner, *, guarded: bool) -> None:
        """``guarded``: a token is asked for. Without one only clients of this machine are answered."""
        answering: ASGIApp = app if guarded else Envelope(_LocalOnly(app))
        self._route = _OurPaths(app.routes, answering)
        self._orchestrator = orchestrator
        self._ran = False

    def mount(self, host: Starlette) -> None:
        """Answer our paths in ``host``, a FastAPI or Starlette application, from its start to its end.

        Where paths meet, what was added first wins, as between its own routes. The orchestrator begins before the
        host's lifespan does and ends after it.
        """
        theirs = host.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
            async with self._running(), theirs(app) as state:
                yield state

        host.router.lifespan_context = lifespan  # type: ignore[assignment]  # typed without the state that it may yield
        host.router.routes.append(self._route)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """Raises what keeps the orchestrator from beginning: ``StoreInUse``."""
        if self._ran:
            raise RuntimeError("An Orchestration runs once: make a new one, and mount it, for every start.")
        self._ran = True
        running = asyncio.create_task(self._orchestrator.run(), name="orchestrator")
        try:
            await self._begun(running)
            running.add_done_callback(_tell_a_failure)
            yield
        finally:
            running.cancel()
            await self._orchestrator.broadcast.close()
            await asyncio.wait({running})

    async def _begun(self, running: asyncio.Task[None]) -> None:
        begun = asyncio.create_task(self._orchestrator.broadcast.begun(), name="orchestrator begins")
        try:
            await asyncio.wait({running, begun}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if running.done():
            running.result()


def _tell_a_failure(running: asyncio.Task[None]) -> None:
    if not running.cancelled() and (error := running.exception()) is not None:
        logger.critical("The orchestrator failed: nothing is healed until a new start", exc_info=error)


class _OurPaths(BaseRoute):
    """One route of the host that stands for all of ours."""

    def __init__(self, routes: list[BaseRoute], app: ASGIApp) -> None:
        self._routes = routes
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # Also a path of ours with a method that it does not have: the answer to that is ours.
        ours = any(route.matches(scope)[0] is not Match.NONE for route in self._routes)
        return (Match.FULL if ours else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """With a scope of its own: what is noted there of our request is not to meet what the host notes."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        ours = {**scope, "path": path, "root_path": "", "state": dict(scope.get("state", {}))}
        await self._app(ours, receive, send)


class _LocalOnly:
    """Lets clients of this machine pass: the host may listen wherever it likes, and we have no token to ask for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = client_of(scope)
        if is_loopback(client):
            await self._app(scope, receive, send)
            return
        detail = (
            f"The request comes from {client}, which is not this machine: whoever reaches this address could restart "
            f"containers. Set {ADMIN_VARIABLE} to a secret that clients must send."
        )
        await ProblemResponse(403, "foreign_client", detail, instance=scope["path"])(scope, receive, send)
