"""``/api/system/health/ready``: what work cannot do without decides; what it can do without degrades."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from orchestrator.api.app import create_app
from orchestrator.api.routes.ready import Workers, WorkerState
from orchestrator.core.model import Category, Status
from tests.api.asgi import Answer, call
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service

POSTGRES = a_service("postgres", Category.INFRASTRUCTURE)
REDIS = a_service("redis", Category.INFRASTRUCTURE)
LLM = a_service("ai-llm")


def _say(state: WorkerState) -> WorkerState:
    return state


def asked(*services: object, **states: WorkerState) -> Answer:
    workers = Workers()
    for name, state in states.items():
        workers.register(name, partial(_say, state))
    app = create_app(FakeSupervisor(services), StoppedClock(), workers=workers)  # type: ignore[arg-type]
    return call(app, "GET", "/api/system/health/ready")


def test_ready_has_the_specified_shape() -> None:
    answer = asked(POSTGRES, REDIS, LLM, detection_worker="running", analysis_worker="running")
    assert answer.status == 200
    assert answer.json == {
        "ready": True,
        "status": "ready",
        "services": {"database": "healthy", "redis": "healthy", "ai_services": "healthy"},
        "workers": {"detection_worker": "running", "analysis_worker": "running"},
    }


@pytest.mark.parametrize("status", [Status.STARTING, Status.UNHEALTHY, Status.STOPPED, Status.NOT_FOUND])
def test_without_its_database_it_is_not_ready(status: Status) -> None:
    answer = asked(replace(POSTGRES, status=status), REDIS)
    assert (answer.status, answer.json["ready"], answer.json["status"]) == (503, False, "not_ready")


def test_a_database_that_somebody_stopped_is_no_database() -> None:
    answer = asked(replace(POSTGRES, status=Status.STOPPED, at_rest=True))
    assert (answer.status, answer.json["services"]["database"]) == (503, "unhealthy")


def test_ai_services_are_as_well_as_the_worst_of_them_and_degrade() -> None:
    answer = asked(LLM, a_service("ai-clip", status=Status.UNHEALTHY), a_service("ai-yolo26", status=Status.STARTING))
    assert (answer.status, answer.json["status"]) == (200, "degraded")
    assert answer.json["services"] == {"database": None, "redis": None, "ai_services": "unhealthy"}


def test_a_stopped_worker_makes_it_unready_and_a_degraded_one_degraded() -> None:
    assert asked(detection_worker="stopped").status == 503
    answer = asked(detection_worker="degraded")
    assert (answer.status, answer.json["status"]) == (200, "degraded")
