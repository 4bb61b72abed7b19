"""What a decision is told as: what was seen, what was decided and why, what is waited for, and what would be next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.core.messages import (
    UNSEEN,
    Awaited,
    Command,
    Disable,
    Hold,
    Outcome,
    Restart,
    Result,
    Stop,
)
from orchestrator.core.model import ContainerState
from orchestrator.core.recording import DecisionRecord
from orchestrator.core.story import Chapter, span, tell
from tests.core.stage import Stage, a_spec, disabled, healthy, restarting, starting, stopped, undiscovered, unhealthy


def told(stage: Stage, happens: Callable[[], object], **once: Outcome | Command) -> Chapter:
    """Of the decision that comes of it."""
    before = stage.state
    happens()
    facts = replace(stage.facts, **once)  # type: ignore[arg-type]
    return tell(DecisionRecord(stage.spec, before, facts, stage.now, stage.decision))


def asked(stage: Stage, command: Command) -> Chapter:
    return told(stage, lambda: stage.turn(command=command), command=command)


def test_a_failed_check_says_what_it_waits_for_and_what_comes_then() -> None:
    stage = healthy().after(30)
    telling = told(stage, stage.fails)
    assert telling.seen == "container web-1 runs, for 24 h; its http check failed: HTTP 500"
    assert telling.decided == "unhealthy, it was running; failure 1 of 10"
    assert telling.why == "HTTP 500"
    assert telling.waiting == "its backoff, 2.0 s"
    assert telling.upcoming == "restart in 2.0 s, unless something changes"
    assert telling.upcoming_at == stage.now.wall + 2.0


def test_a_restart_says_what_confirmed_it() -> None:
    stage = unhealthy().after(1)
    confirming = told(stage, stage.fails)
    assert confirming.decided == "failed check 1 since the failure: that confirms it"
    telling = told(stage, stage.wake)
    assert telling.decided == "restart it"
    assert telling.why == "HTTP 500; confirmed by 1 more check in 2.0 s"
    assert (telling.waiting, telling.upcoming) == ("the end of the restart", "")


def test_how_an_action_ended_is_seen() -> None:
    def ends(result: Result, detail: str) -> str:
        stage = restarting()
        outcome = Outcome("", result, detail)
        return told(stage, lambda: stage.ends(result, stage.new_run(), detail), outcome=outcome).seen

    assert ends(Result.DONE, "").startswith("the restart was carried out; container web-1 runs")
    assert ends(Result.DONE, "killed at once").startswith("the restart was carried out (killed at once); ")
    assert ends(Result.FAILED, "no such device").startswith("the restart failed: no such device; ")
    assert ends(Result.UNKNOWN, "timed out").startswith("how the restart ended is not known: timed out; ")
    stage = healthy()
    late = told(stage, stage.passes, outcome=Outcome("", Result.DONE, ""))
    assert late.seen.startswith("the action was carried out")


def test_a_start_is_verified_and_its_cause_is_told_once() -> None:
    stage = restarting()
    waiting = told(stage, stage.restarts)
    assert waiting.waiting.startswith("what becomes of the restart; a check that passes, or the end of its grace in ")
    telling = told(stage.after(1), stage.passes)
    assert telling.decided == "running, it was starting; Restart completed; Service recovered"
    assert telling.why == "HTTP 500; confirmed by 1 more check in 2.0 s; no such device; verified: HTTP 200"


def test_what_people_ask_for_is_seen_and_answered() -> None:
    assert asked(healthy(), Restart("ann")).seen.startswith("ann asked for restart; container web-1 runs")
    assert asked(healthy(), Restart("ann")).decided.startswith("accepted: web is being restarted; restart it")
    refused = asked(disabled(), Restart("ann"))
    assert refused.decided.startswith("refused: web is disabled")
    assert asked(healthy(), Disable("ann")).upcoming == "nothing, whatever happens: disabled"
    assert asked(healthy(), Hold("ann", 90.0, "backup")).waiting == "the end of the hold by ann, in 90.0 s"
    stop = asked(healthy(), Stop("ann"))
    assert stop.decided.startswith("accepted: web is being stopped")


def test_what_cannot_be_seen_is_said() -> None:
    stage = healthy()
    assert told(stage, lambda: stage.looks(None)).seen == "it has no container"
    assert told(stage, lambda: stage.looks(UNSEEN)).seen == "the engine could not be asked"
    stage = healthy()
    assert told(stage, lambda: stage.turns_into(ContainerState.PAUSED)).seen == "container web-1 is paused"
    assert told(undiscovered(), lambda: None).decided == "nothing is done"
    stage = healthy()
    assert "its http check could not be asked: no address to ask" in told(stage.after(1), stage.cannot_tell).seen
    stage.stop_requested = True
    assert "somebody asked the engine to stop it" in told(stage, stage.exits).seen


def test_a_death_says_how_it_ended_and_old_answers_are_no_news() -> None:
    stage = healthy()
    telling = told(stage, lambda: stage.exits(137))
    assert telling.seen == "container web-1 is down: exited with code 137 (SIGKILL)"
    stage = healthy()
    assert told(stage.after(1), stage.turn).seen == "container web-1 runs, for 24 h"
    assert "check" not in told(stage, lambda: stage.starts(started_at=stage.now.wall)).seen
    nameless = healthy()
    assert told(nameless, lambda: nameless.looks(nameless.seen(started_at=None))).seen.endswith("runs, for 0.0 s")


def test_what_it_waits_for_is_named() -> None:
    stage = healthy()
    stage.unmet = ("db",)
    assert told(stage, stage.exits).waiting == "db"
    stage = healthy()
    stage.held = "its project is being updated"
    assert told(stage, stage.exits).waiting == "its project is being updated"
    stage = healthy()
    stage.crowded = True
    assert told(stage, stage.exits).waiting == "its turn: the engine has enough to do"
    stage = healthy(a_spec(lane="gpu"))
    stage.lane_taken_by = "llm"
    assert asked(stage, Restart("ann")).waiting == "its turn in the lane, for the restart"


def test_soft_dependencies_that_are_waited_for_are_named() -> None:
    stage = undiscovered(a_spec(wants=("db",)))
    stage.unwatched = True
    stage.awaited = (Awaited("db", 10.0, None),)
    telling = told(stage, lambda: stage.looks(stage.seen(state=ContainerState.EXITED, exit_code=1)))
    assert "db" in telling.waiting


def test_a_pause_in_a_restart_is_a_backoff() -> None:
    stage = unhealthy().after(1)
    stage.fails()
    stage.make_room = "to make room"
    telling = told(stage, stage.wake)
    assert telling.decided.startswith("stop it")
    telling = told(stage, lambda: stage.ends(Result.DONE, stage.seen(state=ContainerState.EXITED, exit_code=0)))
    assert "what becomes" not in telling.waiting


def test_failures_that_are_forgiven_are_told() -> None:
    stage = unhealthy()
    assert "its failures are forgiven" in told(stage.after(1), stage.passes).decided


def test_what_would_disable_it_is_told_before_it_does() -> None:
    stage = healthy(a_spec(max_failures=1)).after(30)
    assert "it would be disabled" in told(stage, stage.fails).upcoming
    tireless = healthy(a_spec(on_max_failures="keep_trying")).after(30)
    assert told(tireless, tireless.fails).decided.endswith("failure 1")


def test_what_is_waited_for_with_no_moment_has_nothing_upcoming() -> None:
    stage = stopped()
    stage.unmet = ("db",)
    assert told(stage.after(1), stage.turn).upcoming == ""
    assert told(starting(), lambda: None).upcoming == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "0.0 s"), (119.9, "119.9 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words
