"""Playbooks as decisions: which one begins, what each step orders, when the next one follows, what ends them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.decide import release
from orchestrator.core.diagnosis import Diagnosis
from orchestrator.core.foresight import Intention, foresee
from orchestrator.core.messages import Message, Restart, Result, RunPlaybook, Site
from orchestrator.core.model import ActionKind, ContainerState, Run, ServiceSpec, Status
from orchestrator.core.playbooks import (
    ExecStep,
    HoldStep,
    LaneStep,
    NotifyStep,
    Playbook,
    PurgeStep,
    RestartStep,
    SignalStep,
    Step,
    WaitStep,
    When,
    awaits_diagnosis,
    bound_of,
    describe,
    elsewhere,
    purge_command,
    shown,
    takes_lane,
)
from orchestrator.core.rehearsal import rehearse
from tests.core.stage import Stage, a_spec, healthy, unhealthy

EXEC = ExecStep(("flush",), "db", timeout=5.0, verify=10.0)
RELOAD = SignalStep("SIGHUP", verify=10.0)
DB = Site("db", Run("d1", 5.0), running=True, well=True)


def a_book(*steps: Step, when: When | None = None, instead: bool = False) -> Playbook:
    return Playbook("cure", steps, when or When(), instead)


def with_book(*steps: Step, when: When | None = None, instead: bool = False, **changes: object) -> ServiceSpec:
    return a_spec(playbooks=(a_book(*steps, when=when, instead=instead),), **changes)


def due(spec: ServiceSpec, *sites: Site, failing: str = "HTTP 500") -> Stage:
    """Ill, confirmed, and its restart would be ordered now."""
    stage = healthy(spec)
    stage.sites = sites
    stage.after(30).fails(failing)
    stage.after(1).fails(failing)
    stage.wake()
    return stage


# --- which one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "words", "rule", "holds"),
    [
        (When(), "HTTP 500", "", True),
        (When(("too many clients",)), "FATAL: sorry, Too Many Clients already", "", True),
        (When(("too many clients",)), "HTTP 500", "", False),
        (When(rules=("dns",)), "HTTP 500", "dns", True),
        (When(rules=("dns",)), "HTTP 500", "", False),
        (When(("HTTP 5",), ("dns",)), "HTTP 500", "", True),
    ],
)
def test_when_a_playbook_fits(when: When, words: str, rule: str, holds: bool) -> None:
    assert when.holds(words, rule) is holds


def test_the_first_that_fits_takes_the_place_of_the_restart() -> None:
    other = Playbook("other", (RELOAD,), When(("something else",)))
    stage = due(a_spec(playbooks=(other, a_book(RELOAD), Playbook("last", (EXEC,)))))
    assert stage.does == [ActionKind.PLAYBOOK]
    assert stage.told == [Message.PLAYBOOK_STARTED, Message.PLAYBOOK_STEP]
    assert stage.state.course is not None
    assert stage.state.course.playbook == "cure"


def test_where_none_fits_it_is_restarted() -> None:
    stage = due(with_book(RELOAD, when=When(("something else",))))
    assert stage.does == [ActionKind.RESTART]


def test_a_diagnosis_of_the_run_that_failed_begins_it_and_one_of_an_earlier_run_does_not() -> None:
    for run, kind in ((None, ActionKind.PLAYBOOK), (Run("c1", 1.0), ActionKind.RESTART)):
        stage = unhealthy(with_book(RELOAD, when=When(rules=("dns",))))
        stage.finds(Diagnosis("dns", "a name cannot be resolved", "likely"), run)
        assert stage.told == [Message.DIAGNOSED]
        stage.finds(Diagnosis("dns", "a name cannot be resolved", "likely"), run)
        assert stage.told == [], "the same of the same run is no news"
        stage.after(1).fails()
        stage.wake()
        assert stage.does == [kind]


def test_a_first_death_is_healed_at_once_also_where_a_diagnosis_may_begin_a_playbook() -> None:
    plain, curious = healthy(with_book(RELOAD)), healthy(with_book(RELOAD, when=When(rules=("dns",))))
    plain.exits()
    curious.exits()
    assert plain.does == [ActionKind.START]
    assert plain.state.tried == ("cure",), "what is down hears no signal"
    assert curious.does == [ActionKind.START]
    assert not awaits_diagnosis(curious.spec.playbooks, ("cure",))


# --- the steps ------------------------------------------------------------------------------------------------------


def test_a_command_in_another_container_is_an_action_of_the_service_that_failed() -> None:
    stage = due(with_book(EXEC), DB)
    (action,) = stage.decision.actions
    assert (action.service, action.kind, action.step, action.where) == ("web", ActionKind.PLAYBOOK, EXEC, DB.run)
    stage.ends(Result.DONE, stage.seen(), "exit code 0")
    assert stage.state.attempt is None
    assert stage.decision.probe_every == 2.0 / 3
    stage.after(1).passes()
    assert stage.told == [Message.PLAYBOOK_HELPED, Message.RECOVERED]
    assert stage.state.strikes == 1, "what helped was spent"


@pytest.mark.parametrize(
    ("site", "words"),
    [
        (None, "there is no service db"),
        (replace(DB, running=False), "db does not run"),
        (replace(DB, hindrance="it is held by ann"), "db is not touched: it is held by ann"),
    ],
)
def test_what_cannot_be_done_is_in_vain_and_says_why(site: Site | None, words: str) -> None:
    stage = due(with_book(EXEC, RestartStep("db"), RELOAD), *(() if site is None else (site,)))
    vain = [event.cause for event in stage.decision.events if event.message is Message.PLAYBOOK_IN_VAIN]
    assert vain[0] == f"cure, step 1 of 3: {words}"
    restarted = [request.service for request in stage.decision.requests]
    assert restarted == (["db"] if "run" in words else [])


def test_a_failed_command_and_one_that_did_not_verify_lead_to_the_next_step() -> None:
    stage = due(with_book(EXEC, RELOAD), DB)
    stage.ends(Result.FAILED, stage.seen(), "exit code 1: no")
    assert stage.told == [Message.PLAYBOOK_IN_VAIN, Message.PLAYBOOK_STEP]
    stage.ends(Result.DONE, stage.seen(), "SIGHUP was sent")
    stage.after(5).fails()
    assert stage.told == []
    stage.after(5).fails()
    assert Message.PLAYBOOK_EXHAUSTED in stage.told
    assert stage.does == [ActionKind.RESTART]
    assert stage.state.tried == ("cure",)


def test_one_whose_end_nobody_can_tell_is_verified_first() -> None:
    stage = due(with_book(RELOAD))
    stage.ends(Result.UNKNOWN, stage.seen(), "")
    assert stage.does == []
    assert stage.state.course is not None
    assert stage.state.course.verifying


def test_an_outcome_after_the_course_has_ended_is_of_no_concern() -> None:
    stage = due(with_book(RELOAD))
    stage.state = replace(stage.state, course=None)
    stage.ends(Result.FAILED, stage.seen())
    assert Message.PLAYBOOK_IN_VAIN not in stage.told


def test_only_what_is_configured_as_cache_is_purged() -> None:
    without = due(with_book(PurgeStep()))
    assert any("services.web.cache_keys" in event.cause for event in without.decision.events)
    assert without.does == [ActionKind.RESTART]
    stage = due(with_book(PurgeStep(), cache_keys=("cache:*",), port=7000))
    (action,) = stage.decision.actions
    assert isinstance(action.step, ExecStep)
    assert action.step.command[-3:] == ("purge", "7000", "cache:*")
    assert "FLUSH" not in action.step.command[2]


def test_it_waits_for_its_turn_on_this_engine_and_in_its_lane() -> None:
    for steps in ((RELOAD,), (RestartStep(),)):
        spec = with_book(*steps)
        stage = healthy(spec)
        stage.after(30).fails()
        stage.after(1).fails()
        stage.crowded = True
        stage.wake()
        assert stage.does == []
        assert stage.decision.due
        assert stage.told == [Message.PLAYBOOK_STARTED]
        stage.crowded = False
        stage.turn()
        assert len(stage.does) == 1


def test_the_lane_is_stopped_together() -> None:
    peers = (
        Site("clip", Run("d1", 5.0), running=True, same_lane=True),
        Site("held", Run("d2", 5.0), running=True, same_lane=True, hindrance="it is held by ann"),
        Site("down", None, same_lane=True),
        Site("db", Run("d3", 5.0), running=True),
    )
    stage = due(with_book(LaneStep(), lane="gpu"), *peers)
    actor = "playbook cure for web"
    assert [(each.service, each.command) for each in stage.decision.requests] == [
        ("clip", Restart(actor, makes_room=True))
    ]
    (action,) = stage.decision.actions
    assert action.kind is ActionKind.STOP
    assert stage.state.attempt is not None
    assert stage.state.attempt.pauses
    stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0))
    stage.lane_taken_by = "clip"
    stage.wake()
    assert stage.does == [], "another one of the lane comes first"
    assert stage.state.attempt.queued
    stage.lane_taken_by = ""
    stage.turn()
    assert stage.does == [ActionKind.START]


def test_another_one_that_makes_room_is_stopped_first() -> None:
    stage = healthy(a_spec(lane="gpu"))
    stage.turn(command=Restart("playbook cure for llm", makes_room=True))
    assert stage.does == [ActionKind.STOP]


def test_what_is_down_is_started_after_a_step_and_its_death_leads_to_the_next() -> None:
    spec = with_book(EXEC, LaneStep(), lane="gpu", when=When(("exited",)))
    stage = healthy(spec)
    stage.sites = (DB,)
    stage.exits()
    assert stage.does == [ActionKind.PLAYBOOK]
    stage.ends(Result.DONE, stage.seen())
    assert stage.does == [ActionKind.START]
    stage.ends(Result.DONE, stage.new_run())
    stage.after(1).exits()
    assert Message.RESTART_FAILED in stage.told
    stage.wake()
    assert stage.told[:2] == [Message.PLAYBOOK_IN_VAIN, Message.PLAYBOOK_STEP]
    assert stage.does == [ActionKind.START]
    stage.restarts()
    stage.after(1).passes()
    assert Message.PLAYBOOK_HELPED in stage.told


def test_another_service_is_waited_for_and_the_next_step_follows_at_once_when_it_is_well() -> None:
    stage = due(with_book(WaitStep(20.0, "db"), RELOAD), replace(DB, well=False))
    assert stage.does == []
    assert stage.decision.wake_at == stage.now.moment + 1.0
    stage.sites = (DB,)
    stage.wake()
    assert stage.does == [ActionKind.PLAYBOOK]


def test_a_wait_for_itself_ends_with_its_time() -> None:
    stage = due(with_book(WaitStep(20.0), RELOAD))
    assert stage.does == []
    stage.wake()
    assert stage.told == [Message.PLAYBOOK_IN_VAIN, Message.PLAYBOOK_STEP]


def test_a_hold_is_the_end_and_needs_a_person() -> None:
    stage = due(with_book(NotifyStep("look"), HoldStep(3600.0)))
    assert stage.told == [
        Message.PLAYBOOK_STARTED, Message.PLAYBOOK_NOTICE, Message.PLAYBOOK_STEP, Message.HELD
    ]  # fmt: skip
    assert stage.does == []
    assert stage.state.course is None
    assert stage.state.hold is not None
    assert stage.state.hold.by == "playbook cure"


def test_a_hold_of_what_is_down_leaves_it_down() -> None:
    stage = healthy(with_book(HoldStep(3600.0, "call")))
    stage.exits()
    assert stage.does == []
    assert stage.state.reason.startswith("held by playbook cure (call)")
    after = healthy(with_book(RestartStep(), HoldStep(3600.0)))
    after.exits()
    after.restarts()
    after.after(1).exits()
    after.wake()
    assert Message.HELD in after.told
    assert after.does == []


def test_a_course_that_has_done_nothing_yet_ends_when_it_is_well_again() -> None:
    spec = with_book(RELOAD)
    stage = healthy(spec)
    stage.after(30).fails()
    stage.after(1).fails()
    stage.crowded = True
    stage.wake()
    stage.after(1).passes()
    assert Message.PLAYBOOK_ENDED in stage.told
    assert stage.state.strikes == 0


def test_instead_of_a_restart_a_failure_is_counted_and_it_is_tried_again_after_the_backoff() -> None:
    stage = due(with_book(RELOAD, instead=True))
    stage.ends(Result.FAILED, stage.seen(), "no")
    assert stage.told == [Message.PLAYBOOK_IN_VAIN, Message.PLAYBOOK_EXHAUSTED]
    assert stage.does == []
    assert stage.state.strikes == 2
    assert stage.waits == 4.0
    stage.after(1).fails()
    stage.wake()
    assert stage.does == [ActionKind.PLAYBOOK]


# --- what comes in between -------------------------------------------------------------------------------------------


def test_a_playbook_that_is_not_declared_any_more_ends() -> None:
    stage = due(with_book(RELOAD))
    stage.ends(Result.DONE, stage.seen())
    stage.spec = a_spec()
    stage.turn()
    assert stage.told[0] is Message.PLAYBOOK_ENDED
    assert stage.does == [ActionKind.RESTART]


def test_one_whose_container_goes_ends() -> None:
    stage = due(with_book(RELOAD))
    stage.ends(Result.DONE, None)
    assert stage.told == [Message.NOT_FOUND, Message.PLAYBOOK_ENDED]


def test_while_it_is_paused_the_time_to_verify_does_not_run() -> None:
    stage = due(with_book(RELOAD))
    stage.ends(Result.DONE, stage.seen())
    stage.turns_into(ContainerState.PAUSED)
    stage.after(600).turns_into(ContainerState.RUNNING)
    assert stage.told == []
    assert stage.state.course is not None
    assert stage.state.course.verify_until == stage.now.moment + 10


def test_what_keeps_a_restart_from_happening_keeps_the_next_step() -> None:
    stage = due(with_book(RELOAD, SignalStep("SIGUSR1")))
    stage.ends(Result.DONE, stage.seen())
    stage.held = "a maintenance window"
    stage.after(60).fails()
    assert stage.does == []
    assert stage.state.reason.startswith("held: a maintenance window: playbook cure: HTTP 500")
    stage.held = ""
    stage.turn()
    assert stage.does == [], "the time to verify begins anew"
    stage.wake()
    assert stage.does == [ActionKind.PLAYBOOK]


def test_a_service_that_is_managed_no_more_has_no_restart_to_end_because_of_a_step() -> None:
    stage = due(with_book(RELOAD))
    assert release(stage.spec, stage.state, stage.now).events == ()


@pytest.mark.parametrize(
    ("make", "conflict"),
    [
        (lambda spec: healthy(spec).turn(command=RunPlaybook("ann", "other")), "no_playbook"),
        (lambda spec: due(spec).turn(command=RunPlaybook("ann", "cure")), "in_flight"),
    ],
)
def test_what_is_refused_to_a_person(make: object, conflict: str) -> None:
    decision = make(with_book(RELOAD))  # type: ignore[operator]
    assert decision.reply is not None
    assert decision.reply.conflict == conflict


def test_a_disabled_service_and_one_in_the_middle_of_a_course_run_no_other() -> None:
    stage = due(with_book(RELOAD))
    stage.ends(Result.DONE, stage.seen())
    reply = stage.turn(command=RunPlaybook("ann", "cure")).reply
    assert reply is not None
    assert reply.conflict == "in_flight"
    stage.state = replace(stage.state, disabled_by="human", status=Status.DISABLED)
    reply = stage.turn(command=RunPlaybook("ann", "cure")).reply
    assert reply is not None
    assert reply.conflict == "disabled"


def test_a_person_has_one_run_to_its_end_though_the_service_is_well() -> None:
    stage = healthy(with_book(NotifyStep("look"), WaitStep(20.0, "db"), EXEC))
    stage.sites = (replace(DB, well=False),)
    stage.turn(command=RunPlaybook("ann", "cure"))
    stage.after(1).passes()
    assert stage.told == [], "another one is waited for"
    stage.sites = (DB,)
    stage.after(1).passes()
    assert stage.does == [ActionKind.PLAYBOOK]
    stage.ends(Result.FAILED, stage.seen(), "exit code 1")
    assert stage.told == [Message.PLAYBOOK_IN_VAIN, Message.PLAYBOOK_EXHAUSTED]
    assert stage.status is Status.RUNNING


def test_what_is_foreseen_is_the_step() -> None:
    stage = unhealthy(with_book(RELOAD))
    foreseen = foresee(stage.spec, stage.state, stage.facts, stage.now)
    assert foreseen.intention is Intention.PLAYBOOK


# --- words, and a look at it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (EXEC, "exec in db: flush"),
        (ExecStep("redis-cli -a PASSWORD=tulip4711 PING"), "exec in web: redis-cli -a PASSWORD=[masked] PING"),
        (RELOAD, "SIGHUP to web"),
        (PurgeStep("cache"), "purge the cache of cache"),
        (RestartStep("db"), "restart db"),
        (LaneStep(), "restart the lane of web: all stopped, then started one by one"),
        (WaitStep(20.0), "wait up to 20 s for web to be well"),
        (NotifyStep("look"), "notify: look"),
        (HoldStep(60.0, "call"), "hold web for 60 s: call"),
        (HoldStep(60.0), "hold web for 60 s"),
    ],
)
def test_a_step_in_words(step: Step, words: str) -> None:
    assert describe(step, "web") == words


def test_what_is_not_verified_has_no_time_for_it() -> None:
    assert [bound_of(step) for step in (NotifyStep("x"), HoldStep(9.0), WaitStep(5.0), RELOAD)] == [0.0, 0.0, 5.0, 10.0]


def test_the_lane_is_of_concern_only_where_a_step_restarts_it() -> None:
    assert takes_lane((a_book(RELOAD), a_book(LaneStep())))
    assert not takes_lane((a_book(RELOAD),))


def test_a_long_command_is_shortened() -> None:
    assert len(shown("x" * 500)) == 160


def test_the_services_that_steps_name() -> None:
    assert list(elsewhere((a_book(EXEC, RELOAD, LaneStep(), NotifyStep("x"), HoldStep(1.0)),))) == ["db"]


def test_patterns_are_arguments_and_never_read_by_the_shell() -> None:
    command = purge_command(("cache:*; FLUSHALL", "$(id)"), None)
    assert command[-2:] == ("cache:*; FLUSHALL", "$(id)")
    assert "FLUSHALL" not in command[2]
    assert command[4] == "6379"


def test_a_look_at_a_playbook_does_nothing_and_says_what_is_in_the_way() -> None:
    steps = (EXEC, PurgeStep("db"), RELOAD, RestartStep("gone"), LaneStep(), WaitStep(5.0), NotifyStep("x"))
    stage = healthy(with_book(*steps, lane="gpu"))
    stage.sites = (DB, Site("clip", Run("d9", 5.0), running=True, same_lane=True))
    looked = rehearse(stage.spec, stage.spec.playbooks[0], stage.facts)
    assert [step.refusal for step in looked] == [
        "",
        "skipped: no key of db is configured as cache; name them in services.db.cache_keys",
        "",
        "there is no service gone",
        "",
        "",
        "",
    ]
    assert (looked[0].container_id, looked[0].command, looked[0].timeout, looked[0].verify) == (
        "d1",
        "flush",
        5.0,
        10.0,
    )
    assert looked[2].container_id == "c1"
    assert looked[4].services == ("web", "clip")
    cached = replace(DB, cache_keys=("cache:*",))
    (purge,) = rehearse(stage.spec, a_book(PurgeStep("db")), replace(stage.facts, sites=(cached,)))
    assert purge.command.startswith("/bin/sh -c")
    (unseen,) = rehearse(stage.spec, a_book(RELOAD), replace(stage.facts, container=None))
    assert unseen.refusal == "there is no service web"


def test_in_a_dry_run_it_is_told_of_and_nobody_sets_out_on_it() -> None:
    stage = unhealthy(with_book(RestartStep()))
    stage.dry_run = True
    stage.after(1).fails()
    stage.wake()
    assert stage.told == [Message.WOULD_RUN_PLAYBOOK]
    assert stage.decision.withheld == (ActionKind.PLAYBOOK,)
    assert (stage.does, stage.state.course) == ([], None)
    assert stage.state.reason.startswith("dry run, would")
