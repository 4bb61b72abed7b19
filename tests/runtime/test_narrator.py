"""The sentences people grep for, with their levels and their evidence."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from orchestrator.core.messages import Decision, Event, Message
from orchestrator.core.model import Instant, RecoverySpec, ServiceSpec, ServiceState, Status
from orchestrator.errors import EngineAway
from orchestrator.ports import EngineIdentity
from orchestrator.runtime import narrator

NOW = Instant(moment=100.0, wall=1_700_000_000.0)
SPEC = ServiceSpec("ai-llm", "Nemotron", recovery=RecoverySpec(max_failures=5))
HEALTHY = ServiceState(status=Status.RUNNING, discovered=True)
FAILED = replace(HEALTHY, status=Status.UNHEALTHY, reason="HTTP 500", failure_count=1, strikes=1, retry_at=105.0)


def event(message: Message, cause: str = "HTTP 500") -> Event:
    return Event("ai-llm", message, Status.UNHEALTHY, cause, NOW)


def narrated(caplog: pytest.LogCaptureFixture, decision: Decision, before: ServiceState = HEALTHY) -> list[str]:
    with caplog.at_level(logging.DEBUG, logger="orchestrator"):
        narrator.narrate(decision, before, SPEC, NOW)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("message", Message)
def test_every_event_has_a_sentence_that_names_the_service(message: Message) -> None:
    line = narrator.event_line(event(message), HEALTHY, SPEC)
    assert "ai-llm" in line.text
    assert line.fields["service"] == "ai-llm"
    assert line.fields["cause"] == "HTTP 500"


@pytest.mark.parametrize(
    ("message", "sentence", "level"),
    [
        (Message.RECOVERED, "Service ai-llm recovered", logging.INFO),
        (Message.HEALTH_CHECK_FAILED, "Health check failed for ai-llm", logging.WARNING),
        (Message.RESTART_COMPLETED, "Restarted service ai-llm", logging.INFO),
        (Message.MAX_FAILURES, "Service ai-llm exceeded 5 failures", logging.ERROR),
    ],
)
def test_the_documented_sentences_are_kept_to_the_letter(message: Message, sentence: str, level: int) -> None:
    line = narrator.event_line(event(message), HEALTHY, SPEC)
    assert (line.text, line.level) == (sentence, level)


def test_a_failure_is_followed_by_the_wait_it_scheduled(caplog: pytest.LogCaptureFixture) -> None:
    decision = Decision(FAILED, events=(event(Message.HEALTH_CHECK_FAILED),))
    assert narrated(caplog, decision) == ["Health check failed for ai-llm", "Service ai-llm in backoff, 5.0s remaining"]


def test_a_wait_is_told_once_and_not_at_every_turn(caplog: pytest.LogCaptureFixture) -> None:
    assert narrated(caplog, Decision(FAILED), before=FAILED) == []


def test_a_retry_that_is_due_at_once_is_no_backoff(caplog: pytest.LogCaptureFixture) -> None:
    assert narrated(caplog, Decision(replace(FAILED, retry_at=NOW.moment))) == []


def test_a_disabled_service_is_in_no_backoff(caplog: pytest.LogCaptureFixture) -> None:
    assert narrated(caplog, Decision(replace(FAILED, disabled_by="max_failures"))) == []


def test_a_wanted_stop_is_no_warning() -> None:
    unwanted = narrator.event_line(event(Message.STOPPED), HEALTHY, SPEC)
    wanted = narrator.event_line(event(Message.STOPPED), replace(HEALTHY, stopped_by="orchestrator stop"), SPEC)
    assert (unwanted.level, wanted.level) == (logging.WARNING, logging.INFO)


def test_the_sentences_about_ourselves_are_kept_to_the_letter(caplog: pytest.LogCaptureFixture) -> None:
    away = EngineAway("unix:///run/docker.sock", "nobody listens there", "Start it: systemctl start docker")
    with caplog.at_level(logging.INFO, logger="orchestrator"):
        narrator.started("1.2.3", "unix:///run/docker.sock", "state.db")
        narrator.discovered(["redis"], {"web-1": "orchestrator.enable=false"})
        narrator.engine_lost(away)
        narrator.engine_found("unix:///run/docker.sock", EngineIdentity("docker", "20.10", "1.41"))
        narrator.warned("Two containers for redis", service="redis")
        narrator.stopped()
    assert [record.getMessage() for record in caplog.records] == [
        "ContainerOrchestrator started",
        "Discovered 1 containers",
        "Failed to connect to Docker daemon",
        "Connected to Docker daemon",
        "Two containers for redis",
        "ContainerOrchestrator stopped",
    ]
    lost = vars(caplog.records[2])
    assert (lost["endpoint"], lost["fact"], lost["remedy"]) == (away.endpoint, away.fact, away.remedy)
