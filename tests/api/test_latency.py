"""The newest probes, for charts: of one service whole, of all in short."""

from __future__ import annotations

from orchestrator.api.app import create_app
from orchestrator.core.model import Verdict
from orchestrator.runtime.latencies import SampleView
from tests.api.asgi import call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service
from tests.api.test_services import problem

PROBES = (
    SampleView(NOON - 2, Verdict.PASS, 2.25),
    SampleView(NOON - 1, Verdict.FAIL, None),
    SampleView(NOON, Verdict.PASS, 3.5),
)


def supervisor() -> FakeSupervisor:
    shown = FakeSupervisor([a_service("ai-llm"), a_service("redis")])
    shown.probed["ai-llm"] = PROBES
    return shown


def test_a_service_s_probes_are_served_oldest_first() -> None:
    document = call(create_app(supervisor(), StoppedClock()), "GET", "/api/system/services/ai-llm/latency").json
    assert document["service"] == "ai-llm"
    assert document["samples"][0] == {"at": "2024-01-15T09:59:58.000Z", "verdict": "pass", "latency_ms": 2.25}
    assert [one["latency_ms"] for one in document["samples"]] == [2.25, None, 3.5]


def test_all_services_are_served_in_short() -> None:
    document = call(create_app(supervisor(), StoppedClock()), "GET", "/api/system/latency?samples=2").json
    assert document["services"] == {"ai-llm": [None, 3.5], "redis": []}


def test_a_service_that_there_is_not_has_none() -> None:
    problem(
        call(create_app(supervisor(), StoppedClock()), "GET", "/api/system/services/x/latency"), 404, "unknown_service"
    )
