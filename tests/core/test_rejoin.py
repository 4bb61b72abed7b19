"""What joined the namespaces of containers that are gone: recreated where that is allowed, and never restarted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.messages import Message, Restart, Result, Severed, Start, Stop
from orchestrator.core.model import ActionKind, ContainerState, ContainerSummary, Kind, RunningCheck, Status, Tie
from orchestrator.core.policy import RESUME_AGAIN
from orchestrator.core.rejoin import REPLACES, SUFFIX, original_name, remedy
from tests.core.stage import BY_HTTP, Stage, a_spec, disabled, healthy, stopped

NETWORK = (Tie("volumes", "vols"), Tie("network", "v1"))
LOST = Severed(("v1",), ("vpn",), ("home-vpn-1",), (("v1", "v2"),))


def a_guest(*, recreate: bool = True) -> Stage:
    """Healthy in the network of ``vpn``, whose container is ``v1``."""
    stage = healthy(a_spec(recreate=recreate))
    stage.owners = (("v1", "vpn"),)
    stage.looks(stage.seen(ties=NETWORK))
    assert stage.does == []
    return stage


def cut_off(*, recreate: bool = True, severed: Severed = LOST) -> Stage:
    stage = a_guest(recreate=recreate)
    stage.owners, stage.severed = (), severed
    stage.after(1).turn()
    return stage


def left_over(stage: Stage) -> ContainerSummary:
    return ContainerSummary("c1", f"web-1{SUFFIX}", "web:1", ContainerState.EXITED, stage.now.wall - 100)


# --- whose namespaces it uses --------------------------------------------------------------------------------


def test_whose_namespace_it_uses_is_remembered_when_nothing_tells_it_any_more() -> None:
    assert cut_off().state.owners == (("v1", "vpn"),)


def test_what_it_does_not_use_any_more_is_forgotten() -> None:
    stage = a_guest()
    stage.owners = ()
    stage.looks(stage.new_run(container_id="c2", ties=(Tie("network", "v2"),)))
    assert stage.state.owners == ()


def test_what_took_the_place_of_another_one_and_lost_its_owner_before_it_was_seen_used_that_one_s_too() -> None:
    stage = a_guest()
    stage.owners, stage.severed = (), Severed(("v2",), ("vpn",))
    stage.looks(stage.new_run(container_id="c2", ties=(Tie("network", "v2"),)))
    assert stage.state.owners == (("v1", "vpn"),)


def test_what_was_created_in_the_place_of_another_one_uses_that_one_s_too() -> None:
    stage = a_guest()
    stage.owners = ()
    stage.looks(stage.new_run(container_id="c2", ties=(Tie("network", "v2"),), labels={REPLACES: "c1"}))
    assert stage.state.owners == (("v1", "vpn"),)


# --- recreating ----------------------------------------------------------------------------------------------


def test_it_is_recreated_though_it_reads_running_and_passed() -> None:
    stage = cut_off()
    assert stage.does == [ActionKind.RECREATE]
    assert stage.decision.actions[0].successors == (("v1", "v2"),)
    assert stage.told == [Message.SEVERED, Message.RESTARTING]
    assert stage.status is Status.UNHEALTHY
    stage.severed = None
    stage.after(3).ends(Result.DONE, stage.new_run(container_id="c2", ties=(Tie("network", "v2"),)))
    assert stage.told == [Message.NEW_RUN]
    stage.after(1).passes()
    assert stage.announced.count(Message.RESTART_COMPLETED) == 1
    assert Message.RESTART_FAILED not in stage.announced
    assert (stage.state.restart_count, stage.state.strikes, stage.state.severed) == (1, 0, False)


def test_a_service_without_a_check_is_recreated_as_well() -> None:
    stage = healthy(a_spec(recreate=True, health=replace(BY_HTTP, check=RunningCheck())))
    stage.severed = LOST
    stage.looks(stage.seen(ties=NETWORK))
    assert stage.does == [ActionKind.RECREATE]


def test_what_is_down_is_recreated_and_not_started() -> None:
    stage = a_guest()
    stage.severed = LOST
    stage.exits()
    assert stage.does == [ActionKind.RECREATE]


@pytest.mark.parametrize("look", ["back", "gone"])
def test_one_that_fails_waits_its_backoff_and_gives_up_at_the_limit(look: str) -> None:
    stage = cut_off()
    for _ in range(9):
        stage.after(1).ends(Result.FAILED, stage.seen(state=ContainerState.EXITED, exit_code=137))
        assert stage.does == []
        stage.wake()
        assert stage.does == [ActionKind.RECREATE]
    stage.after(1).ends(Result.FAILED, None if look == "gone" else stage.seen())
    assert stage.status is (Status.NOT_FOUND if look == "gone" else Status.DISABLED)
    assert stage.announced.count(Message.RESTART_FAILED) == 10
    assert stage.announced.count(Message.SEVERED) == 1


def test_one_that_never_happened_is_a_failure() -> None:
    stage = cut_off()
    stage.after(1).ends(Result.UNKNOWN, stage.seen())
    assert Message.RESTART_FAILED in stage.told
    assert stage.does == []
    stage.wake()
    assert stage.does == [ActionKind.RECREATE]


def test_it_waits_until_something_runs_in_its_owner_s_place() -> None:
    stage = cut_off(severed=replace(LOST, successors=()))
    assert stage.does == []
    stage.severed = LOST
    stage.after(60).turn()
    assert stage.does == [ActionKind.RECREATE]


def test_it_waits_while_it_is_held() -> None:
    stage = a_guest()
    stage.severed, stage.held = LOST, "maintenance"
    stage.turn()
    assert stage.does == []
    assert stage.state.reason.startswith("held: maintenance: its network ended")
    stage.held = ""
    stage.after(5).turn()
    assert stage.does == [ActionKind.RECREATE]


# --- not allowed ---------------------------------------------------------------------------------------------


def test_without_leave_it_says_once_what_to_run_and_does_nothing() -> None:
    stage = cut_off(recreate=False)
    assert (stage.does, stage.told) == ([], [Message.SEVERED])
    assert "docker rm -f web-1" in stage.decision.events[0].cause
    assert "--network=container:home-vpn-1" in stage.state.reason
    for _ in range(5):
        stage.after(600).fails()
        assert (stage.does, stage.told, stage.status) == ([], [], Status.UNHEALTHY)
    assert stage.state.strikes == 0


def test_compose_s_own_command_is_told_where_compose_made_it() -> None:
    container = cut_off().seen(labels={"com.docker.compose.project": "home", "com.docker.compose.service": "web"})
    assert remedy(LOST, container) == "run: docker compose -p home up -d --force-recreate web"
    labels = {**container.labels, "io.podman.compose.project": "home"}
    assert remedy(LOST, replace(container, labels=labels)).startswith("run: podman-compose -p home")


def test_an_owner_that_nobody_knows_is_told_by_its_id() -> None:
    stage = cut_off(severed=Severed(("v1",)))
    assert stage.does == []
    assert "ended with container v1, which is gone" in stage.state.reason
    assert "container:its new owner" in remedy(Severed(("v1",)), stage.seen())


@pytest.mark.parametrize("command", [Restart("ann"), Start("ann")])
def test_a_person_is_refused_what_would_end_it(command: Restart | Start) -> None:
    stage = cut_off(recreate=False)
    reply = stage.turn(command=command).reply
    assert reply is not None
    assert (reply.accepted, reply.conflict) == (False, "severed")
    assert "docker rm -f web-1" in reply.message
    assert stage.does == []


def test_a_person_is_refused_a_recreation_into_nothing() -> None:
    stage = cut_off(severed=replace(LOST, successors=()))
    reply = stage.turn(command=Restart("ann")).reply
    assert reply is not None
    assert (reply.accepted, reply.conflict) == (False, "severed")
    assert "nothing runs in its place" in reply.message


def test_a_person_may_stop_it_and_a_start_recreates_it() -> None:
    stage = cut_off(severed=replace(LOST, successors=()))
    stage.turn(command=Stop("ann"))
    assert stage.does == [ActionKind.STOP]
    stage.after(1).ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    stage.severed = LOST
    stage.after(60).turn()
    assert (stage.does, stage.status) == ([], Status.STOPPED)
    reply = stage.turn(command=Start("ann")).reply
    assert reply is not None
    assert reply.accepted
    assert stage.does == [ActionKind.RECREATE]
    assert stage.decision.actions[0].manual
    assert stage.told == [Message.MANUAL_RESTART]


def test_a_disabled_one_is_left_alone() -> None:
    stage = disabled(a_spec(recreate=True))
    stage.severed = LOST
    stage.looks(stage.seen(ties=NETWORK))
    assert (stage.does, stage.told) == ([], [])


def test_the_one_trial_after_the_limit_is_no_restart() -> None:
    spec = a_spec(recreate=False, retry_disabled_after=100.0, max_failures=1)
    stage = healthy(spec)
    stage.after(30).fails()
    stage.after(1).fails()
    stage.wake()
    assert stage.status is Status.DISABLED
    stage.severed = LOST
    stage.looks(stage.seen(ties=NETWORK))
    stage.after(200).turn()
    assert stage.does == []


def test_what_was_never_started_is_left_to_whoever_created_it() -> None:
    stage = Stage(a_spec(recreate=True))
    stage.severed = LOST
    stage.looks(stage.seen(state=ContainerState.CREATED, started_at=None, ties=NETWORK))
    assert stage.does == []


def test_a_job_that_is_done_is_left_alone() -> None:
    stage = healthy(a_spec(recreate=True, kind=Kind.JOB))
    stage.severed = LOST
    stage.looks(stage.seen(ties=NETWORK, state=ContainerState.EXITED, exit_code=0))
    assert (stage.does, stage.state.completed) == ([], True)


def test_it_is_over_when_its_owner_is_there_again() -> None:
    stage = cut_off(recreate=False)
    stage.severed = None
    stage.after(1).passes()
    assert stage.status is Status.RUNNING
    assert not stage.state.severed


# --- half done -----------------------------------------------------------------------------------------------


def test_a_name_is_read_with_and_without_the_mark_of_a_recreation() -> None:
    assert (original_name(f"web-1{SUFFIX}"), original_name("web-1")) == ("web-1", "web-1")


def test_what_was_left_half_done_is_taken_up_before_anything_else() -> None:
    stage = stopped(a_spec())
    stage.leftover = left_over(stage)
    stage.looks(None)
    assert stage.does == [ActionKind.RECREATE]
    assert stage.decision.actions[0].container_id == "c1"
    assert Message.RESTARTING in stage.told


def test_the_recreation_that_left_it_goes_on_and_is_not_told_again() -> None:
    stage = cut_off()
    attempt = stage.state.attempt
    assert attempt is not None
    stage.state = replace(stage.state, attempt=replace(attempt, in_flight=False))  # as the next process loads it
    stage.leftover = left_over(stage)
    stage.looks(None)
    assert (stage.does, stage.told) == ([ActionKind.RECREATE], [])
    stage.leftover = stage.severed = None
    stage.container = stage.seen(container_id="c2")
    stage.after(1).ends(Result.DONE, stage.new_run(container_id="c2"))
    stage.after(1).passes()
    assert stage.announced.count(Message.RESTART_COMPLETED) == 1


def test_what_cannot_be_put_right_is_tried_again_after_a_while_and_healing_goes_on() -> None:
    stage = healthy(a_spec())
    stage.leftover = left_over(stage)
    stage.after(1).turn()
    assert stage.does == [ActionKind.RECREATE]
    stage.after(1).ends(Result.FAILED, stage.seen())
    assert stage.does == []
    stage.after(RESUME_AGAIN - 1).turn()
    assert stage.does == []
    stage.after(1).turn()
    assert stage.does == [ActionKind.RECREATE]


def test_what_somebody_else_owns_is_not_put_right_either() -> None:
    stage = healthy(a_spec(observe_only="owned by systemd unit web.service"))
    stage.leftover = left_over(stage)
    stage.after(1).turn()
    assert stage.does == []
