"""The endpoint of a container's log."""

from __future__ import annotations

import asyncio
import json

import pytest

from orchestrator.api.app import create_app
from orchestrator.api.problems import TooMany
from orchestrator.api.routes.logs import FOLLOWERS, LogRoutes
from orchestrator.core.evidence import LogLine
from orchestrator.errors import ActionRefused, EngineAway
from tests.api.asgi import Answer, call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service


@pytest.fixture
def supervisor() -> FakeSupervisor:
    supervisor = FakeSupervisor([a_service("web")])
    supervisor.written = [LogLine("stdout", NOON, "one"), LogLine("stderr", NOON + 1, "two")]
    return supervisor


def ask(supervisor: FakeSupervisor, query: str = "", name: str = "web") -> Answer:
    return call(create_app(supervisor, StoppedClock()), "GET", f"/api/system/services/{name}/logs{query}")


@pytest.mark.parametrize("query", ["", "?follow=true"])
def test_a_log_is_one_document_a_line(supervisor: FakeSupervisor, query: str) -> None:
    answer = ask(supervisor, query)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert [json.loads(line) for line in answer.body.splitlines()] == [
        {"stream": "stdout", "timestamp": "2024-01-15T10:00:00.000Z", "line": "one"},
        {"stream": "stderr", "timestamp": "2024-01-15T10:00:01.000Z", "line": "two"},
    ]


@pytest.mark.parametrize("query", ["?tail=1", "?since=2024-01-15T10:00:01Z", "?since=2024-01-15T10:00:01"])
def test_a_log_is_bounded_by_count_and_by_time(supervisor: FakeSupervisor, query: str) -> None:
    assert [json.loads(line)["line"] for line in ask(supervisor, query).body.splitlines()] == ["two"]


@pytest.mark.parametrize("query", ["?tail=0", "?tail=10001", "?since=yesterday", "?since=1705312801", "?since=0.5"])
def test_a_wrong_question_is_refused(supervisor: FakeSupervisor, query: str) -> None:
    assert ask(supervisor, query).status == 422


def test_no_log_is_a_problem_and_no_empty_answer(supervisor: FakeSupervisor) -> None:
    assert ask(supervisor, name="wbe").json["similar"] == ["web"]
    supervisor.failure = ActionRefused(500, "the driver does not support reading")
    assert ask(supervisor).status == 409
    assert "does not support reading" in ask(supervisor).json["detail"]
    supervisor.failure = EngineAway("unix:///x.sock", "nobody listens there", "Start it")
    assert ask(supervisor).status == 503


def test_so_many_followers_and_no_more(supervisor: FakeSupervisor) -> None:
    async def story() -> None:
        routes = LogRoutes(supervisor)
        answers = [await routes.service_logs("web", follow=True) for _ in range(FOLLOWERS)]
        for answer in answers:
            await anext(aiter(answer.body_iterator))
        with pytest.raises(TooMany):
            await routes.service_logs("web", follow=True)
        async for _ in answers[0].body_iterator:
            pass
        await routes.service_logs("web", follow=True)

    asyncio.run(story())
