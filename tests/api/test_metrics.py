"""``/metrics``: what can be scraped, in both formats, without series of what is gone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from orchestrator.api.app import create_app
from orchestrator.core.gpus import Driver
from orchestrator.core.messages import Action, Failure, Outcome, Result
from orchestrator.core.model import ActionKind, Instant, ProbeResult, Run, ServiceSpec, Status, Verdict
from orchestrator.core.resources import Presence
from orchestrator.runtime.views import GpuProcessView, GpusView, GpuView, ResourceView
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service

SPEC = ServiceSpec("ai-llm", "Nemotron")
Series = dict[str, dict[tuple[str, ...], float]]


def served(supervisor: FakeSupervisor) -> FastAPI:
    return create_app(supervisor, StoppedClock())


def scraped(supervisor: FakeSupervisor) -> Series:
    """By name of the sample and the values of its labels, in the order of the labels' names."""
    answer = call(served(supervisor), "GET", "/metrics")
    assert answer.status == 200
    found: Series = {}
    for family in parse(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def a_probe(verdict: Verdict, latency: float | None) -> ProbeResult:
    return ProbeResult(Run("c1", 1.0), verdict, "http", "HTTP 200", Instant(1.0, 1.0), latency)


def an_action(kind: ActionKind, *, manual: bool) -> Action:
    return Action("a1", "ai-llm", kind, "c1", None, "exit code 1; see the log of 10.0.0.1", manual, 10.0)


def test_the_text_format_is_what_scrapers_get_that_ask_for_nothing() -> None:
    answer = call(served(FakeSupervisor([a_service("ai-llm")])), "GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert b"# EOF" not in answer.body


def test_openmetrics_is_answered_to_who_asks_for_it() -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = call(served(FakeSupervisor([a_service("ai-llm")])), "GET", "/metrics", accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "orchestrator_services" in {
        family.name
        for family in parse_openmetrics(answer.body.decode())  # type: ignore[no-untyped-call]
    }


def test_services_are_counted_by_status_and_category_also_where_there_are_none() -> None:
    supervisor = FakeSupervisor([a_service("ai-llm"), a_service("ai-clip", status=Status.UNHEALTHY)])
    figures = scraped(supervisor)
    assert figures["orchestrator_services"][("ai", "running")] == 1
    assert figures["orchestrator_services"][("ai", "unhealthy")] == 1
    assert figures["orchestrator_services"][("monitoring", "disabled")] == 0
    assert figures["orchestrator_service_healthy"] == {("ai", "ai-llm"): 1, ("ai", "ai-clip"): 0}
    assert figures["orchestrator_service_status"][("ai", "ai-clip", "unhealthy")] == 1


def test_a_starting_service_is_neither_healthy_nor_unhealthy() -> None:
    assert "orchestrator_service_healthy" not in scraped(FakeSupervisor([a_service("a", status=Status.STARTING)]))


def test_a_service_begins_with_every_cause_at_zero() -> None:
    supervisor = FakeSupervisor()
    supervisor.telemetry.changed(a_service("ai-llm"))
    causes = scraped(supervisor)["orchestrator_restarts_total"]
    assert causes == {(each, "ai-llm"): 0 for each in ("manual", "exited", "oom_killed", "unhealthy", "action_failed")}


@pytest.mark.parametrize(
    ("kind", "manual", "failure", "cause"),
    [
        (ActionKind.RESTART, True, Failure.UNHEALTHY, "manual"),
        (ActionKind.RESTART, False, Failure.UNHEALTHY, "unhealthy"),
        (ActionKind.START, False, Failure.OOM_KILLED, "oom_killed"),
        (ActionKind.START, False, None, "exited"),
        (ActionKind.RESTART, False, None, "unhealthy"),
    ],
)
def test_a_restart_is_counted_by_the_kind_of_what_it_heals(
    kind: ActionKind, manual: bool, failure: Failure | None, cause: str
) -> None:
    supervisor = FakeSupervisor()
    if failure is not None:
        supervisor.telemetry.failed(SPEC, failure)
    supervisor.telemetry.ordered(an_action(kind, manual=manual), SPEC)
    supervisor.telemetry.ended("ai-llm", Outcome("a1", Result.DONE, ""))
    figures = scraped(supervisor)
    counted = {labels for labels, value in figures["orchestrator_restarts_total"].items() if value}
    assert counted == {(cause, "ai-llm")}
    assert figures["orchestrator_action_duration_seconds_count"] == {(kind.value, "done"): 1}


def test_a_stop_is_no_restart() -> None:
    supervisor = FakeSupervisor()
    supervisor.telemetry.ordered(an_action(ActionKind.STOP, manual=True), SPEC)
    assert not any(scraped(supervisor)["orchestrator_restarts_total"].values())


def test_series_of_a_service_that_is_gone_disappear() -> None:
    supervisor = FakeSupervisor()
    supervisor.telemetry.failed(SPEC, Failure.EXITED)
    supervisor.telemetry.gone("ai-llm")
    figures = scraped(supervisor)
    assert "orchestrator_restarts_total" not in figures
    assert "orchestrator_failures_total" not in figures


def test_what_could_not_be_asked_has_no_duration() -> None:
    supervisor = FakeSupervisor()
    for verdict, latency in ((Verdict.PASS, 0.005), (Verdict.FAIL, 20.0), (Verdict.UNKNOWN, None)):
        supervisor.telemetry.probed(SPEC, a_probe(verdict, latency))
    figures = scraped(supervisor)
    assert figures["orchestrator_probes_total"] == {("pass",): 1, ("fail",): 1, ("unknown",): 1}
    buckets = figures["orchestrator_probe_duration_seconds_bucket"]
    assert (buckets["0.0025", "http", "pass"], buckets["0.005", "http", "pass"]) == (0, 1)
    assert (buckets["10.0", "http", "fail"], buckets["+Inf", "http", "fail"]) == (0, 1)
    assert ("+Inf", "http", "unknown") not in buckets


def test_a_recovery_is_timed_once_and_only_after_a_failure() -> None:
    supervisor = FakeSupervisor()
    supervisor.telemetry.changed(a_service("ai-llm"))
    supervisor.telemetry.failed(SPEC, Failure.EXITED)
    supervisor.telemetry.changed(a_service("ai-llm", status=Status.STARTING))
    supervisor.telemetry.changed(a_service("ai-llm"))
    supervisor.telemetry.changed(a_service("ai-llm"))
    assert scraped(supervisor)["orchestrator_recovery_duration_seconds_count"] == {("ai",): 1}


def test_what_was_disabled_meanwhile_did_not_recover() -> None:
    supervisor = FakeSupervisor()
    for status in (Status.UNHEALTHY, Status.DISABLED, Status.RUNNING):
        supervisor.telemetry.changed(a_service("ai-llm", status=status))
    assert "orchestrator_recovery_duration_seconds_count" not in scraped(supervisor)


def test_queues_the_store_and_the_engine_are_shown() -> None:
    figures = scraped(FakeSupervisor())
    assert figures["orchestrator_store_lag_seconds"][()] == 7.5
    assert figures["orchestrator_store_dropped_events_total"][()] == 6
    assert figures["orchestrator_actions_in_flight"][()] == 4
    assert figures["orchestrator_actions_waiting"][()] == 3
    assert figures["orchestrator_restarts_paused"][()] == 0
    assert figures["orchestrator_engine_up"][()] == 1
    assert figures["orchestrator_turns_total"][()] == 42
    assert [version for _, version in figures["orchestrator_build_info"]] == ["1.2.3"]


def test_a_pause_of_all_restarts_is_shown() -> None:
    supervisor = FakeSupervisor()
    supervisor.overall = replace(
        supervisor.overall, restarts_paused="restarts are paused: 12 unrelated services failed"
    )
    assert scraped(supervisor)["orchestrator_restarts_paused"][()] == 1


EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("example", ["prometheus/alerts.yml", "grafana/orchestrator.json"])
def test_every_figure_that_an_example_asks_for_is_exposed(example: str) -> None:
    supervisor = FakeSupervisor([a_service("ai-llm")])
    supervisor.telemetry.failed(SPEC, Failure.EXITED)
    supervisor.telemetry.changed(a_service("ai-llm"))
    supervisor.telemetry.probed(SPEC, a_probe(Verdict.PASS, 0.005))
    supervisor.telemetry.called("list", "ok", 0.01)
    asked = set(re.findall(r"\borchestrator_[a-z_]+", (EXAMPLES / example).read_text()))
    assert asked
    assert asked <= set(scraped(supervisor))


def test_the_gpus_have_series_where_there_are_any() -> None:
    supervisor = FakeSupervisor()
    assert not [name for name in scraped(supervisor) if "gpu" in name]
    mine = (GpuProcessView(7, 14_000, "ai-llm"), GpuProcessView(9, 500, "ai-llm"), GpuProcessView(8, None, None))
    gpus = GpusView(Driver.ANSWERS, "550.54.14", "", 0.0, (GpuView(0, "A card", 24_000, 15_000, mine),))
    supervisor.overall = replace(supervisor.overall, gpus=gpus)
    series = scraped(supervisor)
    assert series["orchestrator_gpu_driver_up"] == {(): 1}
    assert series["orchestrator_gpu_memory_total_bytes"] == {("0", "A card"): 24_000}
    assert series["orchestrator_gpu_memory_used_bytes"] == {("0", "A card"): 15_000}
    assert series["orchestrator_service_gpu_memory_used_bytes"] == {("0", "ai-llm"): 14_500}
    supervisor.overall = replace(supervisor.overall, gpus=GpusView(Driver.MISSING))
    assert scraped(supervisor)["orchestrator_gpu_driver_up"] == {(): 0}


def test_each_precondition_that_can_be_asked_has_a_series() -> None:
    supervisor = FakeSupervisor()
    assert "orchestrator_precondition_met" not in scraped(supervisor)
    states = {"mount:/mnt/x": Presence.THERE, "tcp:db:5432": Presence.MISSING, "dns:nas": Presence.UNKNOWN}
    seen = tuple(ResourceView(name, state, "") for name, state in states.items())
    supervisor.overall = replace(supervisor.overall, preconditions=seen)
    met = scraped(supervisor)["orchestrator_precondition_met"]
    assert met == {("mount:/mnt/x",): 1, ("tcp:db:5432",): 0}
