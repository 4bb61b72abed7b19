"""What is told of how an action was carried out."""

from __future__ import annotations

from orchestrator.core.messages import Message, Result
from tests.core.stage import restarting


def test_what_was_done_otherwise_than_asked_is_told_with_the_restart() -> None:
    stage = restarting()
    stage.ends(Result.DONE, stage.new_run(), "all its processes were stopped: killed at once")
    assert stage.told == [Message.NEW_RUN]
    assert stage.decision.events[0].cause == "by the automatic restart"
    stage.after(1).passes()
    assert stage.told[0] is Message.RESTART_COMPLETED
    assert "killed at once; verified" in stage.decision.events[0].cause


def test_what_was_done_as_asked_needs_no_words() -> None:
    stage = restarting()
    assert stage.state.attempt is not None
    cause = stage.state.attempt.cause
    stage.ends(Result.DONE, stage.new_run(), "")
    stage.after(1).passes()
    assert stage.decision.events[0].cause == f"{cause}; verified: HTTP 200"
