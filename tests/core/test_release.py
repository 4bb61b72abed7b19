"""A service that is managed no more."""

from __future__ import annotations

from orchestrator.core.decide import release
from orchestrator.core.messages import Message, Result
from tests.core.stage import restarting


def test_an_open_restart_ends_as_failed_and_once() -> None:
    stage = restarting()
    stage.ends(Result.DONE, stage.new_run(), "")
    last = release(stage.spec, stage.state, stage.now)
    assert [event.message for event in last.events] == [Message.RESTART_FAILED]
    assert (last.state.attempt, last.actions, last.wake_at, last.probe_every) == (None, (), None, None)
    assert release(stage.spec, last.state, stage.now).events == ()
