"""``/api/health/ai-services``: what real containers say of themselves, and the circuit of one that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.live.engines import Engine, wait_until
from tests.live.serve import HEAL_TIMEOUT, Serve, service_labels, serving

TOLD = {"status": "healthy", "model_loaded": True, "gpu_memory_used_mb": 4096, "inference_ready": True}
NOTHING = {"model_loaded": None, "gpu_memory_used_mb": None, "inference_ready": None}
GRACE = "60"
"""Seconds within which nothing but a passing check ends the trial."""


def ai_service(serve: Serve, name: str) -> dict[str, Any]:
    """As served; empty: not listed."""
    listed: list[dict[str, Any]] = serve.ask_any("GET", "/api/health/ai-services").body["services"]
    return next((one for one in listed if one["name"] == name), {})


def wait_for(serve: Serve, name: str, **wanted: object) -> dict[str, Any]:
    """Until the service's entry has these values; the entry then."""
    seen: dict[str, Any] = {}

    def arrived() -> bool:
        seen.update(ai_service(serve, name))
        return all(seen.get(field) == value for field, value in wanted.items())

    try:
        wait_until(arrived, HEAL_TIMEOUT, f"{name} with {wanted}")
    except TimeoutError as error:
        raise TimeoutError(f"{error}; it was {seen}; told {serve.told(name)}") from None
    return seen


def test_what_a_health_body_tells_of_model_and_gpu_is_served_and_garbage_is_not(engine: Engine, tmp_path: Path) -> None:
    container = engine.run("ai-llm", *service_labels("ai-llm", category="ai"))
    engine.run("web", *service_labels("web"))
    with serving(engine.url, tmp_path) as serve:
        plain = wait_for(serve, "ai-llm", status="running", circuit="closed")
        assert {field: plain[field] for field in NOTHING} == NOTHING, "its own JSON tells none of them"
        assert ai_service(serve, "web") == {}, "no service of the category ai"

        engine.switch(container, "body", json.dumps(TOLD))
        wait_for(serve, "ai-llm", model_loaded=True, gpu_memory_used_mb=4096.0, inference_ready=True)
        foreign = {"model_loaded": "yes", "gpu_memory_used_mb": -1, "inference_ready": False}
        engine.switch(container, "body", json.dumps(foreign))
        wait_for(serve, "ai-llm", model_loaded=None, gpu_memory_used_mb=None, inference_ready=False)
        engine.switch(container, "body", '{"model_loaded": true, \x01 [[[')
        garbage = wait_for(serve, "ai-llm", **NOTHING)
        assert (garbage["status"], garbage["circuit"], garbage["error_rate"]) == ("running", "closed", 0.0)
        assert garbage["samples"] >= 4
        assert 0 < garbage["latency_p50_ms"] <= garbage["latency_p99_ms"]


def test_a_circuit_opens_with_the_failure_is_tried_by_the_restart_and_closes_with_the_first_pass(
    engine: Engine, tmp_path: Path
) -> None:
    settings = {"category": "ai", "grace": GRACE, "recovery__backoff_base": "3"}
    container = engine.run("ai-llm", *service_labels("ai-llm", **settings))
    with serving(engine.url, tmp_path) as serve:
        wait_for(serve, "ai-llm", circuit="closed", error_rate=0.0)

        engine.switch(container, "sick")  # also after its restart: until it is cured, its grace tries it
        opened = wait_for(serve, "ai-llm", circuit="open")
        assert opened["status"] == "unhealthy"
        assert opened["last_check"]["detail"].startswith("HTTP 500")

        wait_for(serve, "ai-llm", circuit="half_open", status="starting")
        wait_until(lambda: ai_service(serve, "ai-llm")["error_rate"] > opened["error_rate"], 30.0, "another failure")
        assert ai_service(serve, "ai-llm")["circuit"] == "half_open", "what fails in its grace is still being tried"

        engine.switch_off(container, "sick")
        closed = wait_for(serve, "ai-llm", circuit="closed")
        assert closed["status"] == "running"
        assert 0.0 < closed["error_rate"] < 1.0
        assert serve.told("ai-llm").count("Restart completed") == 1

        serve.order("ai-llm", "disable")
        wait_for(serve, "ai-llm", circuit="open", status="disabled")
