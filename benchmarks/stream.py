"""The live stream to many clients and one that stalls: what a message costs, and how late the last client has it.

Beside two bare broadcasts of the same texts to as many clients, which queue nothing and drop nobody (so nobody
stalls there): a loop that sends each text to each client on the same server, and the floor, one frame made once and
written to each client's transport. Contestants and clients are processes of their own on the loopback interface;
counted is the contestant's processor time. Every change is two messages, an event and the service's document.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, cast

import uvicorn
import uvloop
from benchmarks.figures import ratio, spread, table
from benchmarks.followers import CLIENTS, SMALL_BUFFER, Crowd, ends, stalled
from starlette.types import Receive, Scope, Send
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service, an_event
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from orchestrator.api import server
from orchestrator.api.app import create_app
from orchestrator.runtime.broadcast import Broadcast
from orchestrator.runtime.views import service_document

ROUNDS = 4
CHANGES = 75
"""In each round of each contestant."""
MESSAGES = 2 * CHANGES
APART = 0.02
"""Seconds between two changes."""
PATIENCE = 60.0
OURS, SENDS, WRITES = "orchestrator", "a bare loop of sends", "a bare loop of writes"

Tell = Callable[[int], Awaitable[None]]
"""What is done for the change of this number."""
Conduct = Callable[[Tell], Awaitable[None]]
Serving = Callable[[socket.socket, Conduct], Coroutine[None, None, None]]
SERVICE = a_service("ai-yolo26")


def main() -> None:
    with ExitStack() as stack:
        contestants = [stack.enter_context(contestant(name)) for name in CONTESTANTS]
        uvloop.run(rounds(contestants))
    show(contestants)


def show(contestants: Sequence[Contestant]) -> None:
    stalled_one = "dropped" if contestants[0].dropped else "still held"
    print(f"{CLIENTS} clients, {ROUNDS} rounds of {MESSAGES} messages, median (least to most)")
    print(f"{OURS} had one more, which read nothing and was {stalled_one} at the end\n")
    spent = {one.name: [each.spent for each in one.rounds] for one in contestants}
    print(table(HEADINGS, [row(one, spent) for one in contestants]))


HEADINGS = ("", "ms a message", "µs for each client", "of sends", "of writes", "last client after, ms")


def row(one: Contestant, spent: Mapping[str, Sequence[float]]) -> list[str]:
    cost = spread(spent[one.name])
    costs = [cost.shown(1e3 / MESSAGES, 2), cost.shown(1e6 / MESSAGES / CLIENTS, 1)]
    ratios = [f"{ratio(spent[one.name], spent[other]):.2f}" for other in (SENDS, WRITES)]
    return [one.name, *costs, *ratios, spread([each.worst_lag for each in one.rounds]).shown(1e3)]


# --- who broadcasts: a process each ------------------------------------------------------------------------------


@dataclass
class Round:
    spent: float
    """Processor seconds."""
    worst_lag: float
    """Seconds from a change to its arrival at the last client."""


@dataclass
class Contestant:
    name: str
    port: int
    link: Connection
    rounds: list[Round] = field(default_factory=list)
    dropped: bool = False


@contextmanager
def contestant(name: str) -> Iterator[Contestant]:
    spawn = get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=contend, args=(name, there), daemon=True)
    process.start()
    there.close()
    try:
        yield Contestant(name, here.recv(), here)
    finally:
        here.close()
        process.join(PATIENCE)


def contend(name: str, link: Connection) -> None:
    listener = server.listen("127.0.0.1", 0, token=None)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
    link.send(listener.getsockname()[1])

    async def conduct(tell: Tell) -> None:
        """As many changes as is asked for; their moments first, and what they cost when all have arrived."""
        numbers = itertools.count(1)
        while (changes := await asyncio.to_thread(received, link)) is not None:
            before, moments = time.process_time(), []
            for number in itertools.islice(numbers, changes):
                moments.append(time.monotonic())
                await tell(number)
                await asyncio.sleep(APART)
            link.send(moments)
            await asyncio.to_thread(link.recv)
            link.send(time.process_time() - before)

    uvloop.run(CONTESTANTS[name](listener, conduct))


def received(link: Connection) -> int | None:
    try:
        return cast(int, link.recv())
    except EOFError:
        return None


def texts(number: int) -> Sequence[str]:
    """As the live stream has them."""
    event = an_event(number, SERVICE.name, "Service recovered", "HTTP 200").document
    document = {"type": "service", "data": service_document(replace(SERVICE, strikes=number))}
    return [json.dumps(one, separators=(",", ":")) for one in (event, document)]


async def ours(listener: socket.socket, conduct: Conduct) -> None:
    supervisor = FakeSupervisor([SERVICE])
    broadcast = supervisor.broadcast = Broadcast(StoppedClock(), supervisor.system, supervisor.events)
    broadcast.begin(0)

    async def tell(number: int) -> None:
        broadcast.recorded(an_event(number, SERVICE.name, "Service recovered", "HTTP 200"))
        broadcast.changed(replace(SERVICE, strikes=number))
        broadcast.kept(number)

    await server.serve(create_app(supervisor, StoppedClock()), listener, lambda: conduct(tell), broadcast.close)


async def loop_of_sends(listener: socket.socket, conduct: Conduct) -> None:
    sends: set[Send] = set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        sends.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        sends.discard(send)

    async def tell(number: int) -> None:
        for text in texts(number):
            for send in tuple(sends):
                await send({"type": "websocket.send", "text": text})

    async with bare_server(listener, app):
        await conduct(tell)


async def loop_of_writes(listener: socket.socket, conduct: Conduct) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async def tell(number: int) -> None:
        for text in texts(number):
            frame = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
            for connection in tuple(connections):
                connection.transport.write(frame)

    async with bare_server(listener, app) as running:
        connections = cast(set[WebSocketsSansIOProtocol], running.server_state.connections)
        await conduct(tell)


@asynccontextmanager
async def bare_server(listener: socket.socket, app: Any) -> AsyncIterator[uvicorn.Server]:
    """The server that we use, without what we add."""
    config = uvicorn.Config(app, lifespan="off", ws="websockets-sansio", ws_per_message_deflate=False, log_config=None)
    running = uvicorn.Server(config)
    serving = asyncio.create_task(running.serve(sockets=[listener]))
    try:
        yield running
    finally:
        running.should_exit = running.force_exit = True
        await serving


CONTESTANTS: Mapping[str, Serving] = {OURS: ours, SENDS: loop_of_sends, WRITES: loop_of_writes}


# --- the rounds -------------------------------------------------------------------------------------------------


async def rounds(contestants: Sequence[Contestant]) -> None:
    crowds = {one.name: Crowd() for one in contestants}
    for one in contestants:
        await crowds[one.name].join(one.port)
    with stalled(contestants[0].port) as client:
        for number in range(ROUNDS):
            for one in random.sample(contestants, len(contestants)):
                one.rounds.append(await one_round(one, crowds[one.name], number * CHANGES))
        contestants[0].dropped = ends(client)


async def one_round(one: Contestant, crowd: Crowd, told: int) -> Round:
    crowd.expect(CHANGES)
    one.link.send(CHANGES)
    moments = await asyncio.to_thread(one.link.recv)
    await crowd.complete()
    one.link.send("all arrived")
    spent = await asyncio.to_thread(one.link.recv)
    lags = [crowd.arrivals[number] - moment for number, moment in enumerate(moments, told + 1)]
    return Round(spent, max(lags))


if __name__ == "__main__":
    main()
