"""The services known by name, with the figures of the specification's tables; the lowest layer of configuration.

The specification names one port for ai-yolo26 in its management table (8090) and another everywhere else (8095):
8095 is right. Its backend waits for ai-yolo26 and ai-llm at start-up and runs degraded without them: soft.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from orchestrator.core.model import Category, Check, CommandCheck, HttpCheck, RecoverySpec, ServiceSpec


@dataclass(frozen=True, slots=True)
class Known:
    """One service of the catalog."""

    name: str
    display_name: str
    category: Category
    port: int
    grace: float
    """Seconds."""
    check: Check | None
    """``None``: the tables name no check; the engine's own health or running status decides."""
    variable: str
    """The setting for its port: ``yolo26_port`` is ``ORCHESTRATOR_YOLO26_PORT``."""
    requires: tuple[str, ...] = ()
    lane: str | None = None
    vram: int | None = None
    """Bytes; of ai-llm, what the smaller of its two models needs."""
    wants: tuple[str, ...] = ()


_INFRASTRUCTURE: Final = Category.INFRASTRUCTURE
_AI: Final = Category.AI
_MONITORING: Final = Category.MONITORING
_HEALTH: Final = HttpCheck("/health")
_HEALTHY: Final = HttpCheck("/-/healthy")
_READY: Final = HttpCheck("/ready")
_GPU: Final = ("gpu",)
_LANE: Final = "gpu"
_GB: Final = 10**9

_SERVICES: Final = (
    Known("postgres", "PostgreSQL", _INFRASTRUCTURE, 5432, 10, CommandCheck("pg_isready -U security"), "postgres_port"),
    Known("redis", "Redis", _INFRASTRUCTURE, 6379, 10, CommandCheck("redis-cli ping"), "redis_port"),
    Known("backend", "Backend", _INFRASTRUCTURE, 8000, 30, HttpCheck("/api/system/health/ready"), "backend_port",
          requires=("postgres", "redis"),
          wants=("ai-yolo26", "ai-llm", "ai-florence", "ai-clip", "ai-enrichment")),
    Known("frontend", "Frontend", _INFRASTRUCTURE, 8080, 30, _HEALTH, "frontend_port", requires=("backend",)),
    Known("ai-yolo26", "YOLO26", _AI, 8095, 60, _HEALTH, "yolo26_port", requires=_GPU,
          lane=_LANE, vram=4 * _GB),
    Known("ai-llm", "Nemotron", _AI, 8091, 120, _HEALTH, "nemotron_port", requires=_GPU,
          lane=_LANE, vram=3 * _GB),
    Known("ai-florence", "Florence-2", _AI, 8092, 60, _HEALTH, "florence_port", requires=_GPU,
          lane=_LANE, vram=2 * _GB),
    Known("ai-clip", "CLIP", _AI, 8093, 60, _HEALTH, "clip_port", requires=_GPU,
          lane=_LANE, vram=2 * _GB),
    Known("ai-enrichment", "Enrichment", _AI, 8094, 180, _HEALTH, "enrichment_port", requires=_GPU,
          lane=_LANE, vram=4 * _GB),
    Known("prometheus", "Prometheus", _MONITORING, 9090, 30, _HEALTHY, "prometheus_port"),
    Known("grafana", "Grafana", _MONITORING, 3002, 30, HttpCheck("/api/health"), "grafana_port",
          requires=("prometheus",)),
    Known("alertmanager", "Alertmanager", _MONITORING, 9093, 15, _HEALTHY, "alertmanager_port"),
    Known("jaeger", "Jaeger", _MONITORING, 16686, 15, HttpCheck("/"), "jaeger_port"),
    Known("loki", "Loki", _MONITORING, 3100, 15, _READY, "loki_port"),
    Known("pyroscope", "Pyroscope", _MONITORING, 4040, 15, _READY, "pyroscope_port"),
    Known("alloy", "Alloy", _MONITORING, 12345, 15, None, "alloy_port"),
    Known("redis-exporter", "Redis Exporter", _MONITORING, 9121, 15, None, "redis_exporter_port"),
    Known("json-exporter", "JSON Exporter", _MONITORING, 7979, 15, None, "json_exporter_port"),
    Known("blackbox-exporter", "Blackbox Exporter", _MONITORING, 9115, 15, None, "blackbox_exporter_port"),
)  # fmt: skip

CATALOG: Final[Mapping[str, Known]] = MappingProxyType({known.name: known for known in _SERVICES})

CATEGORY_RECOVERY: Final[Mapping[Category, RecoverySpec]] = MappingProxyType(
    {
        Category.INFRASTRUCTURE: RecoverySpec(max_failures=10, backoff_base=2.0, backoff_max=60.0),
        Category.AI: RecoverySpec(max_failures=5, backoff_base=5.0, backoff_max=300.0),
        Category.MONITORING: RecoverySpec(max_failures=5, backoff_base=10.0, backoff_max=120.0),
        Category.APPLICATION: RecoverySpec(max_failures=10, backoff_base=2.0, backoff_max=60.0),
    }
)

CATEGORY_GRACE: Final[Mapping[Category, float]] = MappingProxyType(
    {Category.INFRASTRUCTURE: 10.0, Category.AI: 60.0, Category.MONITORING: 15.0, Category.APPLICATION: 10.0}
)
"""Seconds, for services that are in no table: the shortest grace of the category's own."""


def figures_of(name: str, category: Category) -> Mapping[str, str]:
    """Which of a service's settings the tables give, by plain key: ``catalog``, or ``category ai``."""
    of_category = f"category {category.value}"
    figures = dict.fromkeys(
        ("grace", "recovery.max_failures", "recovery.backoff_base", "recovery.backoff_max"), of_category
    )
    known = CATALOG.get(name)
    if known is None:
        return figures
    check = {HttpCheck: "health.http", CommandCheck: "health.command"}.get(type(known.check), "")
    given = {
        "lane": known.lane,
        "vram": known.vram,
        "requires": known.requires,
        "wants": known.wants,
        check: known.check,
    }
    always = ("display_name", "category", "port", "grace")
    return {**figures, **dict.fromkeys((*always, *(key for key, value in given.items() if value)), "catalog")}


def starting_point(name: str, category: Category) -> ServiceSpec:
    """A service before anything was configured: its category's figures, and the catalog's own where it has them."""
    known = CATALOG.get(name)
    plain = ServiceSpec(
        name=name,
        display_name=name,
        category=category,
        grace=CATEGORY_GRACE[category],
        recovery=CATEGORY_RECOVERY[category],
    )
    if known is None:
        return plain
    return replace(
        plain,
        display_name=known.display_name,
        port=known.port,
        grace=known.grace,
        health=replace(plain.health, check=known.check),
        requires=known.requires,
        lane=known.lane,
        vram=known.vram,
        wants=known.wants,
    )
