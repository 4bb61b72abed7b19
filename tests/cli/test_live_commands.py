"""``watch`` and ``events -f``: what they make of the live stream, and of losing it."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from orchestrator.cli import main
from orchestrator.cli.picture import Picture
from orchestrator.cli.screen import Screen
from orchestrator.core.model import Category, Status
from orchestrator.runtime.views import service_document, timestamp
from tests.api.fakes import NOON, a_service

Message = dict[str, Any]
UNAUTHORIZED = {"detail": "This orchestrator asks for a token: ORCHESTRATOR_API_TOKEN"}
HOSTILE = "\x1b[2Jok\nfake-service  running"
AT = timestamp(NOON)


def event(sequence: int, name: str, message: str, cause: str = "HTTP 500") -> Message:
    data = {"name": name, "status": "unhealthy"}
    known = {"data": data, "message": message, "cause": cause, "timestamp": AT, "sequence": sequence}
    return {"type": "service_status", **known}


def request(sequence: int, name: str) -> Message:
    data = {"name": name, "verb": "restart", "outcome": "refused", "detail": "it is disabled"}
    known = {"data": data, "message": "Request refused", "cause": "a local user", "timestamp": AT, "sequence": sequence}
    return {"type": "request", **known}


def snapshot(
    sequence: int, *services: Message, resumed: bool = False, missed: bool = False, dry_run: bool = False
) -> Message:
    engine = {"reachable": True, "detail": ""}
    data = {"services": services, "status": "degraded", "engine": engine, "store": {}, "dry_run": dry_run}
    told = {"type": "snapshot", "data": data, "sequence": sequence, "timestamp": AT, "resumed": resumed}
    return {**told, "missed": True} if missed else told


ILL = service_document(
    replace(a_service("ai-llm", status=Status.UNHEALTHY), reason="HTTP 500", retry_at=NOON + 38.2, restart_count=7)
)
WELL = service_document(replace(a_service("ai-llm"), restart_count=8))
REDIS = service_document(a_service("redis", Category.INFRASTRUCTURE))
FOREIGN = service_document(replace(a_service("ai-clip", status=Status.DISABLED), reason=HOSTILE))
KNOWN = [event(2, "redis", "Service recovered"), event(1, "ai-llm", "Health check failed")]


class Orchestrated:
    """Streams one list of messages a connection, each ended with 1001; when all are told it asks for a token."""

    def __init__(self, *told: Sequence[Message]) -> None:
        self._told = list(told)
        self.asked: list[str] = []
        self.tokens: list[str | None] = []

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith("/api/system/health/events"):
            return connection.respond(HTTPStatus.OK, json.dumps({"events": KNOWN}))
        self.asked.append(request.path)
        self.tokens.append(request.headers.get("Authorization"))
        return None if self._told else connection.respond(HTTPStatus.UNAUTHORIZED, json.dumps(UNAUTHORIZED))

    def tell(self, connection: ServerConnection) -> None:
        for message in self._told.pop(0):
            connection.send(json.dumps(message))
        connection.close(1001, "the orchestrator ends: reconnect with since")


@contextmanager
def streaming(told: Orchestrated) -> Iterator[str]:
    with serve(told.tell, "127.0.0.1", 0, process_request=told.answer, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def run(told: Orchestrated, *arguments: str, token: str | None = None) -> Result:
    with streaming(told) as address:
        environment = {"ORCHESTRATOR_SERVER": address, "ORCHESTRATOR_API_TOKEN": token, "TZ": "UTC"}
        return CliRunner(env=environment).invoke(main, arguments)


def test_redirected_watch_is_a_line_a_service_and_one_for_each_change() -> None:
    same: Message = {"type": "service", "data": {**ILL, "uptime_seconds": 7000}, "timestamp": AT}
    better: Message = {"type": "service", "data": WELL, "timestamp": AT}
    gone: Message = {"type": "service_gone", "data": {"name": "redis"}, "timestamp": AT}
    result = run(Orchestrated([snapshot(5, ILL, REDIS), same, better, gone]), "watch")
    assert [line.split("  ", 1)[1] for line in result.stdout.splitlines()] == [
        "redis  running  restarts 2",
        "ai-llm  unhealthy  restarts 7  next in 38s  HTTP 500",
        "ai-llm  running  restarts 8",
        "redis  gone",
    ]


def test_watch_json_is_every_message_as_received() -> None:
    told = [snapshot(5, ILL), event(6, "ai-llm", "Restart initiated", HOSTILE)]
    result = run(Orchestrated(told), "watch", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == json.loads(json.dumps(told))


def test_a_lost_connection_is_told_and_resumed_after_the_last_event() -> None:
    told = Orchestrated(
        [snapshot(5, ILL), event(6, "ai-llm", "Restart initiated")],
        [snapshot(9, ILL, resumed=True), event(7, "ai-llm", "Restart failed")],
        [snapshot(3, ILL, missed=True)],
    )
    result = run(told, "events", "-f", "--json", token="secret")
    assert told.asked == ["/ws/events", *(f"/ws/events?since={n}" for n in (6, 7, 3))]
    assert set(told.tokens) == {"Bearer secret"}
    assert [json.loads(line)["sequence"] for line in result.stdout.splitlines()] == [1, 2, 6, 7]
    assert "(the orchestrator ends): connecting again" in result.stderr
    assert result.stderr.count("again.\n") == 5
    assert result.stderr.count("Events were missed") == 1


def test_a_request_is_followed_like_every_event_and_resumed_after() -> None:
    told = Orchestrated(
        [snapshot(5, ILL), event(6, "ai-llm", "Restart failed"), request(7, "ai-llm"), request(8, "redis")],
        [snapshot(8, ILL, resumed=True)],
    )
    lines = run(told, "events", "-f", "--service", "ai-llm").stdout.splitlines()
    assert told.asked[1] == "/ws/events?since=8"
    assert "Request refused" in lines[-1]
    assert "restart, asked for by a local user: it is disabled" in lines[-1]


def test_followed_events_begin_with_the_newest_ones_and_tell_none_twice() -> None:
    told = [snapshot(1), KNOWN[0], event(3, "redis", "Health check failed", HOSTILE)]
    lines = run(Orchestrated(told), "events", "--follow").stdout.splitlines()
    assert [line.split("  ")[1].strip() for line in lines] == ["ai-llm", "redis", "redis"]
    assert "\x1b" not in "".join(lines)


def test_followed_events_are_those_of_the_service_that_was_named() -> None:
    told = [snapshot(2), event(3, "redis", "Health check failed"), event(4, "ai-llm", "Restart initiated")]
    lines = run(Orchestrated(told), "events", "-f", "--json", "--service", "ai-llm").stdout.splitlines()
    assert json.loads(lines[-1])["sequence"] == 4
    assert 3 not in [json.loads(line)["sequence"] for line in lines]


def test_followed_events_tell_what_is_of_the_host_unless_a_service_was_named() -> None:
    paused = {
        "type": "host",
        "data": {"subject": "restarts"},
        "message": "Restarts paused",
        "cause": "12 unrelated services failed within 8 s",
        "timestamp": KNOWN[0]["timestamp"],
        "sequence": 3,
    }
    told = Orchestrated([snapshot(2), paused])
    line = run(told, "events", "--follow").stdout.splitlines()[-1]
    assert line.split("  ", 1)[1].split() == [
        *("restarts", "Restarts", "paused", "12", "unrelated", "services", "failed", "within", "8", "s"),
    ]
    of_one = run(Orchestrated([snapshot(2), paused]), "events", "--follow", "--service", "redis").stdout
    assert "Restarts paused" not in of_one


def test_who_does_not_let_us_in_is_exit_code_1_with_the_reason() -> None:
    result = run(Orchestrated(), "watch")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ORCHESTRATOR_API_TOKEN" in result.stderr


@pytest.mark.parametrize("command", [("watch",), ("watch", "--json"), ("events", "-f")])
def test_nobody_there_is_exit_code_3_with_how_to_start_one(command: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner(env={"ORCHESTRATOR_SERVER": address}).invoke(main, command)
    assert result.exit_code == 3
    assert "orchestrator serve" in result.stderr


def drawn(*messages: Message, later: float = 0.0, height: int = 40, encoding: str = "utf-8") -> list[str]:
    """What stands on the terminal some seconds after the messages."""
    written = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    picture = Picture()
    console = Console(file=written, width=80, height=height, force_terminal=True, color_system=None, highlight=False)
    for message in messages:
        picture.take(message, 100.0)
    with Screen(console) as screen:
        screen.show(picture, 100.0 + later)
        written.seek(0)
        return written.read().splitlines()


@pytest.mark.parametrize(("encoding", "symbol"), [("utf-8", "▲"), ("ascii", "!")])
def test_the_terminal_shows_the_services_and_the_newest_events_below(encoding: str, symbol: str) -> None:
    happened = event(6, "ai-llm", "Restart initiated", HOSTILE)
    lines = drawn(snapshot(5, ILL, REDIS, FOREIGN), happened, encoding=encoding)
    ill = next(index for index, line in enumerate(lines) if "HTTP 500" in line)
    told = next(index for index, line in enumerate(lines) if "Restart initiated" in line)
    assert f"{symbol} unhealthy" in lines[ill]
    assert "degraded: 3 services" in "".join(lines)
    assert ill < told
    assert not any(line.startswith("fake-service") for line in lines)


def test_the_terminal_shows_requests_among_the_events() -> None:
    lines = drawn(snapshot(5, ILL), request(6, "ai-llm"))
    assert any("Request refused" in line for line in lines)


def test_countdowns_and_ages_go_on_while_nothing_happens() -> None:
    row = next(line for line in drawn(snapshot(5, ILL, REDIS), later=30.0) if "ai-llm" in line)
    assert row.split()[-3:] == ["8s", "HTTP", "500"]


def test_what_does_not_fit_is_what_runs() -> None:
    many = [service_document(a_service(f"svc-{number:02}", Category.INFRASTRUCTURE)) for number in range(40)]
    happened = [event(number, "svc-01", "Service recovered") for number in range(6, 20)]
    lines = drawn(snapshot(5, *many, ILL), *happened, height=24)
    assert len(lines) == 23
    assert any("ai-llm" in line for line in lines)
    assert any("more do not fit here" in line for line in lines)


def test_watch_says_that_it_is_a_dry_run() -> None:
    told = snapshot(5, ILL, dry_run=True)
    result = run(Orchestrated([told]), "watch")
    assert "Dry run: what would be done is told, and nothing is changed." in result.stderr
    assert "dry run, degraded: 1 service" in "".join(drawn(told))
    assert "dry run" not in "".join(drawn(snapshot(5, ILL)))
