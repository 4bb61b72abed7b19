"""What is foreseen is what then happens: every story is told ahead, and then lived."""

from __future__ import annotations

from orchestrator.core.foresight import Foresight, Intention, foresee
from orchestrator.core.messages import UNSEEN, Result, Stop
from orchestrator.core.model import ActionKind, ContainerState, HealthSpec, HttpCheck, Kind, Status
from tests.core.stage import Stage, a_spec, disabled, healthy, restarting, starting, stopped, undiscovered, unhealthy


def ahead(stage: Stage) -> Foresight:
    return foresee(stage.spec, stage.state, stage.facts, stage.now)


def test_a_dead_service_is_started_when_its_wait_is_over() -> None:
    stage = stopped()
    foreseen = ahead(stage)
    assert (foreseen.intention, foreseen.at) == (Intention.START, stage.state.retry_at)
    decision = stage.wake()
    assert [(action.kind, action.cause) for action in decision.actions] == [(ActionKind.START, foreseen.cause)]
    assert stage.now.moment == foreseen.at


def test_an_ill_service_is_restarted_if_its_check_goes_on_failing() -> None:
    stage = unhealthy()
    foreseen = ahead(stage)
    assert (foreseen.intention, foreseen.at) == (Intention.RESTART, stage.state.retry_at)
    assert stage.wake().actions == (), "not on that one failure"
    stage.fails()
    assert stage.does == [ActionKind.RESTART]


def test_a_confirmed_failure_is_foreseen_with_the_very_words() -> None:
    stage = unhealthy()
    stage.after(1).fails()
    foreseen = ahead(stage)
    assert "confirmed by 1 more check" in foreseen.cause or "confirmed by 2 more checks" in foreseen.cause
    assert foreseen.at == stage.state.retry_at


def test_failures_that_are_yet_to_be_counted_are_foreseen_too() -> None:
    stage = healthy(a_spec(health=HealthSpec(check=HttpCheck("/health"), failures=3)))
    stage.after(30).fails()
    assert stage.status is Status.RUNNING
    foreseen = ahead(stage)
    assert foreseen.intention is Intention.RESTART
    assert foreseen.at == stage.now.moment + 2 * 30 + 2.0


def test_a_failure_in_grace_counts_from_its_end() -> None:
    stage = starting(a_spec(grace=600.0))
    stage.fails()
    foreseen = ahead(stage)
    assert foreseen.intention is Intention.RESTART
    assert stage.state.grace_ends is not None
    assert foreseen.at is not None
    assert foreseen.at >= stage.state.grace_ends


def test_a_failure_count_beyond_the_horizon_is_only_waited_for() -> None:
    stage = starting(a_spec(health=HealthSpec(check=HttpCheck("/health"), failures=1000)))
    stage.fails()
    assert ahead(stage).intention is Intention.WAIT


def test_at_the_limit_it_is_said_that_it_would_be_disabled() -> None:
    stage = unhealthy(a_spec(max_failures=1))
    foreseen = ahead(stage)
    assert (foreseen.intention, foreseen.at) == (Intention.NOTHING, stage.state.retry_at)
    assert "disabled" in foreseen.cause


def test_the_one_trial_after_the_limit_is_foreseen() -> None:
    stage = unhealthy(a_spec(max_failures=1, retry_disabled_after=3600.0))
    stage.after(2).fails()
    assert stage.status is Status.DISABLED
    assert ahead(stage) == Foresight(
        Intention.RESTART, stage.now.moment + 3600, "one trial, 3600 s after the limit disabled it"
    )


def test_what_is_under_way_is_the_intention() -> None:
    stage = restarting()
    foreseen = ahead(stage)
    assert (foreseen.intention, foreseen.at) == (Intention.RESTART, stage.now.moment)


def test_a_healthy_service_needs_nothing() -> None:
    assert ahead(healthy()) == Foresight(Intention.NOTHING, None, "")


def test_a_service_without_a_container_needs_nothing_of_us() -> None:
    stage = healthy()
    stage.looks(None)
    assert ahead(stage) == Foresight(Intention.NOTHING, None, "no such container")


def test_a_starting_service_is_waited_for() -> None:
    assert ahead(starting()) == Foresight(Intention.WAIT, None, "waiting for the first passing check")


def test_a_completed_job_needs_nothing() -> None:
    stage = healthy(a_spec(kind=Kind.JOB))
    stage.exits(0)
    assert ahead(stage).intention is Intention.NOTHING


def test_a_container_that_was_never_started_is_left_alone() -> None:
    stage = undiscovered()
    stage.looks(stage.seen(state=ContainerState.CREATED, started_at=None))
    assert ahead(stage).intention is Intention.NOTHING


def test_a_dependency_that_is_down_is_what_is_waited_for() -> None:
    stage = unhealthy()
    stage.unmet = ("db", "cache")
    stage.turn()
    foreseen = ahead(stage)
    assert (foreseen.intention, foreseen.at) == (Intention.WAIT, None)
    assert foreseen.blocked_by == ("waiting_on:db", "waiting_on:cache")


def test_what_is_held_is_not_acted_on() -> None:
    stage = unhealthy()
    stage.held = "maintenance"
    stage.turn()
    assert ahead(stage) == Foresight(Intention.HELD, None, "held: maintenance: HTTP 500", ("held",))


def test_a_restart_is_foreseen_although_its_dependencies_have_yet_to_answer() -> None:
    stage = healthy(a_spec(requires=("db",)))
    stage.dependencies_asked = stage.now.moment
    stage.after(30).fails()
    assert ahead(stage).intention is Intention.RESTART


def test_what_the_engine_restarts_is_left_to_it() -> None:
    stage = stopped()
    stage.turns_into(ContainerState.RESTARTING)
    assert ahead(stage).intention is Intention.WAIT


def test_a_paused_container_is_held() -> None:
    stage = unhealthy()
    stage.turns_into(ContainerState.PAUSED)
    assert ahead(stage) == Foresight(Intention.HELD, None, "paused", ("paused",))


def test_while_the_engine_is_away_everything_is_held() -> None:
    stage = unhealthy()
    stage.looks(UNSEEN)
    assert ahead(stage).blocked_by == ("engine_unseen",)


def test_what_is_observed_only_is_held() -> None:
    stage = healthy(a_spec(observe_only="owned by systemd"))
    assert ahead(stage) == Foresight(Intention.HELD, None, "owned by systemd", ("observe_only",))
    stage.exits()
    assert ahead(stage).intention is Intention.HELD


def test_what_a_person_disabled_is_held() -> None:
    foreseen = ahead(disabled())
    assert (foreseen.intention, foreseen.blocked_by) == (Intention.HELD, ("disabled",))
    assert "ann" in foreseen.cause


def test_what_a_person_stops_is_stopped_and_then_held() -> None:
    stage = healthy()
    stage.turn(command=Stop("ann"))
    assert ahead(stage).intention is Intention.STOP
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    foreseen = ahead(stage)
    assert (foreseen.intention, foreseen.blocked_by) == (Intention.HELD, ("stopped_by_person",))
