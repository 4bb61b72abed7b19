"""The published document is complete: every error that can be answered is in it, in the type that it really has."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.api.app import create_app
from orchestrator.api.supervisor import Reloaded
from orchestrator.core.sighting import Changes
from orchestrator.runtime.requests import Requester
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock


async def reload(requester: Requester) -> Reloaded:
    return Reloaded(Changes(), ())


DOCUMENT: dict[str, Any] = call(
    create_app(FakeSupervisor(), StoppedClock(), reload=reload), "GET", "/openapi.json"
).json
SERVICES = "/api/system/services"
SLOW = {"200", "202", "401", "403", "413", "429", "404", "409", "422", "500", "502", "503", "504"}


STATUSES = [
    ("get", SERVICES, {"200", "401", "403", "413", "429", "422", "500"}),
    ("get", f"{SERVICES}/{{name}}", {"200", "401", "403", "413", "429", "404", "422", "500"}),
    *(("post", f"{SERVICES}/{{name}}/{verb}", SLOW) for verb in ("restart", "start", "stop")),
    *(
        (
            "post",
            f"{SERVICES}/{{name}}/{verb}",
            {"200", "401", "403", "413", "429", "404", "409", "422", "500", "503"},
        )
        for verb in ("enable", "disable", "hold", "release")
    ),
    *(
        (
            "post",
            f"/api/system/projects/{{project}}/{verb}",
            {"200", "401", "403", "413", "429", "404", "409", "422", "500", "503"},
        )
        for verb in ("hold", "release")
    ),
    *(
        ("post", f"/api/system/{verb}", {"202", "401", "403", "413", "429", "404", "422", "500", "503"})
        for verb in ("up", "down")
    ),
    ("get", "/api/health/ai-services", {"200", "401", "403", "413", "429", "500"}),
    ("get", "/api/system/monitoring/health", {"200", "401", "403", "413", "429", "500"}),
    ("get", "/api/system/health/ready", {"200", "401", "403", "413", "429", "500", "503"}),
    ("get", "/api/system/graph", {"200", "401", "403", "413", "429", "500"}),
    ("get", "/api/system/plan", {"200", "401", "403", "413", "429", "500"}),
    (
        "get",
        f"{SERVICES}/{{name}}/explanation",
        {"200", "401", "403", "413", "429", "404", "422", "500", "503"},
    ),
    ("get", "/api/system/playbooks", {"200", "401", "403", "413", "429", "500"}),
    (
        "get",
        f"{SERVICES}/{{name}}/playbooks/{{playbook}}",
        {"200", "401", "403", "413", "429", "404", "422", "500"},
    ),
    (
        "post",
        f"{SERVICES}/{{name}}/playbooks/{{playbook}}/run",
        {"200", "401", "403", "413", "429", "404", "409", "422", "500", "503"},
    ),
    ("get", "/api/system/incidents", {"200", "401", "403", "413", "429", "422", "500"}),
    ("get", "/api/system/incidents/{id}", {"200", "401", "403", "413", "429", "404", "422", "500", "503"}),
    ("get", "/api/system/availability", {"200", "401", "403", "413", "429", "404", "422", "500"}),
    ("get", f"{SERVICES}/{{name}}/history", {"200", "401", "403", "413", "429", "404", "422", "500"}),
    ("get", "/metrics", {"200", "401", "403", "413", "429", "500"}),
    ("get", "/api/system/health", {"200", "401", "403", "413", "429", "500", "503"}),
    ("get", "/api/system/health/live", {"200", "503"}),
    ("get", "/api/system/health/full", {"200", "401", "403", "413", "429", "500", "503"}),
    ("get", "/api/system/health/events", {"200", "401", "403", "413", "429", "404", "422", "500", "503"}),
    (
        "get",
        f"{SERVICES}/{{name}}/logs",
        {"200", "401", "403", "413", "429", "404", "409", "422", "500", "503"},
    ),
    ("get", "/api/system/notifications", {"200", "401", "403", "413", "429", "500"}),
    ("post", "/api/system/notifications/test", {"200", "401", "403", "404", "413", "422", "429", "500"}),
    ("get", "/api/system/latency", {"200", "401", "403", "413", "429", "422", "500"}),
    *(
        ("get", f"{SERVICES}/{{name}}/{part}", {"200", "401", "403", "413", "429", "404", "422", "500"})
        for part in ("latency", "configuration")
    ),
    ("get", "/api/system/session", {"200", "401", "403", "413", "429", "500"}),
    ("post", "/api/system/login", {"200", "401", "403", "413", "429", "500"}),
    ("post", "/api/system/logout", {"204", "401", "403", "413", "429", "500"}),
    ("post", "/api/system/reload", {"200", "401", "403", "413", "422", "429", "500"}),
]


@pytest.mark.parametrize(("method", "path", "statuses"), STATUSES)
def test_every_status_of_an_endpoint_is_documented(method: str, path: str, statuses: set[str]) -> None:
    assert set(DOCUMENT["paths"][path][method]["responses"]) == statuses


def test_every_endpoint_is_among_them() -> None:
    documented = {(method, path) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert documented == {(method, path) for method, path, _ in STATUSES}


def test_errors_are_documented_as_problem_documents() -> None:
    responses = DOCUMENT["paths"][f"{SERVICES}/{{name}}/restart"]["post"]["responses"]
    for status in ("401", "403", "413", "429", "404", "409", "422", "500", "503"):
        assert list(responses[status]["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]


def test_a_verdict_with_a_body_is_no_problem_document() -> None:
    content = DOCUMENT["paths"]["/api/system/health"]["get"]["responses"]["503"]["content"]
    assert list(content) == ["application/json"]


def test_operations_have_names_that_clients_can_be_made_of() -> None:
    names = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert "restart_service" in names


def test_no_page_loads_scripts_from_elsewhere() -> None:
    app = create_app(FakeSupervisor(), StoppedClock())
    assert [call(app, "GET", path).status for path in ("/docs", "/redoc")] == [404, 404]
