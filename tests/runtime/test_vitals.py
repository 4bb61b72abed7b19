"""Figures of the last hour: of probes really made, and none without any."""

from __future__ import annotations

from orchestrator.core.model import Category, Instant, ProbeResult, Run, ServiceSpec, Verdict
from orchestrator.runtime.vitals import FiguresView, GpuView, Vitals, gpu_of

LLM = ServiceSpec("ai-llm", "LLM", Category.AI)


def result(moment: float, verdict: Verdict = Verdict.PASS, latency: float | None = 0.002) -> ProbeResult:
    return ProbeResult(Run("c1", 0.0), verdict, "http", "", Instant(moment, moment), latency)


def at(moment: float) -> Instant:
    return Instant(moment, moment)


def test_without_probes_there_are_no_figures() -> None:
    assert Vitals().figures("ai-llm", at(0)) == FiguresView(0, 0, 0, None, None)


def test_what_could_not_be_asked_is_no_error_and_no_sample() -> None:
    vitals = Vitals()
    vitals.probed(LLM, result(1, Verdict.UNKNOWN, None))
    vitals.probed(LLM, result(2, Verdict.FAIL, None))
    vitals.probed(LLM, result(3, latency=0.004))
    assert vitals.figures("ai-llm", at(3)) == FiguresView(2, 1, 1, 4.0, 4.0)


def test_percentiles_are_latencies_that_were_seen() -> None:
    vitals = Vitals()
    for number in range(100, 0, -1):
        vitals.probed(LLM, result(1, latency=number / 1000))
    figures = vitals.figures("ai-llm", at(1))
    assert (figures.p50_ms, figures.p99_ms) == (50.0, 99.0)


def test_an_hour_later_a_probe_counts_no_more() -> None:
    vitals = Vitals()
    vitals.probed(LLM, result(0, Verdict.FAIL))
    vitals.probed(LLM, result(1800))
    assert vitals.figures("ai-llm", at(3600)).errors == 1
    assert vitals.figures("ai-llm", at(3601)) == FiguresView(1, 0, 0, 2.0, 2.0)


def test_only_ai_services_are_measured_and_those_that_went_are_forgotten() -> None:
    vitals = Vitals()
    vitals.probed(ServiceSpec("redis", "Redis", Category.INFRASTRUCTURE), result(1))
    vitals.probed(LLM, result(1))
    vitals.gone("ai-llm")
    vitals.gone("never-seen")
    assert vitals.figures("redis", at(1)).samples == vitals.figures("ai-llm", at(1)).samples == 0


def test_gpu_fields_of_a_foreign_body_are_taken_only_as_what_they_should_be() -> None:
    sent = {"status": "healthy", "model_loaded": True, "gpu_memory_used_mb": 4096, "inference_ready": False}
    assert gpu_of(sent) == GpuView(True, 4096.0, False)
    assert gpu_of({"model_loaded": "yes", "gpu_memory_used_mb": True, "inference_ready": 1}) == GpuView()
    for memory in (-1, 1e300, float("nan"), float("inf"), 10**400, "4096", None, [4096]):
        assert gpu_of({"gpu_memory_used_mb": memory}) == GpuView()
