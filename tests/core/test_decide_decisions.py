"""What was decided where the specification is silent: every decision, by its number, in situations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.messages import UNSEEN, Disable, Enable, Message, Outcome, Restart, Result
from orchestrator.core.model import (
    ActionKind,
    ContainerState,
    EngineHealth,
    HealthSpec,
    HttpCheck,
    Kind,
    PublishedPort,
    Run,
    ServiceSpec,
    Status,
    Verdict,
)
from tests.core.stage import (
    GRACE,
    WALL,
    Stage,
    a_spec,
    disabled,
    healthy,
    restarting,
    starting,
    stopped,
    undiscovered,
    unhealthy,
)

LIMITED = a_spec(max_failures=3)
EVENTS_OF_AN_END = (Message.RESTART_COMPLETED, Message.RESTART_FAILED)


def crash_loop(stage: Stage, deaths: int) -> list[float]:
    """It dies a second after every start; the waits before each start."""
    waits = []
    for _ in range(deaths):
        stage.after(1).exits()
        if not stage.state.enabled:
            break
        waits.append(stage.waits or 0.0)
        if not stage.does:
            stage.wake()
        assert stage.does == [ActionKind.START]
        stage.restarts()
    return waits


# --- discovery ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status", "does"),
    [
        (ContainerState.RUNNING, Status.STARTING, []),
        (ContainerState.PAUSED, Status.STARTING, []),
        (ContainerState.RESTARTING, Status.STOPPED, []),
        (ContainerState.EXITED, Status.STOPPED, [ActionKind.START]),
    ],
)
def test_what_is_discovered_is_told_once_and_counts_nothing(
    state: ContainerState, status: Status, does: list[ActionKind]
) -> None:
    stage = undiscovered()
    stage.looks(stage.seen(state=state))
    assert (stage.status, stage.does) == (status, does)
    assert stage.told[0] is Message.DISCOVERED
    assert Message.NEW_RUN not in stage.told
    assert stage.state.strikes == 0


def test_a_service_disabled_before_it_was_ever_seen_is_discovered_disabled() -> None:
    stage = undiscovered()
    stage.turn(command=Disable("ann"))
    stage.looks(stage.seen(state=ContainerState.EXITED, exit_code=1))
    assert (stage.status, stage.does) == (Status.DISABLED, [])


# --- 1: backoff ---------------------------------------------------------------------------------------------


def test_1_the_waits_of_a_crash_loop_double_up_to_the_cap() -> None:
    stage = healthy(a_spec(max_failures=100))
    assert crash_loop(stage, 9) == [0, 4, 8, 16, 32, 60, 60, 60, 60]


def test_1_the_wait_is_measured_from_the_failure_that_armed_it() -> None:
    stage = unhealthy()
    due = stage.state.retry_at
    for _ in range(3):
        stage.after(0.5).fails()
        assert stage.state.retry_at == due


def test_1_jitter_stretches_the_wait_by_a_tenth_at_most() -> None:
    stage = healthy()
    stage.after(30)
    stage.probe = replace(stage.probe, verdict=Verdict.FAIL, checked=stage.now) if stage.probe else None
    stage.turn(jitter=0.1)
    assert stage.waits == pytest.approx(2.2)


def test_1_a_million_strikes_overflow_nothing() -> None:
    stage = healthy(a_spec(on_max_failures="keep_trying"))
    stage.state = replace(stage.state, strikes=10**6)
    stage.after(1).exits()
    assert stage.waits == 60


# --- 2: the first death -------------------------------------------------------------------------------------


def test_2_the_first_death_after_a_stable_run_is_healed_at_once() -> None:
    stage = healthy()
    stage.exits()
    assert (stage.does, stage.state.strikes, stage.state.failure_count) == ([ActionKind.START], 1, 1)


def test_2_the_second_death_waits() -> None:
    stage = stopped()
    assert (stage.does, stage.waits) == ([], 4)


# --- 3: a blip is no restart --------------------------------------------------------------------------------


def test_3_a_blip_heals_itself_without_a_restart() -> None:
    stage = unhealthy()
    stage.after(1).passes()
    stage.after(3600).passes()
    assert ActionKind.RESTART not in stage.does
    assert stage.announced[-2:] == [Message.HEALTH_CHECK_FAILED, Message.RECOVERED]


def test_3_blips_alone_never_disable_a_service() -> None:
    stage = healthy(LIMITED)
    for _ in range(50):
        stage.after(15).fails()
        stage.after(1).passes()
    assert (stage.status, stage.state.strikes, stage.state.last_backoff) == (Status.RUNNING, 0, 0.0)


def test_3_a_blip_takes_no_strike_of_earlier_restarts_away() -> None:
    stage = stopped()
    stage.wake()
    stage.restarts()
    stage.after(1).passes()
    stage.after(1).fails()
    assert stage.state.strikes == 3
    stage.after(1).passes()
    assert (stage.state.strikes, stage.state.last_backoff) == (2, 4)


def test_3_without_a_confirmation_nothing_is_restarted_however_late_it_is() -> None:
    stage = unhealthy()
    stage.after(3600).turn()
    assert stage.does == []
    stage.after(1).fails()
    assert stage.does == [ActionKind.RESTART]


def test_3_several_failures_in_a_row_make_the_verdict_when_configured() -> None:
    stage = healthy(a_spec(health=HealthSpec(check=HttpCheck("/"), failures=3)))
    for count in (1, 2):
        stage.after(30).fails()
        assert (stage.status, stage.told) == (Status.RUNNING, [])
        assert f"{count} of 3" in stage.state.reason
    stage.after(30).fails()
    assert stage.status is Status.UNHEALTHY


def test_3_a_pass_in_between_begins_the_row_anew() -> None:
    stage = healthy(a_spec(health=HealthSpec(check=HttpCheck("/"), failures=3)))
    for _ in range(10):
        stage.after(30).fails()
        stage.after(30).fails()
        stage.after(30).passes()
    assert (stage.status, stage.state.strikes) == (Status.RUNNING, 0)


def test_3_without_backoff_the_verdict_is_acted_on_at_once() -> None:
    stage = healthy(a_spec(backoff_base=0.0))
    stage.after(30).fails()
    assert stage.does == [ActionKind.RESTART]


def test_3_without_backoff_a_crash_loop_still_has_a_pause() -> None:
    stage = healthy(a_spec(backoff_base=0.0, on_max_failures="keep_trying"))
    assert crash_loop(stage, 20)[1:] == [0.1] * 3 + [1.5] * 16, "from the fifth on long enough to read its evidence"


def test_3_a_restart_without_backoff_that_never_happens_has_a_pause_too() -> None:
    stage = healthy(a_spec(backoff_base=0.0, on_max_failures="keep_trying"))
    stage.after(30).fails()
    for _ in range(5):
        stage.ends(Result.DONE, stage.seen())
        assert (stage.does, stage.waits) == ([], 0.1)
        stage.after(0.25).fails()
        assert stage.does == [ActionKind.RESTART]


# --- evidence -----------------------------------------------------------------------------------------------


def test_a_probe_that_could_not_be_asked_changes_nothing_and_counts_nothing() -> None:
    for stage in (starting(), healthy(), disabled()):
        before = (stage.status, stage.state.strikes, stage.state.failed_probes, stage.state.healthy_since)
        stage.after(60).cannot_tell()
        assert (stage.does, stage.told) == ([], [])
        assert before == (stage.status, stage.state.strikes, stage.state.failed_probes, stage.state.healthy_since)


def test_a_due_restart_is_not_done_while_nobody_can_ask() -> None:
    stage = unhealthy()
    stage.after(0.5).fails()
    stage.after(0.5).cannot_tell()
    stage.wake()
    assert stage.does == []


def test_a_failure_of_an_earlier_run_is_no_evidence() -> None:
    stage = healthy()
    assert stage.state.run is not None
    stale = Run(stage.state.run.container_id, stage.state.run.started_at - 1)
    stage.after(30).probed(Verdict.FAIL, "HTTP 500", run=stale)
    assert (stage.status, stage.told, stage.does) == (Status.RUNNING, [], [])


def test_after_an_engine_outage_over_a_due_retry_the_evidence_is_renewed() -> None:
    stage = unhealthy()
    stage.after(1).fails()
    seen = stage.container
    stage.after(3600).looks(UNSEEN)
    stage.looks(seen)
    assert stage.does == []
    stage.after(1).passes()
    assert (stage.status, stage.does) == (Status.RUNNING, [])


def test_after_an_engine_outage_a_dead_container_is_looked_at_before_it_is_started() -> None:
    stage = stopped()
    stage.after(3600).looks(UNSEEN)
    assert stage.does == []
    stage.starts()
    assert (stage.does, stage.status) == ([], Status.STARTING)


# --- 4: two counters ----------------------------------------------------------------------------------------


def test_4_recovery_clears_the_public_counter_and_no_strike() -> None:
    stage = healthy()
    stage.exits()
    stage.restarts()
    stage.after(1).passes()
    assert (stage.state.failure_count, stage.state.strikes) == (0, 1)


def test_4_strikes_are_forgiven_by_a_pass_after_a_stable_minute_and_not_before() -> None:
    stage = healthy()
    stage.exits()
    stage.restarts()
    stage.after(1).passes()
    stage.after(59.9).passes()
    assert stage.state.strikes == 1
    stage.after(0.1).turn()
    assert stage.state.strikes == 1, "time alone proves nothing"
    stage.after(0.1).passes()
    assert stage.state.strikes == 0


def test_4_a_service_that_passes_and_dies_again_keeps_slowing_down() -> None:
    stage = healthy()
    stage.exits()
    stage.restarts()
    waits = []
    for _ in range(4):
        stage.after(5).passes()
        stage.after(5).exits()
        waits.append(stage.waits)
        stage.wake()
        stage.restarts()
    assert waits == [4, 8, 16, 32]


def test_4_where_running_is_the_check_strikes_are_forgiven_by_a_wake_up() -> None:
    stage = healthy(ServiceSpec("web", "Web"))
    stage.exits()
    stage.restarts()
    assert (stage.status, stage.state.strikes) == (Status.RUNNING, 1)
    stage.wake()
    assert stage.state.strikes == 0


# --- 5: the limit -------------------------------------------------------------------------------------------


def test_5_at_the_limit_the_service_is_disabled_and_left_alone() -> None:
    stage = healthy(LIMITED)
    assert len(crash_loop(stage, 10)) == 2
    assert (stage.status, stage.told[-1]) == (Status.DISABLED, Message.MAX_FAILURES)
    assert stage.state.disabled_by == "max_failures"
    assert "3 failures" in stage.state.reason
    assert stage.decision.wake_at is None
    stage.after(86_400).turn()
    assert stage.does == []


def test_5_unhealthy_verdicts_reach_the_limit_too() -> None:
    stage = healthy(LIMITED)
    for _ in range(2):
        stage.after(GRACE).fails()
        stage.after(60).fails()
        stage.restarts()
    stage.after(GRACE).fails()
    assert stage.told == [Message.RESTART_FAILED, Message.HEALTH_CHECK_FAILED]
    stage.after(60).fails()
    assert (stage.does, stage.told, stage.status) == ([], [Message.MAX_FAILURES], Status.DISABLED)


def test_5_a_blip_at_the_limit_still_heals_itself() -> None:
    stage = healthy(a_spec(max_failures=1))
    stage.after(30).fails()
    stage.after(1).passes()
    assert (stage.status, stage.state.strikes) == (Status.RUNNING, 0)


def test_5_a_death_while_the_last_verdict_waits_for_confirmation_disables() -> None:
    stage = healthy(a_spec(max_failures=1))
    stage.after(30).fails()
    stage.after(1).exits()
    assert (stage.status, stage.does) == (Status.DISABLED, [])


def test_6_what_passes_while_it_is_disabled_keeps_its_strikes() -> None:
    stage = healthy(a_spec(max_failures=1))
    stage.after(30).fails()
    stage.after(60).fails()
    assert stage.status is Status.DISABLED
    stage.after(1).passes()
    assert stage.state.strikes == 1


def test_5_failed_starts_reach_the_limit_too() -> None:
    stage = healthy(LIMITED)
    stage.exits()
    dead = stage.container
    for _ in range(2):
        stage.ends(Result.FAILED, dead)
        if stage.state.enabled:
            stage.wake()
    assert stage.status is Status.DISABLED


def test_5_who_keeps_trying_retries_at_the_cap_for_ever() -> None:
    stage = healthy(a_spec(max_failures=3, on_max_failures="keep_trying"))
    assert crash_loop(stage, 30)[-20:] == [60] * 20


def limit_reached() -> Stage:
    stage = healthy(a_spec(max_failures=3, retry_disabled_after=600.0))
    crash_loop(stage, 10)
    assert stage.status is Status.DISABLED
    return stage


def test_5_one_trial_is_made_later_and_one_more_failure_disables_again() -> None:
    stage = limit_reached()
    assert stage.decision.wake_at == stage.now.moment + 600
    stage.wake()
    assert (stage.told, stage.does) == ([Message.ENABLED, Message.RESTARTING], [ActionKind.START])
    stage.restarts()
    stage.after(1).exits()
    assert stage.status is Status.DISABLED
    assert stage.decision.wake_at == stage.now.moment + 600


def test_5_a_trial_that_works_stays() -> None:
    stage = limit_reached()
    stage.wake()
    stage.restarts()
    stage.after(1).passes()
    stage.after(60).passes()
    assert (stage.status, stage.state.strikes) == (Status.RUNNING, 0)


def test_5_a_trial_restarts_what_runs_and_fails() -> None:
    stage = limit_reached()
    stage.starts()
    stage.after(GRACE).fails()
    stage.after(600).turn()
    assert (stage.told, stage.does) == ([Message.ENABLED, Message.RESTARTING], [ActionKind.RESTART])
    assert stage.state.attempt is not None


def test_5_a_trial_does_not_restart_what_became_healthy() -> None:
    stage = limit_reached()
    stage.starts()
    stage.after(GRACE).passes()
    stage.after(600).turn()
    assert (stage.status, stage.does) == (Status.STARTING, [])
    stage.after(1).passes()
    assert stage.status is Status.RUNNING


def test_5_a_trial_waits_for_the_dependency() -> None:
    stage = limit_reached()
    stage.unmet = ("db",)
    stage.after(600).turn()
    assert (stage.status, stage.does) == (Status.DISABLED, [])
    stage.unmet = ()
    stage.turn()
    assert stage.does == [ActionKind.START]


def test_5_there_is_no_trial_of_what_a_person_disabled() -> None:
    stage = limit_reached()
    stage.turn(command=Disable("ann"))
    assert stage.told == [Message.DISABLED]
    stage.after(86_400).turn()
    assert (stage.status, stage.does) == (Status.DISABLED, [])


# --- 7: grace -----------------------------------------------------------------------------------------------


def test_7_grace_counts_from_the_engines_start_time_whoever_started_it() -> None:
    stage = healthy()
    stage.looks(stage.new_run(started_at=stage.now.wall - 4))
    assert stage.state.grace_ends == stage.now.moment + GRACE - 4


def test_7_the_first_pass_ends_grace() -> None:
    stage = starting()
    stage.passes()
    stage.after(1).fails()
    assert stage.status is Status.UNHEALTHY


def test_7_a_container_found_long_after_its_start_has_no_grace_left() -> None:
    stage = undiscovered()
    stage.starts(started_at=WALL - 3600)
    stage.after(0.1).fails()
    assert stage.status is Status.UNHEALTHY


# --- 8: a restart is verified -------------------------------------------------------------------------------


def test_8_a_restart_is_completed_by_a_pass_and_not_by_the_engines_answer() -> None:
    stage = restarting()
    stage.restarts()
    assert Message.RESTART_COMPLETED not in stage.told
    stage.after(1).passes()
    assert stage.told == [Message.RESTART_COMPLETED, Message.RECOVERED]
    assert "verified: HTTP 200" in stage.decision.events[0].cause


def test_8_a_failed_start_is_a_failure_in_the_engines_words_and_is_tried_again() -> None:
    stage = restarting()
    dead = stage.seen(state=ContainerState.EXITED, exit_code=137, error="bind source is missing")
    stage.after(5).ends(Result.FAILED, dead, "bind source is missing")
    assert (stage.told, stage.status) == ([Message.RESTART_FAILED], Status.STOPPED)
    assert "bind source is missing" in stage.state.reason
    assert (stage.state.strikes, stage.waits) == (2, 4)
    stage.wake()
    assert stage.does == [ActionKind.START]
    stage.restarts()
    stage.after(1).passes()
    assert stage.status is Status.RUNNING


def test_8_a_container_that_could_never_be_started_is_tried_again() -> None:
    stage = undiscovered()
    never = stage.seen(state=ContainerState.CREATED, started_at=None, error="bind source is missing")
    stage.looks(never)
    assert stage.does == [ActionKind.START]
    for wait in (2, 4, 8):
        stage.ends(Result.FAILED, replace(never, error=""))
        assert stage.waits == wait
        stage.wake()
        assert stage.does == [ActionKind.START]


def test_8_a_container_that_was_only_created_is_left_to_its_creator() -> None:
    stage = healthy()
    stage.looks(None)
    stage.looks(stage.seen(container_id="c2", state=ContainerState.CREATED, started_at=None, exit_code=0))
    assert (stage.status, stage.does) == (Status.STOPPED, [])
    assert "never started" in stage.state.reason


def test_8_a_restart_interrupted_between_stop_and_start_is_finished() -> None:
    stage = restarting()
    stage.ends(Result.UNKNOWN, stage.seen(state=ContainerState.EXITED, exit_code=143))
    assert (stage.does, stage.told) == ([ActionKind.START], []), "people were told of this restart already"
    assert "interrupted restart" in stage.decision.actions[0].cause
    stage.restarts()
    stage.after(1).passes()
    assert [message for message in stage.announced if message in EVENTS_OF_AN_END] == [Message.RESTART_COMPLETED]
    assert stage.state.strikes == 1


@pytest.mark.parametrize("hindrance", ["dependency", "engine's policy"])
def test_8_an_interrupted_restart_is_not_finished_against_what_hinders_it(hindrance: str) -> None:
    stage = restarting()
    stage.unmet = ("db",) if hindrance == "dependency" else ()
    state = ContainerState.EXITED if hindrance == "dependency" else ContainerState.RESTARTING
    stage.ends(Result.UNKNOWN, stage.seen(state=state, exit_code=143))
    assert (stage.does, stage.status) == ([], Status.STOPPED)
    stage.unmet = ()
    stage.turns_into(ContainerState.EXITED)
    assert stage.does == [ActionKind.START]


def test_8_a_restart_that_did_not_happen_is_a_failure() -> None:
    stage = restarting()
    stage.after(60).ends(Result.UNKNOWN, stage.seen())
    assert (stage.does, stage.told, stage.state.strikes) == ([], [Message.RESTART_FAILED], 2)
    assert "did not happen" in stage.decision.events[0].cause
    assert stage.waits == 4


def test_8_a_restart_whose_end_nobody_told_has_its_stop_time_out_before_it_is_judged() -> None:
    stage = restarting()
    stage.after(1).ends(Result.UNKNOWN, stage.seen(), "cancelled")
    for answer in (stage.passes, stage.fails):
        stage.after(5)
        answer()
        assert (stage.does, stage.told, stage.state.strikes) == ([], [], 1), "neither an end nor another failure"
    assert "may still be stopping it" in stage.state.reason
    stage.wake()
    assert (stage.told, stage.state.strikes, stage.waits) == ([Message.RESTART_FAILED], 2, 4)


def test_8_a_restart_that_the_engine_finishes_after_we_lost_sight_of_it_is_verified() -> None:
    stage = restarting()
    stage.after(1).ends(Result.UNKNOWN, stage.seen(), "cancelled")
    stage.after(9).starts()
    stage.after(1).passes()
    assert [message for message in stage.announced if message in EVENTS_OF_AN_END] == [Message.RESTART_COMPLETED]
    assert (stage.state.restart_count, stage.state.strikes) == (1, 1)


def test_8_a_container_that_is_down_before_the_patience_ends_is_started_at_once() -> None:
    stage = restarting()
    stage.after(1).ends(Result.UNKNOWN, stage.seen(), "cancelled")
    stage.after(9).exits(137)
    assert (stage.does, stage.told) == ([ActionKind.START], [])


def test_8_an_engine_that_answered_is_not_waited_for() -> None:
    stage = restarting()
    stage.after(1).ends(Result.DONE, stage.seen())
    assert stage.told == [Message.RESTART_FAILED]


def test_8_an_engine_that_says_done_while_nothing_changes_is_not_asked_without_pause() -> None:
    stage = restarting()
    waits = []
    for _ in range(5):
        stage.after(1).ends(Result.DONE, stage.seen())
        waits.append(stage.waits)
        stage.after(0.5).fails()
        stage.wake()
    assert waits == [4, 8, 16, 32, 60]


def test_8_after_a_failure_without_a_look_the_next_look_decides() -> None:
    stage = restarting()
    running = stage.seen()
    stage.after(60).ends(Result.FAILED, UNSEEN, "internal error")
    assert (stage.told, stage.state.strikes) == ([], 1)
    stage.looks(running)
    assert (stage.told, stage.state.strikes) == ([Message.RESTART_FAILED], 2)
    assert "internal error" in stage.decision.events[0].cause


def test_8_a_restart_that_the_engine_called_failed_and_did_is_verified_like_any_other() -> None:
    stage = restarting()
    stage.after(5).ends(Result.FAILED, stage.new_run(), "HTTP 500: already in progress")
    assert (stage.status, stage.state.strikes, stage.state.restart_count) == (Status.STARTING, 1, 1)
    stage.after(1).passes()
    assert stage.told[0] is Message.RESTART_COMPLETED


def test_8_a_container_that_dies_during_its_start_is_counted_once() -> None:
    stage = stopped()
    stage.wake()
    stage.ends(Result.DONE, replace(stage.new_run(), state=ContainerState.EXITED, exit_code=1))
    assert (stage.told, stage.state.strikes) == ([Message.RESTART_FAILED, Message.STOPPED], 3)
    assert stage.state.restart_count == 2


@pytest.mark.parametrize(
    "state", [ContainerState.PAUSED, ContainerState.REMOVING], ids=["paused meanwhile", "removed meanwhile"]
)
def test_8_what_a_person_does_during_a_restart_is_no_failure_of_the_service(state: ContainerState) -> None:
    stage = restarting()
    stage.after(5).ends(Result.FAILED, stage.seen(state=state))
    assert (stage.told, stage.state.strikes, stage.does) == ([Message.RESTART_FAILED], 1, [])


@pytest.mark.parametrize("state", [None, ContainerState.RUNNING, ContainerState.CREATED])
def test_8_a_container_replaced_during_a_restart_is_no_failure_of_the_service(state: ContainerState | None) -> None:
    stage = restarting()
    replacement = stage.new_run(container_id="c2")
    look = None if state is None else replace(replacement, state=state)
    stage.after(5).ends(Result.FAILED, look, "no such container")
    assert stage.state.strikes == 1
    assert [message for message in stage.told if message in EVENTS_OF_AN_END] == [Message.RESTART_FAILED]
    stage.looks(replace(replacement, started_at=stage.now.wall))
    stage.after(1).passes()
    assert stage.status is Status.RUNNING


def test_8_an_outcome_of_another_action_is_ignored() -> None:
    stage = restarting()
    before = stage.state
    stage.turn(outcome=Outcome("another", Result.FAILED, "no such device"))
    assert (stage.state, stage.told, stage.does) == (before, [], [])


def test_8_an_outcome_told_twice_counts_once() -> None:
    stage = restarting()
    assert stage.state.attempt is not None
    late = Outcome(stage.state.attempt.action_id, Result.FAILED, "no such device")
    stage.restarts()
    before = stage.state
    stage.turn(outcome=late)
    assert (stage.state, stage.told) == (before, [])


# --- 10: the engine's own policy goes first -----------------------------------------------------------------


@pytest.mark.parametrize("restart_policy", ["always", "unless-stopped", "on-failure"])
def test_10_a_death_is_left_to_the_engines_policy_for_a_moment(restart_policy: str) -> None:
    stage = healthy()
    stage.exits(restart_policy=restart_policy)
    assert (stage.does, stage.waits, stage.state.strikes) == ([], 2, 1)
    stage.after(0.3).starts(restart_count=1)
    assert (stage.does, stage.state.strikes, stage.status) == ([], 1, Status.STARTING)


def test_10_an_unhealthy_container_that_dies_is_left_to_the_engines_policy_too() -> None:
    stage = unhealthy()
    stage.after(10).exits(restart_policy="always")
    assert (stage.does, stage.waits) == ([], 2)


def test_10_what_stays_down_is_started() -> None:
    stage = healthy()
    stage.exits(restart_policy="always")
    stage.wake()
    assert stage.does == [ActionKind.START]


def test_10_a_container_between_two_runs_is_the_engines() -> None:
    stage = healthy()
    stage.looks(stage.seen(state=ContainerState.RESTARTING, exit_code=1, restart_policy="always"))
    assert (stage.status, stage.state.strikes) == (Status.STOPPED, 1)
    stage.after(3600).turn()
    assert stage.does == []
    assert "the engine restarts it" in stage.state.reason


def test_10_a_death_between_two_looks_is_counted() -> None:
    stage = healthy(a_spec(max_failures=3))
    for count in (1, 2):
        stage.after(1).starts(restart_count=count, restart_policy="always")
        assert (stage.state.strikes, stage.status, stage.does) == (count, Status.STARTING, [])
    stage.after(1).starts(restart_count=3, restart_policy="always")
    assert stage.status is Status.DISABLED


def test_10_a_death_between_two_looks_ends_the_restart_that_it_followed() -> None:
    stage = restarting()
    stage.restarts()
    stage.after(1).starts(restart_count=1, restart_policy="always")
    assert stage.told[0] is Message.RESTART_FAILED
    stage.after(1).passes()
    assert Message.RESTART_COMPLETED not in stage.announced


def test_10_a_crash_loop_of_the_engines_making_counts_nothing_while_the_dependency_is_away() -> None:
    stage = healthy(a_spec(max_failures=3))
    stage.unmet = ("db",)
    for count in range(1, 20):
        stage.after(1).starts(restart_count=count, restart_policy="always")
    assert (stage.status, stage.state.strikes) == (Status.STARTING, 0)


def test_10_a_restart_from_outside_is_no_failure() -> None:
    stage = healthy()
    stage.after(1).starts()
    assert (stage.state.strikes, stage.told) == (0, [Message.NEW_RUN])
    assert stage.decision.events[0].cause == "from outside"


def test_10_a_late_restart_by_the_engine_is_told_as_such() -> None:
    stage = healthy()
    stage.exits(restart_policy="always")
    stage.after(1).starts(restart_count=1)
    assert stage.decision.events[0].cause == "by the engine's own policy"


def test_a_recreated_container_keeps_its_history_and_loses_what_was_due() -> None:
    stage = stopped()
    strikes = stage.state.strikes
    stage.looks(stage.seen(container_id="c2", state=ContainerState.CREATED, started_at=None, exit_code=0))
    assert (stage.does, stage.waits, stage.state.strikes) == ([], None, strikes)
    stage.after(1).starts()
    assert stage.status is Status.STARTING


def test_a_recreated_container_that_runs_is_told_as_recreated() -> None:
    stage = healthy()
    stage.after(1).starts(container_id="c2")
    assert stage.decision.events[0].cause == "recreated as c2"


def test_a_container_the_engine_failed_to_remove_is_not_started() -> None:
    stage = healthy()
    stage.turns_into(ContainerState.DEAD)
    stage.after(3600).turn()
    assert (stage.status, stage.does) == (Status.STOPPED, [])
    assert "remove it by force" in stage.state.reason


# --- 11: a manual stop --------------------------------------------------------------------------------------

RESPECTFUL = a_spec(on_manual_stop="respect")


def test_11_by_default_what_was_stopped_by_hand_is_started_again() -> None:
    stage = healthy()
    stage.stop_requested = True
    stage.exits(143)
    assert stage.does == [ActionKind.START]


def test_11_a_stop_by_hand_is_respected_when_configured() -> None:
    stage = healthy(RESPECTFUL)
    stage.stop_requested = True
    stage.exits(143)
    stage.after(86_400).turn()
    assert (stage.does, stage.status, stage.state.strikes) == ([], Status.STOPPED, 0)
    assert stage.state.stopped_by == "stopped by hand"


def test_11_the_news_of_the_stop_may_come_after_the_death() -> None:
    stage = healthy(RESPECTFUL)
    stage.exits(143)
    assert (stage.does, stage.waits, stage.state.strikes) == ([], 1, 1)
    stage.stop_requested = True
    stage.after(0.3).turn()
    assert (stage.does, stage.state.strikes, stage.state.failure_count) == ([], 0, 0)
    stage.after(86_400).turn()
    assert stage.does == []


def test_11_the_news_of_a_stop_takes_back_no_failure_that_was_none_of_it() -> None:
    stage = stopped(RESPECTFUL)
    stage.wake()
    stage.ends(Result.FAILED, stage.seen())
    strikes = stage.state.strikes
    stage.stop_requested = True
    stage.after(0.3).turn()
    assert stage.state.strikes == strikes - 1, "the death is taken back, the failed start stays"


def test_11_a_death_that_nobody_asked_for_is_healed() -> None:
    stage = healthy(RESPECTFUL)
    stage.exits(1)
    stage.wake()
    assert stage.does == [ActionKind.START]


def test_11_what_a_person_starts_again_is_healed_again() -> None:
    stage = healthy(RESPECTFUL)
    stage.stop_requested = True
    stage.exits(143)
    stage.stop_requested = False
    stage.after(60).starts()
    stage.after(1).passes()
    stage.after(60).exits(1)
    stage.wake()
    assert stage.does == [ActionKind.START]


# --- 12: jobs -----------------------------------------------------------------------------------------------

JOB = ServiceSpec("migrate", "Migrate", kind=Kind.JOB)


@pytest.mark.parametrize("spec", [JOB, replace(JOB, kind=Kind.INFERRED)])
def test_12_a_job_that_exits_0_is_complete(spec: ServiceSpec) -> None:
    stage = healthy(spec)
    stage.exits(0)
    assert (stage.status, stage.does, stage.told) == (Status.STOPPED, [], [Message.COMPLETED])
    assert stage.state.completed
    stage.after(86_400).turn()
    assert stage.does == []


def test_12_a_job_that_fails_is_run_again_and_may_then_complete() -> None:
    stage = healthy(JOB)
    stage.exits(1)
    assert stage.does == [ActionKind.START]
    stage.restarts()
    stage.after(1).exits(0)
    assert stage.state.completed
    assert stage.state.strikes == 0


def test_12_a_job_too_short_to_be_seen_running_completes_its_restart() -> None:
    stage = healthy(JOB)
    stage.exits(1)
    stage.ends(Result.DONE, replace(stage.new_run(), state=ContainerState.EXITED, exit_code=0))
    assert stage.told == [Message.RESTART_COMPLETED, Message.COMPLETED]


def test_12_a_job_run_again_from_outside_is_judged_anew() -> None:
    stage = healthy(JOB)
    stage.exits(0)
    stage.after(60).starts()
    assert not stage.state.completed
    stage.exits(0)
    assert stage.told == [Message.COMPLETED]


def test_12_a_job_whose_restart_got_half_way_is_not_complete() -> None:
    stage = healthy(JOB)
    stage.turn(command=Restart("ann"))
    stage.ends(Result.UNKNOWN, stage.seen(state=ContainerState.EXITED, exit_code=0))
    assert (stage.does, stage.state.completed) == ([ActionKind.START], False)


def test_12_a_service_that_exits_0_is_stopped_and_healed() -> None:
    stage = healthy()
    stage.exits(0)
    assert (stage.status, stage.does) == (Status.STOPPED, [ActionKind.START])


def test_12_what_serves_something_is_no_job() -> None:
    stage = undiscovered(replace(JOB, kind=Kind.INFERRED))
    stage.starts(ports=(PublishedPort(80, 8080),))
    stage.exits(0)
    assert stage.does == [ActionKind.START]


UNDECLARED = a_spec(kind=Kind.INFERRED)


def test_12_what_nobody_declared_and_was_found_stopped_is_left_so_until_somebody_starts_it() -> None:
    stage = undiscovered(UNDECLARED)
    stage.exits(137)
    assert (stage.status, stage.does) == (Status.STOPPED, [])
    assert "until somebody starts it" in stage.state.reason
    stage.after(1).starts()
    stage.after(1).passes()
    assert stage.status is Status.RUNNING
    stage.after(1).exits(1)
    assert stage.does == [ActionKind.START]


@pytest.mark.parametrize("policy", ["always", "unless-stopped"])
def test_12_what_the_engine_would_start_is_started_also_when_it_was_found_stopped(policy: str) -> None:
    stage = undiscovered(UNDECLARED)
    stage.exits(137, restart_policy=policy)
    assert stage.does == [ActionKind.START]


def test_12_a_job_found_complete_is_complete_also_when_nobody_declared_it() -> None:
    stage = undiscovered(replace(JOB, kind=Kind.INFERRED))
    stage.exits(0)
    assert (stage.state.completed, stage.state.stopped_by) == (True, None)


# --- 13: never ----------------------------------------------------------------------------------------------

OBSERVED = a_spec(observe_only="owned by systemd")


def test_13_what_is_only_observed_is_shown_and_never_acted_on() -> None:
    stage = healthy(OBSERVED)
    stage.after(30).fails()
    assert (stage.status, stage.told) == (Status.UNHEALTHY, [Message.HEALTH_CHECK_FAILED])
    for _ in range(10):
        stage.after(3600).fails()
        assert stage.does == []
    stage.exits()
    assert (stage.status, stage.does) == (Status.STOPPED, [])
    stage.after(1).starts(restart_count=7)
    assert (stage.status, stage.does, stage.state.strikes) == (Status.STARTING, [], 0)
    stage.after(1).passes()
    stage.after(1).starts(restart_count=8)
    assert (stage.does, stage.state.strikes) == ([], 0)


def test_13_who_comes_to_be_only_observed_while_a_restart_is_due_is_not_restarted() -> None:
    stage = unhealthy()
    stage.spec = OBSERVED
    stage.after(60).fails()
    assert stage.does == []


# --- 18: events ---------------------------------------------------------------------------------------------


def test_18_a_failing_service_is_told_once_and_not_each_cycle() -> None:
    stage = unhealthy()
    stage.unmet = ("db",)
    for _ in range(20):
        stage.after(30).fails()
    assert stage.announced[-2:] == [Message.HEALTH_CHECK_FAILED, Message.WAITING]


def test_18_the_event_of_a_service_that_waits_names_the_cause() -> None:
    stage = healthy()
    stage.unmet = ("db",)
    stage.after(30).fails()
    assert stage.decision.events[0].cause == "waiting for db: HTTP 500"


def test_18_every_event_carries_its_cause() -> None:
    stage = limit_reached()
    stage.turn(command=Enable("ann"))
    assert all(event.cause for event in stage.decision.events)


def test_where_the_engines_own_health_is_the_check_it_decides() -> None:
    stage = undiscovered(ServiceSpec("web", "Web"))
    stage.starts(health=EngineHealth("starting"))
    assert stage.told == [Message.DISCOVERED]
    assert stage.decision.probe_every == 0.5
    stage.passes()
    assert stage.status is Status.RUNNING
