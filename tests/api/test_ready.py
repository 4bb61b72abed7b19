"""``/api/system/health/ready``: what work cannot do without decides; what it can do without degrades."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import cast

import pytest

from orchestrator.api.app import create_app
from orchestrator.api.workers import Workers, WorkerState
from orchestrator.core.model import Category, Status
from orchestrator.runtime.views import EngineView, ServiceView
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
        "detail": "",
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
    assert answer.json["detail"] == "ai_services is unhealthy"


def test_a_stopped_worker_makes_it_unready_and_a_degraded_one_degraded() -> None:
    assert asked(detection_worker="stopped").status == 503
    answer = asked(detection_worker="degraded")
    assert (answer.status, answer.json["status"]) == (200, "degraded")


# --- without the engine ---------------------------------------------------------------------------------------

LOST = EngineView("unix:///run/docker.sock", False, None, None, None, "nobody listens there", 0.0)


def without_engine(*services: ServiceView, surveyed: bool = True) -> Answer:
    supervisor = FakeSupervisor(services)
    supervisor.overall = replace(supervisor.overall, engine=LOST, surveyed=surveyed)
    return call(create_app(supervisor, StoppedClock()), "GET", "/api/system/health/ready")


def unseen(view: ServiceView) -> ServiceView:
    return replace(view, container_state=None)


def test_what_was_well_when_it_was_last_seen_keeps_it_ready_and_is_unknown() -> None:
    answer = without_engine(unseen(POSTGRES), unseen(REDIS), unseen(LLM))
    assert (answer.status, answer.json["ready"], answer.json["status"]) == (200, True, "degraded")
    assert set(answer.json["services"].values()) == {"unknown"}
    assert answer.json["detail"].startswith("nobody listens there; database is unknown")


@pytest.mark.parametrize("status", [Status.STARTING, Status.UNHEALTHY, Status.STOPPED])
def test_what_was_not_well_when_it_was_last_seen_keeps_it_unready(status: Status) -> None:
    answer = without_engine(unseen(replace(POSTGRES, status=status)), unseen(REDIS))
    assert (answer.status, answer.json["status"]) == (503, "not_ready")
    assert answer.json["services"]["redis"] == "unknown"


def test_it_is_never_plainly_ready_while_nothing_can_be_seen() -> None:
    answer = without_engine()
    assert (answer.status, answer.json["status"]) == (200, "degraded")


def test_before_anything_was_seen_it_is_not_ready() -> None:
    answer = without_engine(surveyed=False)
    assert (answer.status, answer.json["ready"], answer.json["status"]) == (503, False, "not_ready")
    assert answer.json["detail"] == "no container was seen yet; nobody listens there"


def test_what_is_only_remembered_is_not_ready() -> None:
    remembered = replace(unseen(POSTGRES), container_name=None)
    answer = asked(remembered)
    assert (answer.status, answer.json["services"]["database"]) == (503, "starting")


# --- workers that do not tell ---------------------------------------------------------------------------------


class Moody:
    """A worker's state, or what asking for it raises."""

    def __init__(self) -> None:
        self.mood: object = "running"

    def __call__(self) -> WorkerState:
        if isinstance(self.mood, Exception):
            raise self.mood
        return cast(WorkerState, self.mood)


def test_a_worker_that_cannot_tell_its_state_is_stopped_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    worker, workers = Moody(), Workers()
    workers.register("detection_worker", worker)
    app = create_app(FakeSupervisor(), StoppedClock(), workers=workers)
    caplog.set_level(logging.INFO, "orchestrator")
    for mood in ("running", ZeroDivisionError("by zero"), ZeroDivisionError("by zero"), "idle", "running", "running"):
        worker.mood = mood
        answer = call(app, "GET", "/api/system/health/ready")
        assert answer.json["workers"] == {"detection_worker": "running" if mood == "running" else "stopped"}
        assert answer.status == (200 if mood == "running" else 503)
        if mood == "idle":
            assert answer.json["detail"] == (
                "detection_worker is stopped: it answered 'idle', which is none of running, degraded, stopped"
            )
    assert [record.getMessage() for record in caplog.records] == [
        "Worker detection_worker does not tell its state: it raised ZeroDivisionError: by zero",
        "Worker detection_worker tells its state again",
    ]
