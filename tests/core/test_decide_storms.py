"""A world that answers at once and always badly: whatever the engine does, actions stay few."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.messages import UNSEEN, NoEvidence, Result
from orchestrator.core.model import ContainerSnapshot, ContainerState, ServiceSpec, Status
from tests.core.stage import GRACE, Stage, a_spec, healthy, starting

pytestmark = pytest.mark.no_cover  # thousands of turns, none of them written for a branch

Look = ContainerSnapshot | NoEvidence | None
Engine = Callable[[Stage], tuple[Result, Look]]
HOUR = 3600.0


def nothing(stage: Stage) -> ContainerSnapshot:
    return stage.seen()


def dead_again(stage: Stage) -> ContainerSnapshot:
    return replace(stage.new_run(), state=ContainerState.EXITED, exit_code=1)


def half_way(stage: Stage) -> ContainerSnapshot:
    return stage.seen(state=ContainerState.EXITED, exit_code=143)


ENGINES: dict[str, Engine] = {
    "says done and does nothing": lambda stage: (Result.DONE, nothing(stage)),
    "says done, stops and does not start": lambda stage: (Result.DONE, half_way(stage)),
    "says done, and it dies at once": lambda stage: (Result.DONE, dead_again(stage)),
    "starts what is sick": lambda stage: (Result.DONE, stage.new_run()),
    "refuses": lambda stage: (Result.FAILED, nothing(stage)),
    "refuses after stopping": lambda stage: (Result.FAILED, half_way(stage)),
    "refuses and cannot be looked at": lambda stage: (Result.FAILED, UNSEEN),
    "never says how it ended": lambda stage: (Result.UNKNOWN, nothing(stage)),
    "never says how it ended, half way": lambda stage: (Result.UNKNOWN, half_way(stage)),
    "is away when it ends": lambda stage: (Result.UNKNOWN, UNSEEN),
}


def weather(stage: Stage, engine: Engine, seconds: float) -> int:
    """Let it rage for so long: every action is answered at once, every look and probe comes when it is due."""
    end = stage.now.moment + seconds
    actions = 0
    last_seen = stage.container
    while stage.now.moment < end:
        burst = 0
        while stage.does:
            actions, burst = actions + 1, burst + 1
            assert burst < 5, f"a hot loop: {stage.state}"
            last_seen = stage.container
            result, look = engine(stage)
            stage.ends(result, look)
        if stage.container is UNSEEN:
            stage.after(0.01).looks(last_seen)
            continue
        until = min(stage.decision.wake_at or end, stage.now.moment + (stage.decision.probe_every or HOUR))
        stage.after(until - stage.now.moment)
        runs = isinstance(stage.container, ContainerSnapshot) and stage.container.state is ContainerState.RUNNING
        if runs and stage.decision.wake_at != stage.now.moment:
            stage.fails()
        else:
            stage.turn()
    return actions


def dying(spec: ServiceSpec) -> Stage:
    stage = healthy(spec)
    stage.exits()
    return stage


def failing(spec: ServiceSpec) -> Stage:
    stage = healthy(spec)
    stage.after(1).fails()
    return stage


ORIGINS = pytest.mark.parametrize("origin", [dying, failing])
WEATHER = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


@ORIGINS
@WEATHER
def test_in_any_weather_an_hour_sees_about_one_restart_a_backoff(
    origin: Callable[[ServiceSpec], Stage], engine: Engine
) -> None:
    spec = a_spec(on_max_failures="keep_trying")
    at_the_cap = HOUR / spec.recovery.backoff_max
    assert weather(origin(spec), engine, HOUR) <= 2 * (at_the_cap + 8)


@ORIGINS
@WEATHER
def test_in_any_weather_the_limit_holds(origin: Callable[[ServiceSpec], Stage], engine: Engine) -> None:
    stage = origin(a_spec(max_failures=4))
    assert weather(stage, engine, HOUR) <= 2 * 4, "a restart that got half way is finished by a start"
    assert stage.status is Status.DISABLED


@ORIGINS
@WEATHER
def test_in_any_weather_no_backoff_is_no_hot_loop(origin: Callable[[ServiceSpec], Stage], engine: Engine) -> None:
    stage = origin(a_spec(on_max_failures="keep_trying", backoff_base=0.0, grace=0.0))
    assert weather(stage, engine, 5.0) <= 5.0 / 0.1 * 2


# --- the limit, under every mixture -------------------------------------------------------------------------

MOVES = st.sampled_from(["dies", "fails", "passes", "waits", "engine restarts it"])
ENDS = st.sampled_from(list(ENGINES.values()) + [ENGINES["starts what is sick"]] * 5)


def play(stage: Stage, moves: Iterable[tuple[str, Engine]]) -> int:
    """Restarts that were announced; a start that only finishes one is none of its own."""
    restarts = 0
    for move, engine in moves:
        container = stage.container
        assert isinstance(container, ContainerSnapshot)
        up = container.state is ContainerState.RUNNING
        stage.after(0.5)
        if move == "dies" and up:
            stage.exits()
        elif move == "fails" and up:
            stage.after(GRACE).fails()
        elif move == "passes" and up:
            stage.passes()
        elif move == "engine restarts it":
            stage.starts(restart_count=container.restart_count + 1)
        elif stage.decision.wake_at is not None and stage.status is not Status.RUNNING:
            stage.wake()
        while stage.does:
            restarts += bool(stage.told)
            seen = stage.container
            stage.ends(*engine(stage))
            if stage.container is UNSEEN:
                stage.looks(seen)
    return restarts


@given(st.lists(st.tuples(MOVES, ENDS), max_size=40), st.integers(1, 5))
def test_without_a_stable_run_there_are_at_most_as_many_restarts_as_failures_are_allowed(
    moves: list[tuple[str, Engine]], allowed: int
) -> None:
    stage = starting(a_spec(max_failures=allowed, stable_after=1e9))
    assert play(stage, moves) <= allowed
