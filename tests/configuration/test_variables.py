"""The variables that the specification names, and every service's port: from the environment and from ``.env``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from orchestrator.configuration import load
from orchestrator.configuration.catalog import CATALOG

SPECIFIED: Final[Mapping[str, tuple[str, object, object]]] = {
    "ENABLED": ("false", True, False),
    "DOCKER_HOST": ("tcp://engine.example:2375", None, "tcp://engine.example:2375"),
    "HEALTH_CHECK_INTERVAL": ("7", 30.0, 7.0),
    "HEALTH_CHECK_TIMEOUT": ("2", 5.0, 2.0),
    "MONITORING_ENABLED": ("false", True, False),
    "POSTGRES_PORT": ("15432", 5432, 15432),
    "REDIS_PORT": ("16379", 6379, 16379),
    "YOLO26_PORT": ("18095", 8095, 18095),
    "NEMOTRON_PORT": ("18091", 8091, 18091),
    "FLORENCE_PORT": ("18092", 8092, 18092),
    "CLIP_PORT": ("18093", 8093, 18093),
    "ENRICHMENT_PORT": ("18094", 8094, 18094),
    "PROMETHEUS_PORT": ("19090", 9090, 19090),
    "GRAFANA_PORT": ("13002", 3002, 13002),
}
"""By variable: what is written, what holds without it (its figures, copied from the specification), what is meant."""

Write = Callable[[Mapping[str, str]], None]


def _dotenv(written: Mapping[str, str]) -> None:
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in written.items()), encoding="utf-8")


@pytest.fixture(params=["the environment", ".env"])
def write(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Write:
    def environment(written: Mapping[str, str]) -> None:
        for name, value in written.items():
            monkeypatch.setenv(name, value)

    return environment if request.param == "the environment" else _dotenv


@pytest.mark.parametrize(("variable", "case"), SPECIFIED.items(), ids=SPECIFIED)
def test_a_variable_of_the_specification_has_its_default_and_is_read(
    variable: str, case: tuple[str, object, object], write: Write
) -> None:
    written, default, meant = case
    assert getattr(load().settings, variable.lower()) == default
    write({f"ORCHESTRATOR_{variable}": written})
    configured = load()
    assert configured.problems == ()
    assert getattr(configured.settings, variable.lower()) == meant


@pytest.mark.parametrize("name", CATALOG)
def test_a_services_port_is_read_and_reaches_the_service(name: str, write: Write) -> None:
    known = CATALOG[name]
    assert load().resolve(name, {}).spec.port == known.port
    write({f"ORCHESTRATOR_{known.variable.upper()}": "1234"})
    configured = load()
    assert configured.problems == ()
    assert configured.resolve(name, {}).spec.port == 1234


def test_the_general_figures_reach_every_service(write: Write) -> None:
    write({"ORCHESTRATOR_HEALTH_CHECK_INTERVAL": "7", "ORCHESTRATOR_HEALTH_CHECK_TIMEOUT": "1500ms"})
    configured = load()
    for name in CATALOG:
        health = configured.resolve(name, {}).spec.health
        assert (health.interval, health.timeout) == (7.0, 1.5)


def test_the_environment_wins_over_the_dotenv_file(monkeypatch: pytest.MonkeyPatch) -> None:
    _dotenv({"ORCHESTRATOR_YOLO26_PORT": "1", "ORCHESTRATOR_NEMOTRON_PORT": "2"})
    monkeypatch.setenv("ORCHESTRATOR_YOLO26_PORT", "3")
    configured = load()
    assert [configured.resolve(name, {}).spec.port for name in ("ai-yolo26", "ai-llm")] == [3, 2]
