"""Backoff, grace, forgiveness, cadence, and what an exit means: the arithmetic alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core import policy
from orchestrator.core.model import (
    ContainerSnapshot,
    ContainerState,
    EngineCheck,
    EngineHealth,
    HttpCheck,
    Instant,
    Kind,
    PublishedPort,
    RecoverySpec,
    RunningCheck,
    ServiceSpec,
    ServiceState,
    Status,
)
from tests.core.stage import a_spec

AI = RecoverySpec(max_failures=5, backoff_base=5.0, backoff_max=300.0)
NOW = Instant(1000.0, 1_700_000_000.0)
CONTAINER = ContainerSnapshot("c1", "web-1", "web:1", ContainerState.RUNNING, NOW.wall - 60, started_at=NOW.wall - 60)
PLAIN = ServiceSpec("web", "Web")


# --- backoff ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "wait"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (8, 300), (10**6, 300)]
)
def test_the_backoff_of_the_ai_category_is_the_specified_table(failure: int, wait: float) -> None:
    assert policy.backoff(failure, AI) == wait


@pytest.mark.parametrize("strikes", [0, -1])
def test_without_a_failure_there_is_no_backoff(strikes: int) -> None:
    assert policy.backoff(strikes, AI) == 0.0


@given(st.integers(1, 10**6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_backoff_never_leaves_its_bounds_nor_shrinks(strikes: int, base: float, cap: float) -> None:
    recovery = RecoverySpec(backoff_base=base, backoff_max=cap)
    wait = policy.backoff(strikes, recovery)
    assert min(base, cap) <= wait <= cap
    assert policy.backoff(strikes + 1, recovery) >= wait


# --- forgiveness --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("last", "stable"), [(0, 60), (5, 60), (30, 60), (40, 80), (300, 600)])
def test_strikes_are_forgiven_after_twice_the_last_backoff_but_a_minute_at_least(last: float, stable: float) -> None:
    assert policy.stable_after(AI, last) == stable


def test_a_configured_stable_time_is_taken_as_it_is() -> None:
    assert policy.stable_after(replace(AI, stable_after=3.0), 300) == 3.0


# --- grace --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "left"), [(0.0, 10.0), (4.0, 6.0), (9.5, 0.5), (10.0, None), (11.0, None), (-3600.0, 10.0)]
)
def test_grace_counts_from_the_engines_start_time(age: float, left: float | None) -> None:
    end = policy.grace_end(a_spec(grace=10.0), NOW.wall - age, NOW)
    assert end == (None if left is None else NOW.moment + left)


def test_without_grace_there_is_none() -> None:
    assert policy.grace_end(a_spec(grace=0.0), NOW.wall, NOW) is None


# --- which check, which kind --------------------------------------------------------------------------------


def test_the_configured_check_decides_alone_else_the_engines_health_else_running() -> None:
    checked = replace(CONTAINER, health=EngineHealth("healthy"))
    assert policy.effective_check(a_spec(), checked) == HttpCheck("/health")
    assert policy.effective_check(PLAIN, checked) == EngineCheck()
    assert policy.effective_check(PLAIN, CONTAINER) == RunningCheck()


@pytest.mark.parametrize(
    ("kind", "changes", "job"),
    [
        (Kind.JOB, {"restart_policy": "always", "ports": (PublishedPort(80, 80),)}, True),
        (Kind.SERVICE, {"restart_policy": "no"}, False),
        (Kind.INFERRED, {"restart_policy": "no"}, True),
        (Kind.INFERRED, {"restart_policy": "on-failure"}, True),
        (Kind.INFERRED, {"restart_policy": "always"}, False),
        (Kind.INFERRED, {"restart_policy": "unless-stopped"}, False),
        (Kind.INFERRED, {"restart_policy": "no", "ports": (PublishedPort(80, None),)}, False),
        (Kind.INFERRED, {"restart_policy": "no", "health": EngineHealth("none")}, False),
    ],
)
def test_a_job_is_declared_or_serves_nothing_and_is_not_to_be_restarted(
    kind: Kind, changes: dict[str, object], job: bool
) -> None:
    assert policy.is_job(replace(PLAIN, kind=kind), replace(CONTAINER, **changes)) is job  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("restart_policy", "code", "restarts"),
    [("always", 0, True), ("unless-stopped", 0, True), ("on-failure", 1, True), ("on-failure", 0, False),
     ("no", 1, False), ("", 1, False)],
)  # fmt: skip
def test_whether_the_engine_would_restart_it_itself(restart_policy: str, code: int, restarts: bool) -> None:
    container = replace(CONTAINER, state=ContainerState.EXITED, exit_code=code, restart_policy=restart_policy)
    assert policy.engine_restarts(container) is restarts


# --- cadence ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "every"), [(0, 0.5), (9.9, 0.5), (10, 2.0), (59, 2.0), (60, 5.0), (3600, 5.0)])
def test_a_starting_service_is_asked_densely_at_first(age: float, every: float) -> None:
    container = replace(CONTAINER, started_at=NOW.wall - age)
    assert policy.probe_cadence(a_spec(), ServiceState(status=Status.STARTING), container, NOW) == every


def test_no_cadence_is_slower_than_the_configured_interval() -> None:
    often = replace(a_spec(), health=replace(a_spec().health, interval=0.2))
    armed = ServiceState(status=Status.UNHEALTHY, strikes=1, retry_at=NOW.moment + 30, last_backoff=30.0)
    for state in (armed, ServiceState(status=Status.STARTING), ServiceState(status=Status.RUNNING)):
        assert policy.probe_cadence(often, state, CONTAINER, NOW) == 0.2


@pytest.mark.parametrize(("wait", "every"), [(3.0, 1.0), (60.0, 20.0), (300.0, 30.0), (0.3, 0.25)])
def test_about_three_probes_confirm_within_the_wait(wait: float, every: float) -> None:
    state = ServiceState(status=Status.UNHEALTHY, strikes=1, retry_at=NOW.moment + wait, last_backoff=wait)
    assert policy.probe_cadence(a_spec(), state, CONTAINER, NOW) == pytest.approx(every)


def test_a_service_whose_dependency_came_back_is_asked_densely_and_before_that_is_not() -> None:
    state = ServiceState(status=Status.UNHEALTHY)
    assert policy.probe_cadence(a_spec(backoff_base=6.0), state, CONTAINER, NOW) == 2.0
    assert policy.probe_cadence(a_spec(), state, CONTAINER, NOW, waiting=True) == 30.0


def test_a_service_that_is_only_observed_is_asked_at_its_interval() -> None:
    assert (
        policy.probe_cadence(a_spec(observe_only="ours"), ServiceState(status=Status.UNHEALTHY), CONTAINER, NOW) == 30
    )


@pytest.mark.parametrize("state", [state for state in ContainerState if state is not ContainerState.RUNNING])
def test_what_does_not_run_is_not_asked(state: ContainerState) -> None:
    assert policy.probe_cadence(a_spec(), ServiceState(), replace(CONTAINER, state=state), NOW) is None


def test_where_running_is_all_there_is_to_know_nothing_is_asked() -> None:
    assert policy.probe_cadence(PLAIN, ServiceState(status=Status.RUNNING), CONTAINER, NOW) is None


# --- exits in words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exit_code": 0}, "exited with code 0"),
        ({"exit_code": None}, "exited"),
        ({"exit_code": 137}, "exited with code 137 (SIGKILL)"),
        ({"exit_code": 143}, "exited with code 143 (SIGTERM)"),
        ({"exit_code": 200}, "exited with code 200"),
        ({"exit_code": 127}, "exited with code 127 (command not found)"),
        ({"exit_code": 125}, "exited with code 125 (the engine could not run it)"),
        (
            {"exit_code": 137, "oom_killed": True},
            "exited with code 137 (SIGKILL), reported as out of memory by the engine",
        ),
        ({"exit_code": 1, "error": "no such file"}, "exited with code 1: no such file"),
        ({"state": ContainerState.CREATED}, "created, never started"),
        ({"state": ContainerState.CREATED, "error": "bind source"}, "never started: bind source"),
    ],
)
def test_an_exit_is_told_in_words(changes: dict[str, object], words: str) -> None:
    dead = replace(CONTAINER, state=ContainerState.EXITED)
    assert policy.describe_exit(replace(dead, **changes)) == words  # type: ignore[arg-type]
