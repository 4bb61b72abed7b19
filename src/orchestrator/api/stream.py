"""``/ws/events``: one WebSocket a client, fed from its subscription; what clients send is read and ignored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestrator.api.problems import InvalidInput, ProblemResponse
from orchestrator.api.security import STREAM_PROTOCOL
from orchestrator.runtime.broadcast import Broadcast, Ending, NotStarted, Subscription, TooManyClients

PATH: Final = "/ws/events"
SEND_DEADLINE: Final = 10.0
"""Seconds that a client may take to read what waits for it."""
CLOSE_DEADLINE: Final = 1.0

CLOSES: Final[Mapping[Ending, tuple[int, str]]] = {
    "too_slow": (1013, "too slow: reconnect with since"),
    "shutdown": (1001, "the orchestrator ends: reconnect with since"),
}


def route(broadcast: Broadcast) -> WebSocketRoute:
    return WebSocketRoute(PATH, _Stream(broadcast), name="events")


class _Stream:
    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        try:
            subscription = await self._broadcast.subscribe(_since(websocket.query_params.get("since")))
        except ValueError as error:
            wrong = InvalidInput(where="query.since", fact=str(error))
            await ProblemResponse(422, "invalid_input", f"query.since: {error}", instance=PATH, errors=[wrong])(
                scope, receive, send
            )
            return
        except TooManyClients:
            detail = "As many clients as may be follow the events already: try again later, or GET the events."
            await ProblemResponse(429, "too_many", detail, instance=PATH)(scope, receive, send)
            return
        except NotStarted:
            detail = "The orchestrator just started and has not read its state yet: try again in a moment."
            await ProblemResponse(503, "stalled", detail, instance=PATH)(scope, receive, send)
            return
        try:
            await _attend(websocket, send, subscription)
        finally:
            self._broadcast.leave(subscription)


def _since(given: str | None) -> int | None:
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise ValueError(f"{given[:40]!r} is no sequence number: give that of the last event that you have")
    return int(given)


async def _attend(websocket: WebSocket, send: Send, subscription: Subscription) -> None:
    """Until the client leaves, is too slow, or we end."""
    offered = websocket.scope.get("subprotocols", [])
    await websocket.accept(subprotocol=STREAM_PROTOCOL if STREAM_PROTOCOL in offered else None)
    tasks = (
        asyncio.create_task(_send(send, subscription), name="stream-send"),
        asyncio.create_task(_listen(websocket, subscription), name="stream-listen"),
    )
    try:
        ending = await subscription.ended()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if ending in CLOSES:
        code, reason = CLOSES[ending]
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(CLOSE_DEADLINE):  # one that does not read cannot be told why
                await websocket.close(code, reason)


async def _send(send: Send, subscription: Subscription) -> None:
    deadline = _Deadline(subscription)
    try:
        while True:
            texts = await subscription.take()
            deadline.begin()
            for text in texts:
                await send({"type": "websocket.send", "text": text})
            deadline.met()
    except (OSError, RuntimeError):
        subscription.end("left")
    finally:
        deadline.cancel()


class _Deadline:
    """For what is sent to be taken. One timer looks after many messages: one for each costs more than its message."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._loop = asyncio.get_running_loop()
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._due = self._loop.time() + SEND_DEADLINE
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def met(self) -> None:
        self._due = None

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._due <= self._loop.time():
            self._subscription.end("too_slow")
        else:
            self._timer = self._loop.call_at(self._due, self._look)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _listen(websocket: WebSocket, subscription: Subscription) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    subscription.end("left")
