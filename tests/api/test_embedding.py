"""The orchestrator in an application of somebody else: our paths, and nothing but our paths, are ours."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from orchestrator.api import Orchestration, Workers
from orchestrator.api.app import create_app
from orchestrator.api.embedded import OPENAPI_PATH, Embedded
from orchestrator.api.security import Access
from orchestrator.errors import StoreInUse
from orchestrator.runtime.broadcast import Broadcast
from tests.api.asgi import Answer, ask
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service

SERVICES = "/api/system/services"
TOKEN = "correct horse battery staple"


class Life:
    """An orchestrator that only notes how it lives; ``failure`` is how its life ends."""

    def __init__(self, steps: list[str], failure: Exception | None = None, *, at_once: bool = False) -> None:
        self.steps = steps
        self.failure = failure
        self.at_once = at_once
        self.over = asyncio.Event()
        supervisor = FakeSupervisor()
        self.broadcast = Broadcast(StoppedClock(), supervisor.system, supervisor.events)

    async def run(self) -> None:
        if self.failure is not None and self.at_once:
            raise self.failure
        self.steps.append("orchestrator begins")
        self.broadcast.begin(0)
        try:
            await self.over.wait()
            if self.failure is not None:
                raise self.failure
        finally:
            self.steps.append("orchestrator ends")


class House:
    """A host application with an orchestrator in it, and what both went through."""

    def __init__(
        self, supervisor: FakeSupervisor, access: Access | None = None, workers: Workers | None = None, **life: Any
    ) -> None:
        self.steps: list[str] = []
        self.life = Life(self.steps, **life)
        self.noted: list[dict[str, Any]] = []
        self.handled: list[str] = []
        self.host = self._host()
        self.before = self.host.openapi()
        self.host.openapi_schema = None
        app = create_app(supervisor, StoppedClock(), access, workers=workers, openapi_path=OPENAPI_PATH)
        self.embedded = Embedded(app, self.life, guarded=access is not None)
        self.embedded.mount(self.host)

        @self.host.get("/late")
        async def late() -> str:
            return "added after ours"

    def _host(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
            self.steps.append("host begins")
            yield {"kept": "by the host"}
            self.steps.append("host ends")

        host = FastAPI(title="Host", lifespan=lifespan)

        @host.exception_handler(Exception)
        async def handled(request: Request, error: Exception) -> JSONResponse:
            self.handled.append(request.url.path)
            return JSONResponse({"host": "handled it"}, 500)

        @host.get("/own")
        async def own() -> dict[str, str]:
            return {"host": "answers"}

        @host.get("/refused")
        async def refused() -> None:
            raise HTTPException(418, "the host's own")

        host.add_middleware(_Note, self.noted)
        return host


class _Note:
    """A middleware of the host that looks at what was noted with each request."""

    def __init__(self, app: Any, noted: list[dict[str, Any]]) -> None:
        self._app = app
        self._noted = noted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        if scope["type"] == "http":
            self._noted.append({"state": dict(scope.get("state", {})), "app": scope["app"].title})


def lived(house: House, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), house.host.router.lifespan_context(house.host):
            await story()

    asyncio.run(main())


def asked(house: House, method: str, target: str, headers: dict[str, str] | None = None, **given: Any) -> Answer:
    answers: list[Answer] = []

    async def story() -> None:
        answers.append(await ask(house.host, method, target, headers, **given))

    lived(house, story)
    return answers[0]


def house(access: Access | None = None, workers: Workers | None = None, **life: Any) -> House:
    return House(FakeSupervisor([a_service("ai-llm")]), access, workers, **life)


# --- whose path it is ------------------------------------------------------------------------------------------


def test_our_endpoints_answer_beside_the_hosts_own() -> None:
    assert asked(house(), "GET", SERVICES).json["services"][0]["name"] == "ai-llm"
    assert asked(house(), "GET", "/api/system/health/live").status == 200
    assert asked(house(), "GET", "/metrics").status == 200
    assert asked(house(), "POST", f"{SERVICES}/ai-llm/restart").status == 202
    assert asked(house(), "GET", "/own").json == {"host": "answers"}
    assert asked(house(), "GET", "/late").json == "added after ours"


def test_the_hosts_document_is_its_own_and_ours_has_an_address_of_its_own() -> None:
    built = house()
    theirs = asked(built, "GET", "/openapi.json").json
    assert {path for path in theirs["paths"] if path != "/late"} == set(built.before["paths"])
    assert theirs["info"]["title"] == "Host"
    assert f"{SERVICES}/{{name}}/restart" in asked(house(), "GET", OPENAPI_PATH).json["paths"]


@pytest.mark.parametrize("path", ["/nowhere", "/api/system", "/api/systematic", "/ws"])
def test_what_is_no_path_of_ours_is_the_hosts_to_refuse(path: str) -> None:
    answer = asked(house(), "GET", path)
    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})
    assert "content-security-policy" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", f"{SERVICES}/nobody", 404), ("DELETE", f"{SERVICES}/ai-llm", 405)]
)
def test_errors_of_ours_are_problem_documents(method: str, path: str, status: int) -> None:
    answer = asked(house(), method, path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "content-security-policy" in answer.headers


def test_a_failure_of_ours_is_answered_by_us_and_heard_of_by_the_host() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.failure = RuntimeError("a defect")
    built = House(supervisor)
    answer = asked(built, "GET", "/api/system/health")
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert built.handled == ["/api/system/health"], "its error reports would miss ours otherwise"


def test_a_failure_of_the_host_is_the_hosts() -> None:
    built = house()
    answers: list[Answer] = []

    async def story() -> None:
        answers.append(await ask(built.host, "GET", "/refused"))

    lived(built, story)
    assert (answers[0].status, answers[0].json) == (418, {"detail": "the host's own"})


def test_what_is_noted_of_a_request_of_ours_is_not_seen_by_the_host() -> None:
    built = house()
    asked(built, "GET", SERVICES)
    assert built.noted == [{"state": {}, "app": "Host"}]


def test_under_a_root_path_ours_are_found_too() -> None:
    built = house(Access(token=TOKEN))
    built.host.root_path = "/cameras"
    assert asked(built, "GET", "/cameras/api/system/health/live").status == 200


# --- access ----------------------------------------------------------------------------------------------------


def test_access_rules_hold_for_our_paths_alone() -> None:
    foreign = {"Host": "evil.example"}
    assert asked(house(), "GET", SERVICES, foreign).json["code"] == "foreign_host"
    assert asked(house(), "GET", "/own", foreign).status == 200
    cross_site = {"Origin": "https://evil.example"}
    assert asked(house(), "POST", f"{SERVICES}/ai-llm/stop", cross_site).json["code"] == "cross_site"


@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::7", ""])
def test_without_a_token_only_this_machine_is_answered(client: str) -> None:
    refused = asked(house(), "GET", SERVICES, client=client)
    assert (refused.status, refused.json["code"]) == (403, "foreign_client")
    assert "ORCHESTRATOR_API_TOKEN" in refused.json["detail"]
    assert "content-security-policy" in refused.headers
    assert asked(house(), "GET", "/own", client=client).status == 200


def test_with_a_token_everybody_who_has_it_is_answered() -> None:
    shown = {"Authorization": f"Bearer {TOKEN}", "Host": "box.example"}
    assert asked(house(Access(token=TOKEN)), "GET", SERVICES, shown, client="192.0.2.7").status == 200
    assert asked(house(Access(token=TOKEN)), "GET", SERVICES, client="127.0.0.1").status == 401
    assert asked(house(Access(token=TOKEN)), "GET", "/own").status == 200


def opened(built: House, origin: str = "", client: str = "127.0.0.1") -> Message:
    """The first message of a WebSocket that tells anything."""
    sent: list[Message] = []
    headers = [(b"host", b"127.0.0.1:8000"), *([(b"origin", origin.encode())] if origin else [])]
    scope = {
        "type": "websocket",
        "path": "/ws/events",
        "query_string": b"",
        "headers": headers,
        "client": (client, 50000),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }

    async def story() -> None:
        told = asyncio.Event()
        unread: list[Message] = [{"type": "websocket.connect"}]

        async def receive() -> Message:
            if unread:
                return unread.pop()
            await told.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Message) -> None:
            sent.append(message)
            if message["type"] == "websocket.send":
                told.set()

        await built.host(scope, receive, send)

    lived(built, story)
    return next(message for message in sent if message["type"] != "websocket.accept")


def test_the_stream_is_opened_by_the_same_rules() -> None:
    assert json.loads(opened(house())["text"])["type"] == "snapshot"
    assert opened(house(), origin="http://127.0.0.1:8000")["type"] == "websocket.send"
    assert opened(house(), origin="https://evil.example")["status"] == 403
    assert opened(house(), client="192.0.2.7")["status"] == 403
    assert opened(house(Access(token=TOKEN)))["status"] == 401


# --- one life --------------------------------------------------------------------------------------------------


def test_the_orchestrator_lives_around_the_hosts_life_and_takes_no_signal() -> None:
    built = house()

    async def main() -> None:
        before = handlers()
        async with built.host.router.lifespan_context(built.host):
            assert handlers() == before
            assert built.steps == ["orchestrator begins", "host begins"]

    asyncio.run(main())
    assert built.steps == ["orchestrator begins", "host begins", "host ends", "orchestrator ends"]


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


def test_what_the_hosts_lifespan_yields_is_still_its_state() -> None:
    built = house()

    async def main() -> None:
        async with built.host.router.lifespan_context(built.host) as state:
            assert state == {"kept": "by the host"}

    asyncio.run(main())


def test_what_keeps_the_orchestrator_from_beginning_keeps_the_host_from_it() -> None:
    built = house(failure=StoreInUse("another orchestrator uses it"), at_once=True)

    async def story() -> None:
        raise AssertionError("never")

    with pytest.raises(StoreInUse):
        lived(built, story)
    assert built.steps == []


def test_a_failure_in_the_hosts_life_ends_the_orchestrator() -> None:
    built = house()

    async def story() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lived(built, story)
    assert built.steps[-1] == "orchestrator ends"


def test_an_orchestrator_that_fails_is_logged_and_the_host_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    built = house(failure=ZeroDivisionError("a defect"))

    async def story() -> None:
        built.life.over.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (await ask(built.host, "GET", "/own")).status == 200

    lived(built, story)
    (record,) = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    assert record.getMessage().startswith("The orchestrator failed")


def test_one_that_lived_once_says_that_it_does_not_live_again() -> None:
    built = house()
    asked(built, "GET", "/own")
    with pytest.raises(RuntimeError, match="make a new one"):
        asked(built, "GET", "/own")


def test_the_hosts_workers_count_for_readiness() -> None:
    workers = Workers()
    workers.register("detection_worker", lambda: "stopped")
    answer = asked(house(workers=workers), "GET", "/api/system/health/ready")
    assert (answer.status, answer.json["workers"]) == (503, {"detection_worker": "stopped"})


# --- the public names ------------------------------------------------------------------------------------------


def test_a_real_one_runs_without_an_engine_and_says_so(tmp_path: Path) -> None:
    host = FastAPI()
    Orchestration(docker_host=f"unix://{tmp_path}/nobody.sock", state=tmp_path / "state.db").mount(host)

    async def main() -> None:
        async with asyncio.timeout(60), host.router.lifespan_context(host):
            answer = await ask(host, "GET", "/api/system/health/ready")
            assert (answer.status, answer.json["status"]) == (503, "not_ready")
            assert (await ask(host, "POST", "/api/system/reload")).status == 200

    asyncio.run(main())
    assert (tmp_path / "state.db").exists()


def test_a_setting_that_there_is_not_is_a_mistake_told_at_once() -> None:
    with pytest.raises(TypeError, match="no setting docker_hots"):
        Orchestration(docker_hots="unix:///run/docker.sock")


def test_the_public_names_are_loaded_when_they_are_used() -> None:
    program = (
        "import sys, orchestrator.api as api; light = 'fastapi' not in sys.modules; "
        "from orchestrator.api import Orchestration, Workers; print(light, Orchestration.__name__, Workers.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "Orchestration", "Workers"]
