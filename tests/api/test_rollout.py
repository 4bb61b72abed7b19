"""``POST /api/system/up`` and ``/down``: who is asked, in which order, and what is answered of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fastapi import FastAPI

from orchestrator.api.app import create_app
from orchestrator.core.messages import Command, Down, Reply, Up
from orchestrator.runtime.requests import Requester
from orchestrator.runtime.views import GraphView, ServiceView
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service

ACTOR = "a local user from 127.0.0.1"
PHASES = (("cache", "db"), ("backend",), ("frontend",))


class Refusing(FakeSupervisor):
    def __init__(self, services: Sequence[ServiceView]) -> None:
        super().__init__(services)
        self.refused: dict[str, Reply] = {}
        """What it does not do, by service."""

    async def command(
        self, name: str, command: Command, ending: object = None, *, requester: Requester | None = None
    ) -> Reply:
        reply = await super().command(name, command, requester=requester)
        return self.refused.get(name, reply)


def a_stack() -> Refusing:
    """``frontend`` requires ``backend`` requires ``db``; the first two are project shop's."""
    supervisor = Refusing(
        [
            replace(a_service("frontend"), requires=("backend",), project="shop"),
            replace(a_service("backend"), requires=("db",), wants=("cache",), project="shop"),
            a_service("db"),
            a_service("cache"),
        ]
    )
    supervisor.drawn = GraphView((), (), PHASES, ())
    supervisor.reply = Reply(True, "it is started next")
    return supervisor


def served(supervisor: FakeSupervisor) -> FastAPI:
    return create_app(supervisor, StoppedClock())


def test_everything_is_brought_up_phase_after_phase() -> None:
    supervisor = a_stack()
    answer = call(served(supervisor), "POST", "/api/system/up")
    assert answer.status == 202
    assert answer.json["message"] == "4 services are brought up, in 3 phases"
    assert answer.json["phases"] == [["cache", "db"], ["backend"], ["frontend"]]
    assert answer.json["services"][2] == {
        "name": "backend",
        "phase": 2,
        "accepted": True,
        "code": "",
        "message": "it is started next",
        "status": "running",
        "at_rest": False,
        "requires": ["db"],
        "wants": ["cache"],
    }
    assert supervisor.commands == [(name, Up(ACTOR, named=False)) for name in ("cache", "db", "backend", "frontend")]


def test_everything_is_taken_down_in_reverse() -> None:
    supervisor = a_stack()
    answer = call(served(supervisor), "POST", "/api/system/down")
    assert answer.json["message"] == "4 services are taken down, in 3 phases"
    assert [name for name, _ in supervisor.commands] == ["frontend", "backend", "cache", "db"]
    assert supervisor.commands[0] == ("frontend", Down(ACTOR))


def test_a_name_is_brought_up_with_all_that_it_requires() -> None:
    supervisor = a_stack()
    answer = call(served(supervisor), "POST", "/api/system/up?name=frontend")
    assert answer.json["phases"] == [["db"], ["backend"], ["frontend"]]
    assert supervisor.commands[0] == ("db", Up(ACTOR, named=True))


def test_names_alone_are_taken_down() -> None:
    supervisor = a_stack()
    answer = call(served(supervisor), "POST", "/api/system/down?name=frontend&name=db&force=true")
    assert answer.json["phases"] == [["frontend"], ["db"]]
    assert supervisor.commands == [(name, Down(ACTOR, force=True)) for name in ("frontend", "db")]


def test_a_project_is_brought_up_with_what_it_requires_elsewhere_and_taken_down_alone() -> None:
    app = served(a_stack())
    assert call(app, "POST", "/api/system/up?project=shop").json["phases"] == [["db"], ["backend"], ["frontend"]]
    assert call(app, "POST", "/api/system/down?project=shop").json["phases"] == [["frontend"], ["backend"]]


def test_one_that_is_refused_is_named_and_keeps_nobody_else_from_being_asked() -> None:
    supervisor = a_stack()
    supervisor.refused = {"backend": Reply(False, "backend is disabled (by ann): enable it first", "disabled")}
    answer = call(served(supervisor), "POST", "/api/system/up")
    assert answer.status == 202
    assert answer.json["message"] == "3 services are brought up, 1 left as it is, in 3 phases"
    refused = answer.json["services"][2]
    assert (refused["accepted"], refused["code"]) == (False, "disabled")
    assert refused["message"] == "backend is disabled (by ann): enable it first"
    assert len(supervisor.commands) == 4


def test_nothing_is_half_asked_of_an_engine_that_is_away() -> None:
    supervisor = a_stack()
    supervisor.refused = {"cache": Reply(False, "the engine does not answer", "engine_away")}
    answer = call(served(supervisor), "POST", "/api/system/up")
    assert (answer.status, answer.json["code"]) == (503, "engine_away")
    assert len(supervisor.commands) == 1


@pytest.mark.parametrize("verb", ["up", "down"])
def test_an_unknown_name_is_told_with_what_looks_like_it_and_nobody_is_asked(verb: str) -> None:
    supervisor = a_stack()
    answer = call(served(supervisor), "POST", f"/api/system/{verb}?name=db&name=backnd")
    assert (answer.status, answer.json["code"], answer.json["similar"]) == (404, "unknown_service", ["backend"])
    assert supervisor.commands == []


def test_an_unknown_project_is_told_with_those_that_there_are() -> None:
    answer = call(served(a_stack()), "POST", "/api/system/up?project=shp")
    assert (answer.status, answer.json["code"]) == (404, "unknown_project")
    assert "There are: shop." in answer.json["detail"]


def test_a_service_of_another_project_is_not_brought_up_by_mistake() -> None:
    answer = call(served(a_stack()), "POST", "/api/system/up?project=shop&name=cache")
    assert (answer.status, answer.json["code"]) == (404, "unknown_service")


def test_without_any_service_there_is_nothing_to_bring_up() -> None:
    answer = call(served(FakeSupervisor()), "POST", "/api/system/up")
    assert (answer.status, answer.json["message"]) == (202, "0 services are brought up, in 0 phases")
