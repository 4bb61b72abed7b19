"""Where each setting of a service was written, as its page tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.runtime.configured import SettingView, settings_of
from orchestrator.runtime.registry import ServiceRegistry
from tests.configuration.scenes import composed, configuration, container, survey

YAML = """
defaults: {grace: 20s}
categories: {ai: {recovery: {backoff_max: 200s}}}
services:
  ai-llm: {health: {interval: 5s}}
"""


def told(folder: Path, service: str, yaml: str = YAML) -> dict[str, SettingView]:
    containers = (
        container("ai-llm", 1, {"orchestrator.recovery.max_failures": "7"}),
        composed("shop", "web", 2, {"orchestrator.health.command": "true"}, depends_on="db:service_healthy:false"),
        composed("shop", "db", 3, {"orchestrator.service": "db", "orchestrator.health.tcp": "true"}),
    )
    registry = ServiceRegistry()
    for sighting in survey(configuration(folder, yaml), *containers).services.values():
        registry.admit(sighting, None)
    record = registry.get(service)
    assert record is not None
    return {one.key: one for one in settings_of(record)}


def test_each_layer_is_named_with_the_key_as_it_is_written_there(tmp_path: Path) -> None:
    settings = told(tmp_path, "ai-llm")
    expected = {
        "health.interval": ("5 s", "orchestrator.yaml: services.ai-llm.health.interval"),
        "recovery.max_failures": ("7", "label of container ai-llm: orchestrator.recovery.max_failures"),
        "recovery.backoff_max": ("200 s", "orchestrator.yaml: categories.ai.recovery.backoff_max"),
        "recovery.backoff_base": ("5 s", "category ai"),
        "grace": ("20 s", "orchestrator.yaml: defaults.grace"),
        "port": ("8091", "catalog"),
        "health.http": ("/health", "catalog"),
        "requires": ("gpu", "catalog"),
        "lane": ("gpu", "catalog"),
        "vram": ("3 GB", "catalog"),
        "health.timeout": ("5 s", "default"),
        "host": ("", "default"),
        "recovery.take_over": ("false", "default"),
    }
    for key, (value, source) in expected.items():
        assert (settings[key].value, settings[key].source.rpartition("/")[2]) == (value, source), key


def test_what_compose_says_is_told_as_compose_s(tmp_path: Path) -> None:
    settings = told(tmp_path, "web")
    assert (settings["requires"].value, settings["requires"].source) == ("db", "compose")
    assert settings["health.command"].source == "label of container shop-web-1: orchestrator.health.command"
    assert settings["wants"] == SettingView("wants", "", "default")


@pytest.mark.parametrize(
    ("health", "key", "value"),
    [
        ("{http: /x, expect_status: 2xx}", "health.http", "/x"),
        ("{command: [curl, localhost]}", "health.command", "curl localhost"),
        ("{redis: true}", "health.redis", "true"),
        ("{postgres: app}", "health.postgres", "app"),
        ("{tcp: true}", "health.tcp", "true"),
    ],
)
def test_the_check_is_told_by_the_key_that_chooses_it(tmp_path: Path, health: str, key: str, value: str) -> None:
    settings = told(tmp_path, "own", f"services:\n  own: {{port: 80, health: {health}}}\n")
    assert settings[key].value == value
    assert settings[key].source.endswith(f"services.own.{key}")


def test_without_a_check_it_says_what_decides(tmp_path: Path) -> None:
    settings = told(tmp_path, "own", "services:\n  own: {}\n")
    assert "the engine's own health check" in settings["health"].value
