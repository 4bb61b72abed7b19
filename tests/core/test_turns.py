"""While the engine is busy with others: due, and not yet acted on; nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.messages import Companion, Disable, Message, Restart, Start
from orchestrator.core.model import ActionKind, ContainerState, Run, Status
from tests.core.stage import Stage, a_spec, disabled, healthy, restarting, stopped, unhealthy


def waits(stage: Stage) -> bool:
    return stage.decision.due and not stage.does and stage.told == []


def test_what_died_is_started_when_its_turn_comes() -> None:
    stage = healthy()
    stage.crowded = True
    stage.exits()
    assert (stage.decision.due, stage.does, stage.told) == (True, [], [Message.STOPPED])
    stage.after(300).turn()
    assert waits(stage)
    stage.crowded = False
    stage.after(1).turn()
    assert (stage.decision.due, stage.does, stage.told) == (False, [ActionKind.START], [Message.RESTARTING])


def test_what_is_ill_is_restarted_when_its_turn_comes() -> None:
    stage = unhealthy()
    stage.crowded = True
    stage.after(1).fails()
    stage.wake()
    assert waits(stage)
    stage.crowded = False
    stage.after(60).turn()
    assert stage.does == [ActionKind.RESTART]


def test_what_recovers_while_it_waits_is_not_restarted() -> None:
    stage = unhealthy()
    stage.crowded = True
    stage.after(1).fails()
    stage.wake()
    stage.after(1).passes()
    assert (stage.decision.due, stage.does, stage.status) == (False, [], Status.RUNNING)


def test_what_its_backoff_keeps_down_is_not_due() -> None:
    stage = stopped()
    stage.crowded = True
    stage.turn()
    assert not stage.decision.due
    stage.wake()
    assert waits(stage)


def test_a_person_does_not_wait() -> None:
    stage = stopped()
    stage.crowded = True
    assert stage.turn(command=Start("ann")).actions
    stage = unhealthy()
    stage.crowded = True
    assert stage.turn(command=Restart("ann")).actions


def test_what_a_person_forbids_while_it_waits_is_not_due_any_more() -> None:
    stage = healthy()
    stage.crowded = True
    stage.exits()
    stage.turn(command=Disable("ann"))
    assert not stage.decision.due


def test_the_second_half_of_a_restart_waits_too() -> None:
    stage = restarting()
    half = stage.seen(state=ContainerState.EXITED, exit_code=137)
    stage.crowded = True
    assert stage.state.attempt is not None
    stage.state = replace(stage.state, attempt=replace(stage.state.attempt, in_flight=False, patience_ends=None))
    stage.after(120).looks(half)
    if not stage.decision.due:
        stage.wake()
    assert waits(stage)
    stage.crowded = False
    stage.after(1).turn()
    assert stage.does == [ActionKind.START]
    assert Message.RESTARTING not in stage.told, "people know of it"


def test_a_restart_with_another_is_owed_until_its_turn_comes() -> None:
    stage = healthy()
    assert stage.state.run is not None
    stage.companions = (Companion("vpn", Run("v1", stage.state.run.started_at - 3600)),)
    stage.turn()
    stage.crowded = True
    stage.companions = (Companion("vpn", Run("v1", stage.now.wall)),)
    stage.after(1).turn()
    assert waits(stage)
    stage.crowded = False
    stage.after(60).turn()
    assert stage.does == [ActionKind.RESTART]


def test_the_one_trial_after_the_limit_waits_for_its_turn() -> None:
    stage = disabled(a_spec(retry_disabled_after=600.0))
    stage.fails()
    stage.state = replace(stage.state, disabled_by="max_failures", healthy_since=None)
    stage.crowded = True
    stage.after(700).turn()
    assert waits(stage)
    assert stage.status is Status.DISABLED
    stage.crowded = False
    stage.after(1).turn()
    assert stage.does == [ActionKind.RESTART]
