"""``/api/system/monitoring/health``: what we see of the monitoring services beside what Prometheus sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.api.app import create_app
from orchestrator.core.model import Category
from orchestrator.ports import ScrapeTarget
from orchestrator.runtime.monitoring import PrometheusView, TargetView
from tests.api.asgi import call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service

PROMETHEUS = a_service("prometheus", Category.MONITORING)
EXPORTER = a_service("redis-exporter", Category.MONITORING)
UP = ScrapeTarget("prometheus", "localhost:9090", "localhost", 9090, "up", "", NOON - 2)
DOWN = ScrapeTarget("redis", "redis-exporter:9121", "redis-exporter", 9121, "down", "connection refused", None)


def asked(*services: object, view: PrometheusView | None = None) -> dict[str, Any]:
    supervisor = FakeSupervisor(services)  # type: ignore[arg-type]
    if view is not None:
        supervisor.watched = view
    answer = call(create_app(supervisor, StoppedClock()), "GET", "/api/system/monitoring/health")
    assert answer.status == 200
    document: dict[str, Any] = answer.json
    return document


def test_services_and_targets_are_joined() -> None:
    targets = (
        TargetView(UP, "prometheus", "port"),
        TargetView(DOWN, "redis-exporter", "host"),
        TargetView(replace(UP, instance="other:9121"), "redis-exporter", "job"),
    )
    document = asked(
        EXPORTER, PROMETHEUS, a_service("web"), view=PrometheusView("http://127.0.0.1:9090", "", NOON - 1, targets)
    )
    assert [(one["name"], one["status"], one["scraped"]) for one in document["services"]] == [
        ("redis-exporter", "running", "down"),
        ("prometheus", "running", "up"),
    ]
    seen = document["prometheus"]
    assert (seen["reachable"], seen["detail"], seen["address"]) == (True, "", "http://127.0.0.1:9090")
    assert seen["asked_at"] == "2024-01-15T09:59:59.000Z"
    assert seen["targets"][1] == {
        "job": "redis",
        "instance": "redis-exporter:9121",
        "health": "down",
        "last_error": "connection refused",
        "last_scrape": None,
        "service": "redis-exporter",
        "matched_by": "host",
    }
    assert seen["targets"][0]["last_scrape"] == "2024-01-15T09:59:58.000Z"


def test_a_prometheus_that_does_not_answer_is_told_with_why() -> None:
    document = asked(PROMETHEUS, view=PrometheusView("http://127.0.0.1:9090", "no answer within 2 s", NOON, ()))
    seen = document["prometheus"]
    assert (seen["reachable"], seen["targets"]) == (False, [])
    assert seen["detail"] == "Prometheus cannot be asked: no answer within 2 s"
    assert document["services"][0]["scraped"] is None


def test_without_a_prometheus_there_is_no_view_of_it() -> None:
    document = asked(EXPORTER)
    assert (document["prometheus"], document["services"][0]["health"]["verdict"]) == (None, "pass")
