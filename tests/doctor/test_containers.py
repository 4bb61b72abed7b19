"""Names that match nothing, services without a container, two containers for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.configuration import ServiceSurveyor
from orchestrator.core.model import ContainerSummary
from orchestrator.doctor.containers import judge_containers
from orchestrator.doctor.findings import Finding, Level
from tests.configuration.scenes import composed, configuration, container
from tests.doctor.scenes import told


def judged(folder: Path, *containers: ContainerSummary, text: str = "", **settings: object) -> list[Finding]:
    configured = configuration(folder, text, **settings)
    return list(judge_containers(containers, ServiceSurveyor(configured).survey(containers), configured))


@pytest.mark.parametrize(
    ("name", "service", "why"),
    [
        ("my-redis-cache", "redis", "what follows the service's name (cache)"),
        ("Redis", "redis", "upper and lower case"),
        ("shop-postgress-1", "postgres", "spelt differently"),
        ("ai-llm-v2", "ai-llm", "(v2)"),
    ],
)
def test_a_name_that_is_nearly_a_service_is_told_with_the_label_to_set(
    tmp_path: Path, name: str, service: str, why: str
) -> None:
    words = told(judged(tmp_path, container(name), container("loki", 2)), Level.WARNING)
    assert len(words) == 1
    assert words[0].startswith(f"container {name}: it looks like {service}")
    assert why in words[0]
    assert f"orchestrator.service={service}" in words[0]


def test_a_relative_of_a_service_that_has_its_container_is_another_thing(tmp_path: Path) -> None:
    assert told(judged(tmp_path, container("redis"), container("redis-commander", 2)), Level.WARNING) == []


def test_a_container_that_is_excluded_on_purpose_is_left_in_peace(tmp_path: Path) -> None:
    excluded = container("my-redis-cache", labels={"orchestrator.enable": "false"})
    assert told(judged(tmp_path, excluded, container("loki", 2)), Level.WARNING) == []


def test_what_the_discovery_mode_leaves_alone_is_told_and_no_fault(tmp_path: Path) -> None:
    containers = container("redis"), container("web", 2, {"orchestrator.enable": "true"})
    findings = judged(tmp_path, *containers, discovery="labels")
    assert told(findings, Level.WARNING) == []
    assert any("ORCHESTRATOR_DISCOVERY=labels" in words for words in told(findings, Level.OK))
    others = judged(tmp_path, composed("other", "redis"), composed("shop", "loki", 2), project="shop")
    assert any("not of compose project shop" in words for words in told(others, Level.OK))


def test_no_service_at_all_is_a_warning_with_the_reason(tmp_path: Path) -> None:
    (words,) = told(judged(tmp_path, container("hello")), Level.WARNING)
    assert "none of 1 container is a service (unknown to the catalog" in words
    (empty,) = told(judged(tmp_path), Level.WARNING)
    assert "the engine has none" in empty


def test_a_service_of_the_file_without_a_container_names_the_one_that_may_be_it(tmp_path: Path) -> None:
    text = "services:\n  shop-cache: {}\n"
    without = told(judged(tmp_path, container("loki"), text=text), Level.WARNING)
    assert len(without) == 1
    assert "service shop-cache: it is in" in without[0]
    assert "Create its container" in without[0]
    near = told(judged(tmp_path, container("loki"), container("shop-cache-blue", 2), text=text), Level.WARNING)
    assert any("Container shop-cache-blue may be it" in words for words in near)


def test_two_containers_for_one_service_are_both_named(tmp_path: Path) -> None:
    (words,) = told(judged(tmp_path, container("a-redis-1"), container("b-redis-1", 2)), Level.WARNING)
    assert "two containers for service redis: b-redis-1" in words
    assert "a-redis-1" in words
    assert "orchestrator.service" in words


def test_what_is_well_is_counted(tmp_path: Path) -> None:
    (words,) = told(judged(tmp_path, container("redis"), container("hello", 2)), Level.OK)
    assert words == "containers: 1 service found in 2 containers; 1 container left alone: hello."
