"""What recorded services would have been configured as."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.configuration.other_policy import overridden, read_override, specifications
from orchestrator.core.messages import Decision, Facts
from orchestrator.core.model import (
    Category,
    ContainerSnapshot,
    ContainerState,
    HttpCheck,
    Instant,
    ServiceSpec,
    ServiceState,
)
from orchestrator.core.recording import DecisionRecord
from orchestrator.errors import ConfigurationError
from orchestrator.testing.scenario import configured

WEB = ServiceSpec("web", "web")
LLM = ServiceSpec("ai-llm", "LLM", Category.AI)


def set_to(spec: ServiceSpec, *written: str) -> ServiceSpec:
    return overridden(spec, map(read_override, written))


def refused(*written: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        set_to(WEB, *written)
    return str(caught.value)


def test_a_key_is_set_for_all_for_a_category_or_for_one() -> None:
    everywhere = "recovery.backoff_base=10s"
    assert set_to(WEB, everywhere).recovery.backoff_base == set_to(LLM, everywhere).recovery.backoff_base == 10.0
    assert set_to(WEB, "categories.ai.grace=2m") == WEB
    assert set_to(LLM, "categories.ai.grace=2m").grace == 120.0
    assert set_to(WEB, "services.web.health.failures=3").health.failures == 3
    assert set_to(LLM, "services.web.health.failures=3") == LLM
    assert set_to(LLM, "services.ai-llm.lane=gpu", "lane=tpu").lane == "tpu", "the later wins"


def test_what_cannot_be_set_is_refused_in_words() -> None:
    assert refused("grace") == "--set: grace: is not like recovery.backoff_base=10s"
    assert "did you mean 'recovery.backoff_base'?" in refused("recovery.backoff_bas=3")
    assert "unknown key; use lane, grace, " in refused("xyzzy=3")
    assert "a recording holds what was answered" in refused("health.interval=3")
    assert refused("web.grace=3") == "--set: web.grace: is not like grace, services.NAME.grace or categories.NAME.grace"
    assert "no category is named 'toys'" in refused("categories.toys.grace=3")
    assert "--set: grace: " in refused("grace=soon")
    assert refused("recovery.backoff_base=10m") == (
        "--set: recovery.backoff_base: 600 s is above backoff_max 60 s of web: set that too"
    )


def a_record(name: str, labels: dict[str, str], spec: ServiceSpec) -> DecisionRecord:
    container = ContainerSnapshot(f"{name}-id", name, "web:1", ContainerState.RUNNING, 0.0, labels=labels)
    state = ServiceState()
    return DecisionRecord(spec, state, Facts(container=container), Instant(0.0, 0.0), Decision(state))


def test_another_configuration_counts_with_the_labels_that_were_recorded() -> None:
    file = configured({"discovery": "labels", "services": {"web": {"grace": "7s", "recovery": {"max_failures": 3}}}})
    labels = {"orchestrator.service": "web", "orchestrator.health.http": "/ok", "orchestrator.requires": "db"}
    records = [
        a_record("web", labels, WEB),
        a_record("db", {"orchestrator.service": "db"}, replace(WEB, name="db")),
        a_record("stranger", {}, replace(WEB, name="stranger")),
    ]
    found = specifications(file, records)
    assert set(found) == {"web", "db"}, "what it does not adopt is not among them"
    web = found["web"]
    assert (web.grace, web.recovery.max_failures, web.requires) == (7.0, 3, ("db",))
    assert web.health.check == HttpCheck("/ok")


def test_our_own_container_stays_untouchable() -> None:
    ours = replace(WEB, observe_only="the container we run in")
    record = a_record("web", {"orchestrator.service": "web"}, ours)
    container = replace(record.facts.container, container_id="0123456789abcdef")  # type: ignore[type-var]
    record = replace(record, facts=Facts(container=container))
    found = specifications(configured({"discovery": "labels"}), [record])
    assert found["web"].observe_only == "the container we run in"
