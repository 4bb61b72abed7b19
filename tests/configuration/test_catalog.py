"""The catalog against the tables of the specification."""

from __future__ import annotations

import pytest

from orchestrator.configuration import OrchestratorSettings
from orchestrator.configuration.catalog import CATALOG
from orchestrator.configuration.resolve import resolve
from orchestrator.core.graph import RESOURCES
from orchestrator.core.model import Check, CommandCheck, HttpCheck

TABLE: list[tuple[str, str, str, int, float, Check | None]] = [
    ("postgres", "PostgreSQL", "infrastructure", 5432, 10, CommandCheck("pg_isready -U security")),
    ("redis", "Redis", "infrastructure", 6379, 10, CommandCheck("redis-cli ping")),
    ("frontend", "Frontend", "infrastructure", 8080, 30, HttpCheck("/health")),
    ("backend", "Backend", "infrastructure", 8000, 30, HttpCheck("/api/system/health/ready")),
    ("ai-yolo26", "YOLO26", "ai", 8095, 60, HttpCheck("/health")),
    ("ai-llm", "Nemotron", "ai", 8091, 120, HttpCheck("/health")),
    ("ai-florence", "Florence-2", "ai", 8092, 60, HttpCheck("/health")),
    ("ai-clip", "CLIP", "ai", 8093, 60, HttpCheck("/health")),
    ("ai-enrichment", "Enrichment", "ai", 8094, 180, HttpCheck("/health")),
    ("prometheus", "Prometheus", "monitoring", 9090, 30, HttpCheck("/-/healthy")),
    ("grafana", "Grafana", "monitoring", 3002, 30, HttpCheck("/api/health")),
    ("alertmanager", "Alertmanager", "monitoring", 9093, 15, HttpCheck("/-/healthy")),
    ("jaeger", "Jaeger", "monitoring", 16686, 15, HttpCheck("/")),
    ("loki", "Loki", "monitoring", 3100, 15, HttpCheck("/ready")),
    ("pyroscope", "Pyroscope", "monitoring", 4040, 15, HttpCheck("/ready")),
    ("alloy", "Alloy", "monitoring", 12345, 15, None),
    ("redis-exporter", "Redis Exporter", "monitoring", 9121, 15, None),
    ("json-exporter", "JSON Exporter", "monitoring", 7979, 15, None),
    ("blackbox-exporter", "Blackbox Exporter", "monitoring", 9115, 15, None),
]
RECOVERY = {"infrastructure": (10, 2.0, 60.0), "ai": (5, 5.0, 300.0), "monitoring": (5, 10.0, 120.0)}


@pytest.mark.parametrize(
    ("name", "display", "category", "port", "grace", "check"), TABLE, ids=[row[0] for row in TABLE]
)
def test_a_service_has_the_figures_of_the_tables(
    name: str, display: str, category: str, port: int, grace: float, check: Check | None
) -> None:
    spec = resolve(name, []).spec
    assert (spec.display_name, spec.category, spec.port, spec.grace) == (display, category, port, grace)
    assert spec.health.check == check
    assert (spec.health.interval, spec.health.timeout) == (30.0, 5.0)
    recovery = spec.recovery
    assert (recovery.max_failures, recovery.backoff_base, recovery.backoff_max) == RECOVERY[category]


def test_the_tables_name_every_service_of_the_catalog() -> None:
    assert {row[0] for row in TABLE} == CATALOG.keys()


def test_dependencies_are_those_of_the_matrix() -> None:
    assert {name: known.requires for name, known in CATALOG.items() if known.requires} == {
        "backend": ("postgres", "redis"),
        "frontend": ("backend",),
        "grafana": ("prometheus",),
        **dict.fromkeys(("ai-yolo26", "ai-llm", "ai-florence", "ai-clip", "ai-enrichment"), ("gpu",)),
    }
    assert CATALOG["backend"].wants == ("ai-yolo26", "ai-llm", "ai-florence", "ai-clip", "ai-enrichment")


def test_the_services_that_share_the_card_are_in_its_lane_and_say_what_they_need() -> None:
    needed = {"ai-yolo26": 4, "ai-llm": 3, "ai-florence": 2, "ai-clip": 2, "ai-enrichment": 4}
    for name in CATALOG:
        spec = resolve(name, []).spec
        expected = ("gpu", needed[name] * 10**9) if name in needed else (None, None)
        assert (spec.lane, spec.vram) == expected


def test_every_dependency_is_a_service_or_a_resource() -> None:
    for known in CATALOG.values():
        assert {*known.requires, *known.wants} <= {*CATALOG, *RESOURCES}


def test_every_port_has_its_variable_with_the_same_default() -> None:
    fields = OrchestratorSettings.model_fields
    assert {known.variable: known.port for known in CATALOG.values()} == {
        name: field.default for name, field in fields.items() if name.endswith("_port")
    }


def test_what_is_in_no_table_is_an_application_with_the_figures_of_infrastructure() -> None:
    spec = resolve("shop", []).spec
    assert (spec.name, spec.display_name, spec.category, spec.port) == ("shop", "shop", "application", None)
    assert spec.recovery == resolve("redis", []).spec.recovery
