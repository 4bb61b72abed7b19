"""Nothing that a request holds reaches the engine, a shell or the log as it came: asked of every endpoint there is.

Everything is real but the engine, which is a socket that remembers every byte that it was sent.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
import structlog
from aiohttp import web
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from orchestrator import bootstrap, logs
from orchestrator.api.app import create_app
from orchestrator.api.problems import MEDIA_TYPE
from tests.adapters.engine.servers import RECORDED, Handler, answer, engine_at, never, version
from tests.api.asgi import Answer, ask

MARK = "zq9x"
"""In every hostile word, and nowhere else: whoever holds it was given it by a request."""
WORDS = (
    f"../{MARK}",
    f"../../containers/{MARK}/exec",
    f"%2e%2e%2f{MARK}",
    f"..\\{MARK}",
    f"{MARK};rm -rf /",
    f"$(id){MARK}",
    f"`id`{MARK}",
    f"{MARK}\n2024-01-15T10:00:00Z info Service bank recovered",
    f"{MARK}\r\nX-Injected: 1",
    f"{MARK}\x00",
    f"\x1b[2J\x9b2J{MARK}",
    f"{MARK}\u202e\u2028\u0085",
    f"web?{MARK}",
    f"web#{MARK}",
    f"web/{MARK}",
    f"--{MARK}",
    f"{{}}{MARK}%s%n{{0}}",
    f"' OR 1=1 -- {MARK}",
    MARK * 2560,
    f"\U0001f600{MARK}",
    f"\udcff{MARK}",
)
any_word = st.text(st.characters(codec=None), max_size=40).map(lambda text: MARK + text)


async def silent(request: web.Request) -> web.StreamResponse:
    """An event stream on which nothing happens."""
    response = web.StreamResponse()
    await response.prepare(request)
    return await never(request)


async def nothing(_: web.Request) -> web.StreamResponse:
    return web.Response()


class Place(NamedTuple):
    """Where an endpoint takes something from a request."""

    method: str
    path: str
    parameter: str
    inside: str
    """``path`` or ``query``."""

    def target(self, word: str) -> str:
        coded = quote(word, safe="", errors="surrogatepass")
        if self.inside == "path":
            return self.path.replace(f"{{{self.parameter}}}", coded)
        return f"{self.path.replace('{name}', 'web')}?{self.parameter}={coded}"


class World:
    """A running orchestrator, its application, and all that the engine was sent."""

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self.sent: list[str] = []
        self._runner = runner
        self._folder = folder
        self.app = FastAPI()
        self._over = asyncio.Event()
        self._living: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._runner.run(self._begin())

    def end(self) -> None:
        self._runner.run(self._end())

    def ask(self, method: str, target: str) -> Answer:
        return self._runner.run(ask(self.app, method, target))

    def open_stream(self, since: str) -> Message:
        """What a WebSocket client is answered first."""
        return self._runner.run(_open_stream(self.app, since))

    async def _begin(self) -> None:
        begun = asyncio.Event()
        self._living = asyncio.create_task(self._live(begun))
        async with asyncio.timeout(60):
            await begun.wait()

    async def _end(self) -> None:
        assert self._living is not None
        self._over.set()
        await self._living

    async def _live(self, begun: asyncio.Event) -> None:
        async with engine_at(self._folder / "engine.sock", self._routes(), self.sent) as address:
            command_line = {"docker_host": address, "state": self._folder / "state.db", "discovery": "all"}
            configuration = bootstrap.configure(command_line)
            assembly = bootstrap.build(configuration, command_line)
            self.app = create_app(assembly.orchestrator, assembly.clock, reload=assembly.reload)
            running = asyncio.create_task(assembly.orchestrator.run())
            while assembly.orchestrator.service("web") is None:
                await asyncio.sleep(0.01)
            begun.set()
            await self._over.wait()
            running.cancel()
            await asyncio.wait({running})

    def _routes(self) -> dict[str, Handler]:
        row = next(one for one in json.loads((RECORDED / "docker-list.json").read_text()) if "/web" in one["Names"])
        document = json.loads((RECORDED / "docker-inspect.json").read_text())["web"]
        document["Config"] |= {"ExposedPorts": {}, "Healthcheck": None}
        document["NetworkSettings"]["Ports"] = {}
        container = f"/containers/{document['Id']}"
        return {
            "/version": answer(version()),
            "/containers/json": answer([row]),
            f"{container}/json": answer(document),
            f"{container}/logs": nothing,
            "/events": silent,
        }


def _places(app: FastAPI) -> Iterator[Place]:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                yield Place(method.upper(), path, parameter["name"], parameter["in"])


async def _open_stream(app: FastAPI, since: str) -> Message:
    said: list[Message] = []
    scope = {
        "type": "websocket",
        "path": "/ws/events",
        "raw_path": b"/ws/events",
        "query_string": f"since={quote(since, safe='', errors='surrogatepass')}".encode(),
        "headers": [(b"host", b"127.0.0.1:8787")],
        "subprotocols": [],
        "client": ("127.0.0.1", 50000),
        "extensions": {"websocket.http.response": {}},
    }

    async def receive() -> Message:
        return {"type": "websocket.connect"} if not said else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """Everything that is logged while this module's tests run, as text."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    written = io.StringIO()
    logs.configure("text", stream=written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def world(log: io.StringIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    assert not log.getvalue()
    with asyncio.Runner() as runner:
        world = World(runner, tmp_path_factory.mktemp("hostile"))
        world.begin()
        yield world
        world.end()


def must_be_harmless(world: World, log: io.StringIO, place: Place, word: str) -> None:
    reached = len(world.sent)
    written = len(log.getvalue())
    answered = world.ask(place.method, place.target(word))
    if place.inside == "path" or answered.status != 200:
        assert 400 <= answered.status < 500, (place, word, answered)
        assert answered.headers["content-type"] == MEDIA_TYPE
    assert not any(MARK in one for one in world.sent[reached:]), (place, word)
    must_be_plain(log.getvalue()[written:])


def must_be_plain(text: str) -> None:
    """No line was begun, and nothing was coloured, by what somebody sent."""
    assert not set(text) & set("\x00\x1b\x85\x9b\u2028\u202e\r")
    assert "bank recovered" not in [line.partition("info ")[2][-14:] for line in text.splitlines()]


@pytest.mark.parametrize("word", WORDS, ids=range(len(WORDS)))
def test_a_hostile_word_is_refused_wherever_a_request_may_hold_one(world: World, log: io.StringIO, word: str) -> None:
    for place in _places(world.app):
        must_be_harmless(world, log, place, word)


@given(word=any_word)
@settings(max_examples=50, deadline=None)
def test_any_word_is_refused_wherever_a_request_may_hold_one(world: World, log: io.StringIO, word: str) -> None:
    for place in _places(world.app):
        must_be_harmless(world, log, place, word)


@pytest.mark.parametrize("word", WORDS, ids=range(len(WORDS)))
def test_a_hostile_word_opens_no_stream(world: World, word: str) -> None:
    first = world.open_stream(word)
    assert (first["type"], first.get("status")) == ("websocket.http.response.start", 422)


def test_every_endpoint_that_takes_something_was_asked(world: World) -> None:
    places = list(_places(world.app))
    assert {one.inside for one in places} == {"path", "query"}
    assert {"name", "service", "after", "since", "timeout"} <= {one.parameter for one in places}


def test_the_engine_was_asked_and_is_still_seen(world: World) -> None:
    """The recorder records: what these tests find absent could have been there."""
    assert any("/containers/json" in one for one in world.sent)
    assert world.ask("GET", "/api/system/services/web/logs").status == 200
    assert any("/logs" in one for one in world.sent)
