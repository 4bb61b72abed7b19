"""Maintenance over HTTP: of one service, of all of a project, and what cannot be meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.api.app import create_app
from orchestrator.core.messages import Hold, Release, Reply
from orchestrator.core.model import Category, Status
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.views import GpusView, OwnView, StoreView
from tests.api.asgi import call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service
from tests.api.test_services import ACTOR, problem, served

HOLD = "/api/system/services/ai-llm/hold"
SHOP = "/api/system/projects/shop"


def a_shop() -> FakeSupervisor:
    db, web = (replace(a_service(name), project="shop") for name in ("db", "web"))
    return FakeSupervisor([db, replace(a_service("blog"), project="blog"), web, a_service("ai-llm")])


@pytest.mark.parametrize(
    ("query", "command"),
    [
        ("", Hold(ACTOR, 3600.0)),
        ("?for=30m", Hold(ACTOR, 1800.0)),
        ("?for=1h30m&why=kernel%20upgrade", Hold(ACTOR, 5400.0, "kernel upgrade")),
        ("?for=90", Hold(ACTOR, 90.0)),
        ("?for=7d&why=two%0Alines", Hold(ACTOR, 7 * 86400.0, "two lines")),
    ],
)
def test_a_hold_reaches_the_orchestrator_with_who_how_long_and_why(query: str, command: Hold) -> None:
    supervisor = a_shop()
    answer = call(served(supervisor), "POST", HOLD + query)
    assert answer.status == 200
    assert supervisor.commands == [("ai-llm", command)]
    assert answer.json["service"]["name"] == "ai-llm"


@pytest.mark.parametrize(
    ("query", "fact"),
    [
        ("for=8d", "query.for: 8d is too long; the most is 7d; `disable` has no end"),
        ("for=soon", "'soon' is not a duration"),
        ("for=0s", "is too short"),
        ("for=-1h", "is negative"),
        (f"why={'x' * 201}", "at most 200 characters"),
    ],
)
def test_what_cannot_be_meant_is_bad_input(query: str, fact: str) -> None:
    supervisor = a_shop()
    document = problem(call(served(supervisor), "POST", f"{HOLD}?{query}"), 422, "invalid_input")
    assert fact in str(document["detail"])
    assert supervisor.commands == []


def test_a_release_reaches_the_orchestrator() -> None:
    supervisor = a_shop()
    assert call(served(supervisor), "POST", "/api/system/services/ai-llm/release").status == 200
    assert supervisor.commands == [("ai-llm", Release(ACTOR))]


def test_a_project_is_held_and_released_service_by_service() -> None:
    supervisor = a_shop()
    app = create_app(supervisor, StoppedClock())
    held = call(app, "POST", f"{SHOP}/hold?for=30m&why=move")
    assert supervisor.commands == [("db", Hold(ACTOR, 1800.0, "move")), ("web", Hold(ACTOR, 1800.0, "move"))]
    assert held.json["message"] == "project shop is held for 30m: db, web"
    assert [one["name"] for one in held.json["services"]] == ["db", "web"]
    assert call(app, "POST", f"{SHOP}/release").json["message"] == "project shop is released: db, web"
    assert supervisor.commands[2:] == [("db", Release(ACTOR)), ("web", Release(ACTOR))]


@pytest.mark.parametrize("verb", ["hold", "release"])
def test_a_project_that_nobody_knows_is_answered_with_those_there_are(verb: str) -> None:
    supervisor = a_shop()
    document = problem(call(served(supervisor), "POST", f"/api/system/projects/shpo/{verb}"), 404, "unknown_project")
    assert document["detail"] == "No service belongs to a compose project named 'shpo'. There are: blog, shop."
    nowhere = problem(call(served(FakeSupervisor()), "POST", f"{SHOP}/{verb}"), 404, "unknown_project")
    assert str(nowhere["detail"]).endswith("No service belongs to any.")


def test_a_refusal_is_told_as_it_is() -> None:
    supervisor = a_shop()
    supervisor.reply = Reply(accepted=False, message="too many requests wait", conflict="in_flight")
    problem(call(served(supervisor), "POST", f"{SHOP}/hold"), 409, "in_flight")


def test_the_explanation_says_who_holds_it() -> None:
    view = replace(a_service("ai-llm"), held="by ann until 2024-01-15 10:30 (move)", held_until=NOON + 1800)
    answer = call(served(FakeSupervisor([view])), "GET", "/api/system/services/ai-llm/explanation")
    assert answer.json["now"] == "ai-llm is running; held by ann until 2024-01-15 10:30 (move)"
    down = replace(view, status=Status.STOPPED, reason="held by ann (move): exited with code 1")
    answer = call(served(FakeSupervisor([down])), "GET", "/api/system/services/ai-llm/explanation")
    assert answer.json["now"] == (
        "ai-llm is stopped: held by ann (move): exited with code 1; the hold ends at 2024-01-15T10:30:00.000Z"
    )
    assert answer.json["service"]["held_until"] == "2024-01-15T10:30:00.000Z"


@pytest.mark.parametrize(("at_rest", "overall"), [(False, "unhealthy"), (True, "degraded")])
def test_what_is_down_in_maintenance_is_not_down_for_the_whole(*, at_rest: bool, overall: str) -> None:
    """Degraded, because these surroundings have no engine."""
    down = replace(a_service("redis", Category.INFRASTRUCTURE, Status.STOPPED), at_rest=at_rest)
    seen = Surroundings("1").view(
        (down,), (), StoreView("state.db", True, "", 0), GpusView(), "unix:///run/docker.sock", own=OwnView()
    )
    assert seen.status == overall
