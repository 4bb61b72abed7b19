"""``/api/system/health``: the status code is the verdict, and the events are paged."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from fastapi import FastAPI

from orchestrator.api.app import create_app
from orchestrator.core.gpus import Driver
from orchestrator.core.model import Status
from orchestrator.errors import StoreUnavailable
from orchestrator.runtime.views import GpuProcessView, GpusView, GpuView
from tests.api.asgi import call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service, an_event
from tests.api.test_services import problem


def served(supervisor: FakeSupervisor) -> FastAPI:
    return create_app(supervisor, StoppedClock())


@pytest.mark.parametrize("path", ["/api/system/health", "/api/system/health/full"])
@pytest.mark.parametrize(("status", "code"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)])
def test_the_status_code_is_the_verdict(
    path: str, status: Literal["healthy", "degraded", "unhealthy"], code: int
) -> None:
    supervisor = FakeSupervisor([a_service("ai-llm"), a_service("ai-clip", status=Status.UNHEALTHY)])
    supervisor.overall = replace(supervisor.overall, status=status)
    answer = call(served(supervisor), "GET", path)
    assert (answer.status, answer.json["status"]) == (code, status)


@pytest.mark.parametrize("path", ["/api/system/health", "/api/system/health/full"])
def test_a_pause_of_all_restarts_is_told_with_its_reason(path: str) -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    words = "restarts are paused: 12 unrelated services failed within 8 s"
    supervisor.overall = replace(supervisor.overall, restarts_paused=words)
    assert call(served(supervisor), "GET", path).json["restarts_paused"] == words


@pytest.mark.parametrize("path", ["/api/system/health", "/api/system/health/full"])
def test_a_dry_run_is_told(path: str) -> None:
    supervisor = FakeSupervisor()
    supervisor.overall = replace(supervisor.overall, dry_run=True)
    assert call(served(supervisor), "GET", path).json["dry_run"] is True


def test_basic_health_counts_and_names_the_version() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm"), a_service("ai-clip", status=Status.UNHEALTHY)])
    assert call(served(supervisor), "GET", "/api/system/health").json == {
        "status": "healthy",
        "services": {"total": 2, "healthy": 1, "unhealthy": 1, "unknown": 0},
        "engine_reachable": True,
        "engine_detail": "",
        "restarts_paused": "",
        "dry_run": False,
        "version": "1.2.3",
        "timestamp": "2024-01-15T10:00:00.000Z",
    }


def test_full_health_shows_services_workers_engine_and_store() -> None:
    document = call(served(FakeSupervisor([a_service("ai-llm")])), "GET", "/api/system/health/full").json
    assert [one["name"] for one in document["services"]] == ["ai-llm"]
    assert document["workers"] == [{"name": "brain", "state": "running", "detail": "", "restarts": 0}]
    assert document["engine"] == {
        "endpoint": "unix:///run/docker.sock",
        "reachable": True,
        "kind": "docker",
        "version": "20.10.24",
        "api_version": "1.41",
        "detail": "",
        "since": "2024-01-15T08:00:00.000Z",
    }
    assert document["store"] == {"location": "state.db", "healthy": True, "detail": "", "pending_writes": 0}
    assert (document["turns"], document["last_turn_at"]) == (42, "2024-01-15T09:59:59.500Z")


def test_full_health_shows_the_gpus_and_who_uses_them() -> None:
    supervisor = FakeSupervisor()
    assert call(served(supervisor), "GET", "/api/system/health/full").json["gpus"] == {
        "driver": "unknown",
        "version": "",
        "detail": "",
        "since": None,
        "gpus": [],
    }
    card = GpuView(0, "A card", 24_000, 15_000, (GpuProcessView(7, 14_000, "ai-llm"), GpuProcessView(8, None, None)))
    gpus = GpusView(Driver.ANSWERS, "550.54.14", "", NOON, (card,))
    supervisor.overall = replace(supervisor.overall, gpus=gpus)
    assert call(served(supervisor), "GET", "/api/system/health/full").json["gpus"] == {
        "driver": "answers",
        "version": "550.54.14",
        "detail": "",
        "since": "2024-01-15T10:00:00.000Z",
        "gpus": [
            {
                "index": 0,
                "name": "A card",
                "memory_total_bytes": 24_000,
                "memory_used_bytes": 15_000,
                "processes": [
                    {"pid": 7, "memory_bytes": 14_000, "service": "ai-llm"},
                    {"pid": 8, "memory_bytes": None, "service": None},
                ],
            }
        ],
    }


def test_a_live_orchestrator_says_so() -> None:
    answer = call(served(FakeSupervisor()), "GET", "/api/system/health/live")
    assert (answer.status, answer.json["status"]) == (200, "alive")


def test_an_orchestrator_that_decides_nothing_any_more_is_not_live() -> None:
    supervisor = FakeSupervisor()
    supervisor.overall = replace(supervisor.overall, last_turn_at=NOON - 61)
    answer = call(served(supervisor), "GET", "/api/system/health/live")
    assert "61 s" in str(problem(answer, 503, "stalled")["detail"])


def test_our_own_failure_is_a_500_that_tells_no_traceback() -> None:
    supervisor = FakeSupervisor()
    supervisor.failure = RuntimeError("secret detail in module x")
    answer = call(served(supervisor), "GET", "/api/system/health/full")
    problem(answer, 500, "internal")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body


# --- events -------------------------------------------------------------------------------------------------

HISTORY = [
    an_event(1, "ai-llm", "Service discovered"),
    an_event(2, "redis", "Service discovered"),
    an_event(3, "ai-llm", "Health check failed", "HTTP 500"),
    an_event(4, "ai-llm", "Service recovered"),
]


def sequences(target: str, supervisor: FakeSupervisor | None = None) -> list[int]:
    supervisor = supervisor or FakeSupervisor([a_service("ai-llm")], HISTORY)
    return [one["sequence"] for one in call(served(supervisor), "GET", target).json["events"]]


def test_events_come_newest_first_and_as_they_were_told() -> None:
    document = call(served(FakeSupervisor([], HISTORY)), "GET", "/api/system/health/events").json
    assert [one["sequence"] for one in document["events"]] == [4, 3, 2, 1]
    assert document["events"][1] == HISTORY[2].document
    assert document["next_before"] is None


def test_events_are_paged_by_the_sequence_of_the_last_one() -> None:
    first = call(served(FakeSupervisor([], HISTORY)), "GET", "/api/system/health/events?limit=3").json
    assert first["next_before"] == 2
    assert sequences("/api/system/health/events?limit=3&before=2") == [1]


def test_events_since_a_number_are_those_after_it() -> None:
    assert sequences("/api/system/health/events?since=2") == [4, 3]
    assert sequences("/api/system/health/events?since=1&before=4") == [3, 2]
    assert sequences("/api/system/health/events?since=4&service=redis") == []


def test_events_are_filtered_by_service() -> None:
    assert sequences("/api/system/health/events?service=ai-llm") == [4, 3, 1]


def test_a_service_that_is_gone_keeps_its_events() -> None:
    assert sequences("/api/system/health/events?service=redis") == [2]


def test_a_known_service_without_events_has_none() -> None:
    assert sequences("/api/system/health/events?service=ai-llm", FakeSupervisor([a_service("ai-llm")])) == []


def test_events_of_a_mistyped_service_are_no_empty_list() -> None:
    answer = call(served(FakeSupervisor([a_service("ai-llm")])), "GET", "/api/system/health/events?service=ai-lm")
    assert problem(answer, 404, "unknown_service")["similar"] == ["ai-llm"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=many", "before=0", "before=yesterday", "since=-1"])
def test_a_page_that_cannot_be_meant_is_bad_input(query: str) -> None:
    problem(call(served(FakeSupervisor()), "GET", f"/api/system/health/events?{query}"), 422, "invalid_input")


def test_a_store_that_cannot_be_read_is_unavailable_and_not_empty() -> None:
    supervisor = FakeSupervisor()
    supervisor.failure = StoreUnavailable("state.db: disk I/O error")
    answer = call(served(supervisor), "GET", "/api/system/health/events")
    assert "state.db" in str(problem(answer, 503, "store_unavailable")["detail"])
