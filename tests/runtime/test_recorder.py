"""Decisions are put down in passing: nothing waits for the recording, and what is lost is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.decide import decide
from orchestrator.core.messages import UNSEEN
from orchestrator.core.recording import Recording
from orchestrator.runtime import recorder
from orchestrator.testing import MemoryRecording, Scenario


def test_every_decision_that_changed_something_is_recorded_with_what_it_was_taken_from() -> None:
    with Scenario() as story:
        web = story.container("web")
        story.run_for("1m")
        story.now(web.gets_sick())
        story.run_for("1m")
        taken = story.recording.records
        for record in taken:
            assert decide(record.spec, record.before, record.facts, record.now) == record.decision
        causes = [action.cause for record in taken for action in record.decision.actions]
        assert causes == ["HTTP 500; confirmed by 3 more checks in 2.0 s"]


def test_while_nothing_happens_nothing_is_recorded() -> None:
    with Scenario() as story:
        story.container("web")
        story.run_for("2m")
        before = len(story.recording.lines)
        story.run_for("1h")
        assert len(story.recording.lines) == before


def test_the_last_decisions_of_a_service_are_told_newest_first_and_no_more_than_can_be_remembered() -> None:
    with Scenario(configuration={"defaults": {"recovery": {"on_max_failures": "keep_trying"}}}) as story:
        web = story.container("web")
        story.run_for("1m")
        for _ in range(recorder.REMEMBERED):
            story.now(web.crashes())
            story.run_for("2m")
        told = story.orchestrator.story_of("web")
        assert len(told) == recorder.REMEMBERED
        assert [one.at.moment for one in told] == sorted((one.at.moment for one in told), reverse=True)
        assert story.orchestrator.story_of("nobody") == ()


def test_a_service_that_left_leaves_no_story() -> None:
    with Scenario(configuration={"discovery": "labels"}) as story:
        web = story.container("web")
        story.run_for("1m")
        story.now(web.is_removed())
        story.run_for("3h")
        assert story.orchestrator.story_of("web") == ()


@pytest.mark.parametrize("fault", ["broken", "hung"])
def test_a_recording_that_fails_or_hangs_delays_no_healing(fault: str) -> None:
    with Scenario() as story:
        web = story.container("web")
        story.run_for("1m")
        setattr(story.recording, fault, True)
        for _ in range(3):
            story.now(web.crashes())
            story.run_for("5m")
            story.must_be("web", "running")
        assert story.restarts_of("web") == 3


def test_what_could_not_be_recorded_is_counted_and_said_in_the_recording(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), Scenario() as story:
        web = story.container("web")
        story.run_for("1m")
        story.recording.broken = True
        story.now(web.crashes())
        story.run_for("5m")
        lost = story.orchestrator.load().decisions_lost
        assert lost > 0
        story.recording.broken = False
        story.now(web.crashes())
        story.run_for("5m")
        reading = Recording(story.recording.lines)
        assert len(list(reading)) == story.orchestrator.load().decisions_recorded
        assert reading.lost == story.orchestrator.load().decisions_lost == lost
    said = [line for line in caplog.messages if "recorded" in line]
    assert said == ["Decisions are not recorded", "Decisions are recorded again"]


def test_what_waits_is_bounded_and_the_rest_is_lost() -> None:
    with Scenario() as story:
        story.container("web")
        story.run_for("1m")
        (first, *_) = story.recording.records
        full = recorder.Recorder(MemoryRecording())
        for _ in range(recorder.MOST_WAITING + 3):
            full.decision_taken(first)
        assert full.lost == 3


def test_what_was_decided_last_is_recorded_before_an_orderly_end() -> None:
    with Scenario() as story:
        web = story.container("web")
        story.run_for("1m")
        story.now(web.crashes())
        story.run_for("0.3s")
        story.stop_orchestrator()
        assert any(record.decision.actions for record in story.recording.records)
        assert story.recording.closed


def test_a_deadline_that_changed_nothing_is_recorded_and_not_told() -> None:
    with Scenario() as story:
        story.container("web")
        story.run_for("1m")
        (first, *_) = story.recording.records
        memory = MemoryRecording()
        quiet = recorder.Recorder(memory)
        idle = replace(first, facts=replace(first.facts, container=UNSEEN))
        idle = replace(idle, decision=replace(idle.decision, state=idle.before, events=()))
        quiet.decision_taken(idle)
        assert quiet.story_of("web") == ()
