"""How a service stands as incidents see it, and in which words."""

from __future__ import annotations

import math

import pytest

from orchestrator.core.incidents import Condition, HostCondition, Stand
from orchestrator.core.model import (
    ContainerSnapshot,
    ContainerState,
    Held,
    Instant,
    ProbeResult,
    RecoverySpec,
    Run,
    ServiceState,
    Status,
    Verdict,
)
from orchestrator.core.standing import cause_of, sentence_of, stable_at, stand_of
from orchestrator.core.startup import LEFT_ALONE

RUN = Run("c" * 12, 1000.0)
FOUND = ServiceState(discovered=True)


def container(state: ContainerState = ContainerState.RUNNING, exit_code: int | None = None) -> ContainerSnapshot:
    return ContainerSnapshot("c" * 12, "db", "image", state, 900.0, 1000.0, exit_code=exit_code)


STANDS: list[tuple[ServiceState, ContainerState, bool, Stand, str]] = [
    (ServiceState(Status.RUNNING), ContainerState.RUNNING, False, "well", "db is running"),
    (ServiceState(Status.STARTING), ContainerState.RUNNING, False, "coming", "db is starting"),
    (ServiceState(Status.UNHEALTHY, "HTTP 500"), ContainerState.RUNNING, False, "ill", "db is unhealthy: HTTP 500"),
    (ServiceState(Status.STOPPED, "x"), ContainerState.EXITED, False, "ill", "db exited with code 7"),
    (ServiceState(Status.STOPPED, "half way"), ContainerState.RUNNING, False, "ill", "db is stopped: half way"),
    (
        ServiceState(Status.STOPPED, LEFT_ALONE),
        ContainerState.CREATED,
        False,
        "excused",
        "db created, never started",
    ),
    (ServiceState(Status.STOPPED, completed=True), ContainerState.EXITED, False, "well", "db is complete"),
    (
        ServiceState(Status.NOT_FOUND, discovered=True),
        ContainerState.EXITED,
        False,
        "ill",
        "the container of db is gone",
    ),
    (ServiceState(Status.NOT_FOUND), ContainerState.EXITED, False, "coming", "db has no container"),
    (
        ServiceState(Status.DISABLED, "3 failures", disabled_by="max_failures"),
        ContainerState.EXITED,
        False,
        "ill",
        "db was given up after 3 failures",
    ),
    (
        ServiceState(Status.DISABLED, disabled_by="human"),
        ContainerState.EXITED,
        False,
        "excused",
        "db is disabled by a person",
    ),
    (
        ServiceState(Status.STOPPED, stopped_by="stopped by hand"),
        ContainerState.EXITED,
        False,
        "excused",
        "db is stopped: stopped by hand",
    ),
    (
        ServiceState(Status.UNHEALTHY, hold=Held(5.0, "ann", "disk")),
        ContainerState.RUNNING,
        False,
        "excused",
        "db is held by ann",
    ),
    (ServiceState(Status.UNHEALTHY), ContainerState.PAUSED, False, "excused", "db is paused"),
    (ServiceState(Status.STOPPED), ContainerState.EXITED, True, "excused", "db is held: an update"),
]


@pytest.mark.parametrize(("state", "seen", "held", "stand", "sentence"), STANDS)
def test_how_it_stands(state: ServiceState, seen: ContainerState, held: bool, stand: Stand, sentence: str) -> None:
    exit_code = 7 if seen is ContainerState.EXITED else None
    assert stand_of(state, container(seen, exit_code), held=held) == stand
    assert sentence_of("db", state, container(seen, exit_code), None, "an update" if held else "") == sentence


def test_a_failed_check_is_told_in_its_own_words() -> None:
    failed = ProbeResult(RUN, Verdict.FAIL, "http", "no answer within 5 s", Instant(1.0, 1.0))
    state = ServiceState(Status.UNHEALTHY, "waiting for cache: no answer within 5 s")
    assert sentence_of("db", state, container(), failed, "") == "db fails its health check: no answer within 5 s"


def test_a_service_without_a_container_stands_too() -> None:
    assert stand_of(FOUND, None, held=False) == "ill"
    assert sentence_of("db", ServiceState(Status.STOPPED, "gone"), None, None, "") == "db is stopped: gone"


def test_it_is_stably_healthy_when_its_strikes_would_be_forgiven() -> None:
    well = ServiceState(Status.RUNNING, healthy_since=100.0, last_backoff=40.0)
    assert stable_at(well, RecoverySpec()) == 180.0
    assert stable_at(ServiceState(Status.RUNNING, healthy_since=100.0), RecoverySpec(stable_after=5.0)) == 105.0
    assert stable_at(ServiceState(Status.RUNNING), RecoverySpec()) == math.inf
    assert stable_at(ServiceState(Status.STARTING, healthy_since=1.0), RecoverySpec()) == math.inf
    assert stable_at(ServiceState(Status.STOPPED, completed=True), RecoverySpec()) == -math.inf


def test_a_cause_is_a_service_or_what_of_the_host_is_missing() -> None:
    condition = Condition("db", "ill", Status.UNHEALTHY, "db fails", certain=False)
    cause = cause_of("db", {"db": condition}, HostCondition())
    assert (cause.service, cause.sentence, cause.confidence, cause.key) == ("db", "db fails", "likely", "db")
    host = cause_of("gpu", {}, HostCondition(missing={"gpu": "driver not loaded"}))
    assert (host.service, host.key) == ("", "gpu")
    assert host.sentence == "the GPU driver does not answer: driver not loaded"
