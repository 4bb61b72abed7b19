"""``/api/system/graph``: nodes with their status, edges with who says so, phases, cycles."""

from __future__ import annotations

from orchestrator.api.app import create_app
from orchestrator.core.gpus import Driver
from orchestrator.core.model import Status
from orchestrator.runtime.views import EdgeView, GraphView, ResourceView
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service


def test_a_graph_is_served_with_the_status_of_every_node() -> None:
    supervisor = FakeSupervisor([a_service("db"), a_service("web", status=Status.UNHEALTHY)])
    supervisor.drawn = GraphView(
        nodes=(),
        edges=(EdgeView("web", "db", True, "compose"), EdgeView("web", "gpu", False, "label")),
        phases=(("db",), ("web",)),
        cycles=("a -> b -> a",),
        resources=(ResourceView("gpu", Driver.MISSING, "GPU is lost"),),
    )
    assert call(create_app(supervisor, StoppedClock()), "GET", "/api/system/graph").json == {
        "nodes": [
            {"name": "db", "display_name": "DB", "category": "ai", "status": "running"},
            {"name": "web", "display_name": "WEB", "category": "ai", "status": "unhealthy"},
        ],
        "resources": [{"name": "gpu", "state": "missing", "detail": "GPU is lost"}],
        "edges": [
            {"from": "web", "to": "db", "kind": "hard", "origin": "compose"},
            {"from": "web", "to": "gpu", "kind": "soft", "origin": "label"},
        ],
        "phases": [["db"], ["web"]],
        "cycles": ["a -> b -> a"],
    }
