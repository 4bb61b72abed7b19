"""How a request ended: a service asked to run is well, one asked to stop is down; anything else is told as it is."""

from __future__ import annotations

import pytest

from orchestrator.core.ending import Ending, ending_of
from orchestrator.core.messages import UNSEEN, Command, Restart, Result, Start, Stop
from orchestrator.core.model import ContainerState
from tests.core.stage import Stage, disabled, healthy, unhealthy


def asked(stage: Stage, command: Command) -> Ending | None:
    """Right after it was accepted: what was told in that turn belongs to what went before."""
    decision = stage.after(1).turn(command=command)
    assert decision.reply is not None
    assert decision.reply.accepted
    return ending_of(command, (), stage.state, stage.container)


def ended(stage: Stage, command: Command) -> Ending | None:
    return ending_of(command, stage.decision.events, stage.state, stage.container)


def test_a_restart_has_ended_when_the_new_run_passes() -> None:
    stage, command = healthy(), Restart("ann")
    assert asked(stage, command) is None
    stage.after(1).ends(Result.DONE, stage.new_run(), "")
    assert ended(stage, command) is None
    stage.after(1).passes()
    assert ended(stage, command) == Ending(True, "asked for by ann; verified: HTTP 200")


@pytest.mark.parametrize("command", [Restart("ann"), Start("ann")])
def test_a_start_that_the_engine_refuses_has_failed_with_its_words(command: Command) -> None:
    stage = healthy()
    asked(stage, Stop("ann"))
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    asked(stage, command)
    stage.after(1).ends(Result.FAILED, stage.seen(), "no such device")
    assert ended(stage, command) == Ending(False, "Restart failed: start failed: no such device")


def test_a_restart_into_a_run_that_dies_has_failed() -> None:
    stage, command = healthy(), Restart("ann")
    asked(stage, command)
    stage.after(1).restarts()
    stage.after(1).exits(3)
    assert ended(stage, command) == Ending(False, "Restart failed: exited with code 3")


def test_a_start_of_what_is_well_has_ended_at_once() -> None:
    assert asked(healthy(), Start("ann")) == Ending(True, "it runs and is well")


def test_a_start_of_what_is_ill_waits_for_it_to_be_well() -> None:
    stage, command = unhealthy(), Start("ann")
    assert asked(stage, command) is None
    stage.after(1).passes()
    assert ended(stage, command) == Ending(True, "it runs and is well")


def test_a_start_that_arrives_while_the_container_goes_down_has_not_ended() -> None:
    stage = healthy()
    stage.turns_into(ContainerState.STOPPING)
    assert asked(stage, Start("ann")) is None


def test_a_stop_has_ended_when_the_container_is_down() -> None:
    stage, command = healthy(), Stop("ann")
    assert asked(stage, command) is None
    stage.after(1).ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    assert ended(stage, command) == Ending(True, "its container is down")


def test_a_stop_of_what_is_down_has_ended_at_once() -> None:
    stage = disabled()
    stage.exits()
    assert asked(stage, Stop("ann")) == Ending(True, "its container is down")


def test_a_stop_has_not_ended_while_nobody_can_look() -> None:
    stage, command = healthy(), Stop("ann")
    asked(stage, command)
    stage.after(1).ends(Result.UNKNOWN, UNSEEN)
    assert ended(stage, command) is None
    stage.container = UNSEEN
    assert ending_of(command, (), Stage().state, UNSEEN) is None


def test_a_stop_has_ended_when_the_container_is_removed() -> None:
    stage, command = healthy(), Stop("ann")
    asked(stage, command)
    stage.after(1).ends(Result.DONE, UNSEEN)
    stage.looks(None)
    assert ended(stage, command) == Ending(True, "its container is gone")


def test_a_stop_of_what_still_runs_has_failed() -> None:
    stage, command = healthy(), Stop("ann")
    asked(stage, command)
    stage.after(1).ends(Result.FAILED, stage.seen(), "permission denied")
    assert ended(stage, command) == Ending(False, "Stop failed: stop failed: permission denied")


def test_a_stop_has_not_ended_while_the_engine_is_at_it() -> None:
    stage = healthy()
    stage.turns_into(ContainerState.STOPPING)
    assert ending_of(Stop("ann"), (), stage.state, stage.container) is None
