"""``/api/health/ai-services``: honest figures, and null where there is none."""

from __future__ import annotations

from orchestrator.api.app import create_app
from orchestrator.core.circuit import Circuit
from orchestrator.core.model import Status
from orchestrator.runtime.vitals import FiguresView, GpuView, VitalsView
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service


def test_each_ai_service_is_served_with_its_circuit_and_figures() -> None:
    supervisor = FakeSupervisor()
    supervisor.measured = (
        VitalsView(
            a_service("ai-llm"), Circuit.CLOSED, FiguresView(120, 3, 1, 2.25, 40.5), GpuView(True, 4096.0, True)
        ),
        VitalsView(a_service("ai-clip", status=Status.STOPPED), Circuit.OPEN, FiguresView(), GpuView()),
    )
    document = call(create_app(supervisor, StoppedClock()), "GET", "/api/health/ai-services").json
    assert document["timestamp"] == "2024-01-15T10:00:00.000Z"
    llm, clip = document["services"]
    assert llm == {
        "name": "ai-llm",
        "display_name": "AI-LLM",
        "status": "running",
        "circuit": "closed",
        "last_check": {
            "verdict": "pass",
            "method": "http",
            "checked_at": "2024-01-15T09:59:56.500Z",
            "latency_ms": 2.25,
            "detail": "HTTP 200",
        },
        "error_rate": 0.025,
        "latency_p50_ms": 2.25,
        "latency_p99_ms": 40.5,
        "samples": 120,
        "unknown": 1,
        "model_loaded": True,
        "gpu_memory_used_mb": 4096.0,
        "inference_ready": True,
    }
    assert (clip["circuit"], clip["samples"]) == ("open", 0)
    for figure in ("error_rate", "latency_p50_ms", "latency_p99_ms", "model_loaded", "gpu_memory_used_mb"):
        assert clip[figure] is None
