"""A dry run decides as ever, tells once what it would do, and does none of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.decide import decide
from orchestrator.core.messages import (
    Command,
    Companion,
    Disable,
    Down,
    Enable,
    Facts,
    Hold,
    Message,
    Restart,
    Severed,
    Start,
    Stop,
    Up,
)
from orchestrator.core.model import (
    ActionKind,
    Attempt,
    ContainerState,
    ContainerSummary,
    Instant,
    Run,
    ServiceState,
    Status,
    Tie,
)
from tests.core.stage import WALL, Stage, a_spec, healthy, unhealthy
from tests.core.values import any_of

SHARES = (Tie("network", "c0"),)


def dry(stage: Stage) -> Stage:
    stage.dry_run = True
    return stage


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_of(Facts), any_of(ServiceState), st.booleans())
def test_whatever_is_seen_nothing_is_ordered(facts: Facts, state: ServiceState, recreate: bool) -> None:
    spec = a_spec(recreate=recreate, take_over=True, retry_disabled_after=5.0)
    assert decide(spec, state, replace(facts, dry_run=True), Instant(1000.0, WALL)).actions == ()


def test_what_fails_and_is_confirmed_would_be_restarted_and_that_is_told_once() -> None:
    stage = dry(unhealthy())
    stage.after(1).fails()
    stage.wake()
    assert stage.told == [Message.WOULD_RESTART]
    assert stage.decision.withheld == (ActionKind.RESTART,)
    assert stage.state.reason == "dry run, would restart: HTTP 500; confirmed by 1 more check in 2.0 s"
    for _ in range(20):
        stage.after(30).fails()
        assert stage.told == []
        assert not stage.decision.withheld
        assert stage.state.reason.startswith("dry run, would restart: HTTP 500")
    assert (stage.state.restart_count, stage.state.strikes, stage.state.attempt) == (0, 1, None)


def test_what_is_down_would_be_started_and_nothing_is_counted_as_if_it_had_been() -> None:
    stage = dry(healthy())
    stage.exits()
    assert stage.told == [Message.STOPPED, Message.WOULD_START]
    stage.after(3600).turn()
    assert stage.told == []
    assert (stage.status, stage.state.restart_count, stage.state.strikes) == (Status.STOPPED, 0, 1)
    assert stage.state.last_restart_at is None


def test_it_is_told_anew_after_it_was_well() -> None:
    stage = dry(healthy())
    stage.exits()
    stage.after(10).starts()
    stage.passes()
    assert stage.state.withheld == ()
    stage.after(100).exits()
    if not stage.decision.withheld:
        stage.wake()
    assert stage.decision.withheld == (ActionKind.START,)


@pytest.mark.parametrize("command", [Restart("ann"), Start("ann"), Stop("ann"), Up("ann"), Down("ann")])
def test_what_would_change_a_container_is_refused(command: Command) -> None:
    stage = dry(healthy())
    before = stage.state
    reply = stage.turn(command=command).reply
    assert reply is not None
    assert (reply.accepted, reply.conflict) == (False, "dry_run")
    verb = type(command).__name__.lower()
    assert reply.message == f"web is not asked to {verb}: this is a dry run, which changes nothing"
    assert stage.state == before


@pytest.mark.parametrize("command", [Disable("ann"), Enable("ann"), Hold("ann", 60.0)])
def test_what_only_concerns_the_orchestrator_is_obeyed(command: Command) -> None:
    reply = dry(healthy()).turn(command=command).reply
    assert reply is not None
    assert reply.accepted


def test_a_request_that_an_earlier_process_left_is_not_carried_out_and_not_forgotten() -> None:
    stage = dry(healthy())
    stage.state = replace(stage.state, stopped_by="stopped by ann", leaving="in_order")
    stage.turn()
    assert stage.told == [Message.WOULD_STOP]
    assert (stage.state.stopped_by, stage.state.leaving) == ("stopped by ann", "in_order")
    down = dry(healthy())
    down.state = replace(down.state, wanted_by="ann")
    down.exits(0)
    assert down.told == [Message.STOPPED, Message.WOULD_START]
    assert down.state.wanted_by == "ann"


def test_a_restart_that_waited_for_its_lane_ends_as_failed() -> None:
    stage = healthy(a_spec(lane="gpu"))
    run = stage.state.run
    queued = Attempt("web-1", ActionKind.RESTART, False, "HTTP 500", run, in_flight=False, queued=True)
    stage.state = replace(stage.state, attempt=queued)
    dry(stage).turn()
    assert stage.told == [Message.RESTART_FAILED]
    assert stage.state.attempt is None


def test_a_crash_loop_would_be_taken_over_and_is_told_once() -> None:
    stage = dry(healthy(a_spec(take_over=True, backoff_base=0.0)))
    for _ in range(6):
        stage.looks(stage.seen(state=ContainerState.RESTARTING, restart_policy="always", exit_code=1))
        stage.after(1).starts(restart_policy="always", restart_count=stage.state.engine_restarts + 1)
        stage.after(1)
    assert stage.announced.count(Message.WOULD_RESTART) == 1
    assert not stage.state.taken_over


def test_a_recreation_is_withheld_and_what_one_left_half_done_is_still_observed() -> None:
    stage = dry(healthy(a_spec(recreate=True)))
    stage.severed = Severed(("c0",), ("vpn",), ("vpn-1",), (("c0", "c9"),))
    stage.looks(stage.seen(ties=SHARES))
    assert Message.WOULD_RECREATE in stage.told
    stage.severed = None
    stage.leftover = ContainerSummary("c8", "web-1.old", "web:1", ContainerState.EXITED, WALL)
    stage.after(1).looks(None)
    assert stage.status is Status.NOT_FOUND


def test_what_follows_a_companion_would_be_restarted_once() -> None:
    stage = dry(healthy(a_spec(restart_with=("db",))))
    stage.companions = (Companion("db", Run("d1", WALL)),)
    stage.turn()
    stage.companions = (Companion("db", Run("d1", stage.now.wall)),)
    stage.after(1).turn()
    assert stage.told == [Message.WOULD_RESTART]
