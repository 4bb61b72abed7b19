"""A crash loop that the engine's own policy keeps going: counted whole, and with ``take_over`` slowed down."""

from __future__ import annotations

from orchestrator.core.messages import Message, Result
from orchestrator.core.model import ActionKind, ContainerState, Status
from tests.core.stage import GRACE, Stage, a_spec, healthy

TAKEN = a_spec(take_over=True)


def looping(stage: Stage, deaths: int = 2) -> None:
    """It dies again and again, each time restarted by the engine before anybody looks."""
    for count in range(1, deaths + 1):
        stage.after(1).starts(restart_count=count, restart_policy="always")


def in_its_pause() -> Stage:
    """Taken over, and the stop came through after the engine had restarted it once more."""
    stage = healthy(TAKEN)
    looping(stage)
    later = stage.after(0.1).new_run(state=ContainerState.EXITED, exit_code=137, restart_count=3)
    stage.ends(Result.DONE, later, "")
    return stage


def test_every_restart_between_two_looks_is_counted() -> None:
    stage = healthy()
    stage.after(1).starts(restart_count=7, restart_policy="always")
    assert (stage.state.strikes, stage.state.failure_count) == (7, 7)
    assert len(stage.decision.failures) == 7
    assert "restarted it 7 times" in stage.state.reason or stage.status is Status.STARTING


def test_a_run_that_has_lasted_counts_as_one_death_however_many_came_before_it() -> None:
    stage = healthy()
    stage.after(3600)
    stage.looks(stage.new_run(restart_count=50, restart_policy="always", started_at=stage.now.wall - 600))
    assert stage.state.strikes == 1


def test_a_loop_is_left_to_the_engine_unless_it_is_to_be_taken_over() -> None:
    stage = healthy()
    looping(stage, 5)
    assert (stage.does, stage.state.strikes) == ([], 5)


def test_the_first_death_is_the_engines_to_heal() -> None:
    stage = healthy(TAKEN)
    looping(stage, 1)
    assert stage.does == []


def test_a_loop_is_stopped_and_started_again_when_the_backoff_is_over() -> None:
    stage = healthy(TAKEN)
    looping(stage)
    assert (stage.does, stage.told[-1]) == ([ActionKind.STOP], Message.RESTARTING)
    assert "taken over, stopped for 4.0 s" in stage.decision.events[-1].cause
    stage = in_its_pause()
    assert (stage.does, stage.status, stage.state.strikes) == ([], Status.STOPPED, 2), "what died meanwhile is one loop"
    assert stage.waits == 3.9
    stage.wake()
    assert (stage.does, stage.told) == ([ActionKind.START], [])
    stage.restarts()
    stage.after(1).passes()
    assert stage.told[0] is Message.RESTART_COMPLETED


def test_a_loop_seen_dying_is_taken_over_when_the_engine_restarts_it() -> None:
    stage = healthy(TAKEN)
    for count in (1, 2):
        stage.after(1).exits(restart_policy="always")
        stage.after(0.3).starts(restart_count=count, restart_policy="always")
    assert stage.does == [ActionKind.STOP]


def test_a_container_between_two_runs_is_taken_over_too() -> None:
    stage = healthy(TAKEN)
    looping(stage, 1)
    stage.after(1).looks(stage.seen(state=ContainerState.RESTARTING, exit_code=1))
    assert stage.does == [ActionKind.STOP]


def test_each_further_loop_is_stopped_for_longer() -> None:
    stage = in_its_pause()
    stage.wake()
    stage.restarts()
    stage.after(1).starts(restart_count=4, restart_policy="always")
    assert stage.does == [ActionKind.STOP]
    assert stage.waits == 8


def test_after_a_stable_run_it_is_given_back() -> None:
    stage = in_its_pause()
    stage.wake()
    stage.restarts()
    stage.after(1).passes()
    stage.after(60).passes()
    assert (stage.told, stage.state.taken_over, stage.state.strikes) == ([Message.GIVEN_BACK], False, 0)
    stage.after(1).starts(restart_count=4, restart_policy="always")
    assert stage.does == []


def test_a_loop_is_not_taken_over_while_a_dependency_is_down() -> None:
    stage = healthy(TAKEN)
    stage.unmet = ("db",)
    looping(stage, 5)
    assert (stage.does, stage.state.strikes) == ([], 0)


def test_a_container_without_a_policy_is_nobodys_loop() -> None:
    stage = healthy(TAKEN)
    for _ in range(2):
        stage.after(GRACE).exits(restart_policy="no")
        if not stage.does:
            stage.wake()
        stage.restarts()
    assert not stage.state.taken_over
