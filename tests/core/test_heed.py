"""What was found out about a failure is told once, becomes the cause, and may be the reason to stop trying."""

from __future__ import annotations

from orchestrator.core.diagnosis import Diagnosis
from orchestrator.core.messages import Message, Restart
from orchestrator.core.model import ActionKind, Status
from tests.core.stage import DAY, a_spec, healthy, restarting, starting, stopped

FACT = Diagnosis("", "exited with code 1", "certain")
FULL = Diagnosis("disk_full", "a disk is full", "likely", "free space")
HOPELESS = Diagnosis("fails_identically", "exited with code 3: boom, 5 times in a row", "certain", "correct it", True)
NO_WAIT = a_spec(backoff_base=0.0)


def test_the_plain_fact_was_told_already() -> None:
    stage = stopped()
    before = stage.state
    assert stage.finds(FACT).events == ()
    assert stage.state == before


def test_what_is_more_is_told_with_how_sure_it_is_and_what_to_do() -> None:
    stage = stopped()
    (event,) = stage.finds(FULL).events
    assert event.message is Message.DIAGNOSED
    assert event.cause == "a disk is full (likely); free space"
    assert stage.state.reason.startswith("a disk is full; exited with code 1")


def test_without_a_remedy_none_is_told() -> None:
    stage = stopped()
    (event,) = stage.finds(Diagnosis("odd", "odd", "possible")).events
    assert event.cause == "odd (possible)"


def test_it_becomes_the_cause_of_the_restart_that_is_under_way() -> None:
    stage = restarting()
    stage.finds(FULL)
    assert stage.state.attempt is not None
    assert stage.state.attempt.cause.startswith("a disk is full; HTTP 500")
    stage.restarts()
    stage.after(1).passes()
    (completed,) = [event for event in stage.decision.events if event.message is Message.RESTART_COMPLETED]
    assert completed.cause.startswith("a disk is full; ")


def test_it_is_not_the_cause_of_what_a_person_asked_for() -> None:
    stage = healthy()
    stage.turn(command=Restart("ann"))
    assert stage.state.attempt is not None
    cause = stage.state.attempt.cause
    stage.finds(FULL)
    assert stage.state.attempt.cause == cause


def test_of_a_run_that_is_over_it_is_told_and_changes_nothing() -> None:
    stage = stopped()
    over = stage.state.run
    stage.wake()
    stage.restarts()
    reason = stage.state.reason
    assert stage.finds(HOPELESS, over).events[0].message is Message.DIAGNOSED
    assert (stage.status, stage.state.reason) == (Status.STARTING, reason)


def test_what_will_fail_again_in_the_same_way_is_not_tried_again() -> None:
    stage = stopped()
    stage.finds(HOPELESS)
    assert stage.told == [Message.DIAGNOSED, Message.FUTILE]
    assert (stage.status, stage.state.disabled_by) == (Status.DISABLED, "futile")
    assert stage.state.reason == "exited with code 3: boom, 5 times in a row; correct it"
    assert stage.after(DAY).turn().actions == ()


def test_a_start_that_is_under_way_already_is_let_happen() -> None:
    stage = healthy(NO_WAIT)
    stage.exits()
    assert stage.does == [ActionKind.START]
    stage.finds(HOPELESS)
    assert stage.status is Status.STOPPED
    assert stage.state.attempt is not None


def test_who_asked_to_keep_trying_keeps_trying() -> None:
    stage = stopped(a_spec(on_max_failures="keep_trying"))
    stage.finds(HOPELESS)
    assert stage.told == [Message.DIAGNOSED]
    assert stage.status is Status.STOPPED


def test_one_trial_is_given_later_where_that_is_configured() -> None:
    stage = stopped(a_spec(retry_disabled_after=600.0))
    stage.finds(HOPELESS)
    assert stage.status is Status.DISABLED
    stage.wake()
    assert stage.does == [ActionKind.START]


# --- what ran stably last ------------------------------------------------------------------------------------


def test_what_has_run_stably_is_remembered_and_no_sooner() -> None:
    stage = starting()
    stage.passes()
    assert stage.state.baseline is None
    stage.after(59).passes()
    assert stage.state.baseline is None
    stage.after(2).passes()
    assert stage.state.baseline is not None
    assert stage.state.baseline.image == "web:1"


def test_another_image_replaces_it_when_that_has_run_stably_too() -> None:
    stage = healthy()
    stage.after(10).starts(container_id="c2", image="web:2", image_id="2", configuration={"mounts": "m"})
    stage.after(1).passes()
    assert stage.state.baseline is not None
    assert stage.state.baseline.image == "web:1"
    stage.after(61).passes()
    assert (stage.state.baseline.image_id, stage.state.baseline.configuration) == ("2", (("mounts", "m"),))
