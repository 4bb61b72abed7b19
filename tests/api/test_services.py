"""``/api/system/services``: what is shown, what a command answers, and what it answers when it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi import FastAPI

from orchestrator.api.app import create_app
from orchestrator.core.ending import Ending
from orchestrator.core.messages import Command, Disable, Enable, Reply, Restart, Start, Stop
from orchestrator.core.model import Category, ContainerState, Status, Verdict
from orchestrator.errors import EngineAway
from tests.api.asgi import Answer, call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service

ACTOR = "a local user from 127.0.0.1"

SPECIFIED = {
    "name",
    "display_name",
    "category",
    "status",
    "enabled",
    "container_id",
    "image",
    "port",
    "failure_count",
    "restart_count",
    "last_restart_at",
    "uptime_seconds",
}
OURS = {
    "container_name",
    "container_state",
    "health",
    "reason",
    "strikes",
    "retry_at",
    "waiting_on",
    "degraded_by",
    "requires",
    "wants",
    "problems",
    "at_rest",
    "held",
    "held_until",
    "project",
    "observed",
    "last_seen_at",
}


def served(supervisor: FakeSupervisor) -> FastAPI:
    return create_app(supervisor, StoppedClock())


def problem(answer: Answer, status: int, code: str) -> dict[str, object]:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = answer.json
    assert document["status"] == status
    assert document["code"] == code
    assert document["title"]
    assert document["detail"]
    return document


# --- reading ------------------------------------------------------------------------------------------------


def test_a_service_has_the_specified_fields_and_ours() -> None:
    answer = call(served(FakeSupervisor([a_service("ai-yolo26")])), "GET", "/api/system/services/ai-yolo26")
    assert answer.status == 200
    assert set(answer.json) == SPECIFIED | OURS
    assert answer.json["last_restart_at"] == "2024-01-15T09:30:00.000Z"
    assert answer.json["status"] == "running"
    assert answer.json["category"] == "ai"
    assert answer.json["health"] == {
        "verdict": "pass",
        "method": "http",
        "checked_at": "2024-01-15T09:59:56.500Z",
        "latency_ms": 2.25,
        "detail": "HTTP 200",
    }


def test_a_service_without_a_container_keeps_all_its_fields() -> None:
    bare = replace(
        a_service("ai-clip", status=Status.NOT_FOUND),
        container_id=None,
        image=None,
        port=None,
        last_restart_at=None,
        uptime_seconds=None,
        container_name=None,
        container_state=None,
        health=None,
        retry_at=NOON + 5,
    )
    answer = call(served(FakeSupervisor([bare])), "GET", "/api/system/services/ai-clip")
    assert set(answer.json) == SPECIFIED | OURS
    assert answer.json["status"] == "not_found"
    assert answer.json["retry_at"] == "2024-01-15T10:00:05.000Z"
    assert answer.json["health"] is None


def test_every_category_is_tallied_whatever_the_filter() -> None:
    supervisor = FakeSupervisor(
        [
            a_service("redis", Category.INFRASTRUCTURE),
            a_service("ai-llm", status=Status.UNHEALTHY),
            a_service("ai-clip", status=Status.STARTING),
        ]
    )
    answer = call(served(supervisor), "GET", "/api/system/services?category=infrastructure")
    assert [one["name"] for one in answer.json["services"]] == ["redis"]
    assert answer.json["by_category"] == {
        "infrastructure": {"total": 1, "healthy": 1, "unhealthy": 0, "unknown": 0},
        "ai": {"total": 2, "healthy": 0, "unhealthy": 1, "unknown": 0},
        "monitoring": {"total": 0, "healthy": 0, "unhealthy": 0, "unknown": 0},
        "application": {"total": 0, "healthy": 0, "unhealthy": 0, "unknown": 0},
    }
    assert answer.json["timestamp"] == "2024-01-15T10:00:00.000Z"


@pytest.mark.parametrize(
    ("state", "verdict", "healthy"),
    [
        (ContainerState.RUNNING, Verdict.PASS, 1),
        (ContainerState.RUNNING, Verdict.FAIL, 0),
        (ContainerState.EXITED, Verdict.PASS, 0),
    ],
)
def test_a_disabled_service_is_tallied_by_what_is_seen_of_it(
    state: ContainerState, verdict: Verdict, healthy: int
) -> None:
    view = a_service("ai-llm", status=Status.DISABLED)
    assert view.health is not None
    view = replace(view, container_state=state, health=replace(view.health, verdict=verdict))
    tally = call(served(FakeSupervisor([view])), "GET", "/api/system/services").json["by_category"]["ai"]
    assert tally == {"total": 1, "healthy": healthy, "unhealthy": 1 - healthy, "unknown": 0}


def test_a_completed_job_is_no_failure_and_no_running_service() -> None:
    job = replace(a_service("migrate", status=Status.STOPPED), at_rest=True)
    tally = call(served(FakeSupervisor([job])), "GET", "/api/system/services").json["by_category"]["ai"]
    assert tally == {"total": 1, "healthy": 0, "unhealthy": 0, "unknown": 0}


def test_a_category_that_does_not_exist_is_bad_input() -> None:
    document = problem(call(served(FakeSupervisor()), "GET", "/api/system/services?category=gpu"), 422, "invalid_input")
    assert document["errors"] == [
        {
            "where": "query.category",
            "fact": "Input should be 'infrastructure', 'ai', 'monitoring' or 'application'",
        }
    ]


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("POST", "/restart"), ("POST", "/enable")])
def test_an_unknown_service_is_answered_with_the_name_that_was_meant(method: str, tail: str) -> None:
    supervisor = FakeSupervisor([a_service("ai-yolo26"), a_service("redis")])
    answer = call(served(supervisor), method, f"/api/system/services/ai-yolo{tail}")
    document = problem(answer, 404, "unknown_service")
    assert document["similar"] == ["ai-yolo26"]
    assert "Did you mean 'ai-yolo26'?" in str(document["detail"])
    assert supervisor.commands == []


# --- commands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "status", "command"),
    [
        ("restart", 202, Restart(ACTOR)),
        ("restart?reset_failures=true", 202, Restart(ACTOR, reset_failures=True)),
        ("start", 202, Start(ACTOR)),
        ("stop", 202, Stop(ACTOR)),
        ("enable", 200, Enable(ACTOR)),
        ("disable", 200, Disable(ACTOR)),
    ],
)
def test_a_command_reaches_the_orchestrator_with_who_sent_it(tail: str, status: int, command: Command) -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    answer = call(served(supervisor), "POST", f"/api/system/services/ai-llm/{tail}")
    assert answer.status == status
    assert supervisor.commands == [("ai-llm", command)]
    assert answer.json["success"] is True
    assert answer.json["message"] == "Manual restart initiated"
    assert answer.json["service"]["name"] == "ai-llm"


@pytest.mark.parametrize(
    ("conflict", "status", "code"),
    [
        ("disabled", 409, "disabled"),
        ("in_flight", 409, "in_flight"),
        ("no_container", 409, "no_container"),
        ("paused", 409, "paused"),
        ("observe_only", 409, "observe_only"),
        ("", 409, "refused"),
        ("engine_away", 503, "engine_away"),
    ],
)
def test_a_refused_command_is_never_a_success(conflict: str, status: int, code: str) -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.reply = Reply(accepted=False, message="ai-llm is as it is", conflict=conflict)  # type: ignore[arg-type]
    document = problem(call(served(supervisor), "POST", "/api/system/services/ai-llm/restart"), status, code)
    assert document["detail"] == "ai-llm is as it is"


def test_an_engine_that_goes_away_meanwhile_is_named() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.failure = EngineAway("unix:///run/docker.sock", "nobody listens there", "Start it.")
    answer = call(served(supervisor), "POST", "/api/system/services/ai-llm/restart")
    assert "unix:///run/docker.sock" in str(problem(answer, 503, "engine_away")["detail"])


def test_an_orchestrator_that_does_not_decide_is_not_waited_for_for_ever() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.silent = True
    app = create_app(supervisor, StoppedClock(), command_deadline=0.0)
    document = problem(call(app, "POST", "/api/system/services/ai-llm/restart"), 503, "overdue")
    assert "may still carry the command out" in str(document["detail"])


# --- commands that are waited for ---------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["restart", "start", "stop"])
def test_a_verified_outcome_is_a_200_with_what_was_seen(verb: str) -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.ending = Ending(True, "asked for by ann; verified: HTTP 200")
    answer = call(served(supervisor), "POST", f"/api/system/services/ai-llm/{verb}?wait=true")
    assert (answer.status, answer.json["success"]) == (200, True)
    assert answer.json["message"] == "ai-llm: asked for by ann; verified: HTTP 200"
    assert answer.json["service"]["name"] == "ai-llm"


def test_an_action_that_did_not_work_is_no_success() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.ending = Ending(False, "Restart failed: no such device")
    answer = call(served(supervisor), "POST", "/api/system/services/ai-llm/restart?wait=true")
    assert problem(answer, 502, "action_failed")["detail"] == "ai-llm: Restart failed: no such device"


def test_what_was_not_verified_in_time_is_told_apart_from_what_failed() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    answer = call(served(supervisor), "POST", "/api/system/services/ai-llm/restart?wait=true&timeout=0.01")
    assert "within 0.01 s" in str(problem(answer, 504, "unverified")["detail"])
    assert [one.cancelled() for one in supervisor.awaited] == [True]


def test_a_client_that_leaves_is_not_waited_for() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    call(served(supervisor), "POST", "/api/system/services/ai-llm/restart?wait=true&timeout=3600", leaves=True)
    assert [one.cancelled() for one in supervisor.awaited] == [True]


def test_a_refused_command_is_not_waited_for() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.reply = Reply(accepted=False, message="ai-llm is disabled", conflict="disabled")
    answer = call(served(supervisor), "POST", "/api/system/services/ai-llm/restart?wait=true")
    problem(answer, 409, "disabled")
    assert [one.cancelled() for one in supervisor.awaited] == [True]


def test_nobody_waits_who_did_not_ask_for_it() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    assert call(served(supervisor), "POST", "/api/system/services/ai-llm/stop?timeout=1").status == 202
    assert supervisor.awaited == []


@pytest.mark.parametrize("timeout", ["0", "-1", "3601", "nan", "soon"])
def test_a_patience_that_cannot_be_meant_is_bad_input(timeout: str) -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    answer = call(served(supervisor), "POST", f"/api/system/services/ai-llm/stop?wait=true&timeout={timeout}")
    problem(answer, 422, "invalid_input")
    assert supervisor.commands == []


# --- pages --------------------------------------------------------------------------------------------------


def test_services_are_paged_by_the_name_of_the_last_one() -> None:
    app = served(FakeSupervisor([a_service(name) for name in ("a", "b", "c")]))
    first = call(app, "GET", "/api/system/services?limit=2").json
    assert ([one["name"] for one in first["services"]], first["next_after"]) == (["a", "b"], "b")
    assert first["by_category"]["ai"]["total"] == 3
    second = call(app, "GET", "/api/system/services?limit=2&after=b").json
    assert ([one["name"] for one in second["services"]], second["next_after"]) == (["c"], None)


def test_a_last_page_that_is_full_has_no_next() -> None:
    app = served(FakeSupervisor([a_service("a"), a_service("b")]))
    assert call(app, "GET", "/api/system/services?limit=2").json["next_after"] is None


def test_pages_are_of_what_the_filter_leaves() -> None:
    app = served(FakeSupervisor([a_service("a"), a_service("b", Category.INFRASTRUCTURE), a_service("c")]))
    page = call(app, "GET", "/api/system/services?category=ai&limit=1").json
    assert ([one["name"] for one in page["services"]], page["next_after"]) == (["a"], "a")
    assert call(app, "GET", "/api/system/services?category=ai&limit=1&after=a").json["next_after"] is None


@pytest.mark.parametrize("limit", ["0", "1001", "all"])
def test_a_page_of_services_that_cannot_be_meant_is_bad_input(limit: str) -> None:
    problem(call(served(FakeSupervisor()), "GET", f"/api/system/services?limit={limit}"), 422, "invalid_input")


def test_a_switch_that_is_no_switch_is_bad_input() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    answer = call(served(supervisor), "POST", "/api/system/services/ai-llm/restart?reset_failures=maybe")
    problem(answer, 422, "invalid_input")
    assert supervisor.commands == []


def test_reading_a_command_s_address_is_not_allowed_and_says_so() -> None:
    answer = call(served(FakeSupervisor([a_service("ai-llm")])), "GET", "/api/system/services/ai-llm/restart")
    problem(answer, 405, "http")
    assert answer.headers["allow"] == "POST"


def test_an_address_that_does_not_exist_is_a_problem_document_too() -> None:
    problem(call(served(FakeSupervisor()), "GET", "/api/system/nothing"), 404, "http")
