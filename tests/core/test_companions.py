"""Restarted after another service was, once, and only if its own run is older."""

from __future__ import annotations

from orchestrator.core.messages import Companion, Message, Result
from orchestrator.core.model import ActionKind, Run, TieKind
from tests.core.stage import Stage, disabled, healthy


def a_companion(stage: Stage, age: float, *, shared: TieKind | None = None) -> Companion:
    """``vpn``, whose run began ``age`` seconds ago."""
    return Companion("vpn", Run("v1", stage.now.wall - age), shared=shared)


def acquainted(*, shared: TieKind | None = None) -> Stage:
    """A healthy service and its companion, which began an hour before it."""
    stage = healthy()
    assert stage.state.run is not None
    older = Run("v1", stage.state.run.started_at - 3600)
    stage.companions = (Companion("vpn", older, shared=shared),)
    stage.turn()
    assert stage.does == []
    return stage


def test_it_is_restarted_once_after_its_companion_was() -> None:
    stage = acquainted()
    stage.after(60)
    stage.companions = (a_companion(stage, 1),)
    stage.turn()
    assert (stage.does, stage.told) == ([ActionKind.RESTART], [Message.RESTARTING])
    assert stage.decision.events[0].cause == "restarted with vpn, which was restarted"
    stage.after(1).restarts()
    stage.after(1).passes()
    assert (stage.does, stage.state.strikes) == ([], 0), "no failure of its own"
    stage.after(3600).passes()
    assert stage.does == []


def test_a_restart_that_fails_is_not_repeated_for_the_same_run_of_the_companion() -> None:
    stage = acquainted()
    stage.after(60)
    stage.companions = (a_companion(stage, 1),)
    stage.turn()
    stage.after(1).ends(Result.FAILED, stage.seen())
    stage.after(1).passes()
    assert stage.does == []


def test_one_that_began_after_its_companion_needs_no_restart() -> None:
    stage = acquainted()
    stage.after(60)
    stage.starts()
    stage.after(1).passes()
    stage.companions = (a_companion(stage, 30),)
    stage.after(1).turn()
    assert stage.does == []


def test_a_companion_seen_for_the_first_time_asks_for_nothing() -> None:
    stage = healthy()
    stage.companions = (a_companion(stage, 60),)
    stage.turn()
    assert stage.does == []


def test_a_shared_network_that_ended_is_repaired_whenever_it_is_seen() -> None:
    stage = healthy()
    stage.companions = (a_companion(stage, 60, shared="network"),)
    stage.turn()
    assert stage.does == [ActionKind.RESTART]
    assert stage.decision.events[0].cause == "its network ended when vpn was restarted"


def test_shared_memory_ends_with_its_owner_s_run_too() -> None:
    stage = healthy()
    stage.companions = (a_companion(stage, 60, shared="ipc"),)
    stage.turn()
    assert stage.decision.events[0].cause == "its shared memory ended when vpn was restarted"


def test_it_waits_until_it_may_be_acted_on() -> None:
    stage = acquainted()
    stage.after(60)
    stage.companions, stage.held = (a_companion(stage, 1),), "maintenance"
    stage.turn()
    assert stage.does == []
    stage.held = ""
    stage.after(60).turn()
    assert stage.does == [ActionKind.RESTART]


def test_a_disabled_one_is_left_alone() -> None:
    stage = disabled()
    stage.companions = (a_companion(stage, 1, shared="network"),)
    stage.turn()
    assert stage.does == []
