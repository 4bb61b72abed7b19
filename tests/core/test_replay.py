"""Recorded decisions taken once more: by the same policy nothing differs, by another no more than what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.decide import decide
from orchestrator.core.messages import Decision, Enable, Restart
from orchestrator.core.model import ActionKind, ServiceSpec
from orchestrator.core.recording import DecisionRecord
from orchestrator.core.replay import Deviation, Difference, Replay
from tests.core.stage import Stage, a_spec, healthy

EARLIER, LATER, NOT_DONE, DONE = Deviation.EARLIER, Deviation.LATER, Deviation.NOT_DONE, Deviation.DONE
WAIT, TOLD, NOT_TOLD = Deviation.WAIT, Deviation.TOLD, Deviation.NOT_TOLD


class Recorded(Stage):
    """A story whose every decision is recorded."""

    def __init__(self, spec: ServiceSpec) -> None:
        stage = healthy(spec)
        super().__init__(spec, stage.state)
        self.now, self.container, self.probe = stage.now, stage.container, stage.probe
        self.records: list[DecisionRecord] = []

    def turn(self, **once: Any) -> Decision:
        before, jitter = self.state, once.pop("jitter", 0.0)
        decision = super().turn(jitter=jitter, **once)
        facts = replace(self.facts, jitter=jitter, **once)
        self.records.append(DecisionRecord(self.spec, before, facts, self.now, decision))
        return decision

    def heals(self) -> Recorded:
        """What it is ordered is done, and it passes."""
        self.restarts()
        self.after(1).passes()
        return self


def a_story(**changes: Any) -> Recorded:
    return Recorded(a_spec(**changes))


def unwell(story: Recorded, confirmations: int = 2) -> Recorded:
    """One failed check, confirmed each half second; restarted when the backoff is over, and well again."""
    story.after(30).fails()
    for _ in range(confirmations):
        story.after(0.5).fails()
    story.wake()
    return story.heals()


def crashes(story: Recorded) -> Recorded:
    story.after(5).exits()
    if not story.does:
        story.wake()
    return story.heals()


def differences(story: Recorded, change: Callable[[ServiceSpec], ServiceSpec]) -> list[Difference]:
    replay = Replay(lambda record: change(record.spec))
    return [each for record in story.records for each in replay.take(record)] + replay.end()


def by(**figures: Any) -> Callable[[ServiceSpec], ServiceSpec]:
    """The same with other figures of recovery."""
    return lambda spec: replace(spec, recovery=replace(spec.recovery, **figures))


def kinds(found: list[Difference]) -> list[Deviation]:
    return [each.deviation for each in found]


def seconds(found: list[Difference]) -> list[float]:
    return [round(each.seconds, 3) for each in found if each.seconds is not None]


def same(spec: ServiceSpec) -> ServiceSpec:
    return spec


@pytest.fixture
def loop() -> Recorded:
    """Ill, then dead three times in a row: 2, 4, 8 and 16 s of backoff."""
    story = unwell(a_story())
    for _ in range(3):
        crashes(story)
    return story


def test_by_the_same_policy_nothing_differs(loop: Recorded) -> None:
    replay = Replay(lambda record: record.spec)
    assert [each for record in loop.records for each in replay.take(record)] == []
    assert replay.end() == []
    tally = replay.tally
    assert tally.decisions == len(loop.records)
    assert tally.services == {"web"}
    assert tally.actions == {ActionKind.RESTART: 1, ActionKind.START: 3}
    assert not tally.deviations
    assert (tally.begun, tally.ended) == (loop.records[0].now, loop.records[-1].now)


def test_what_bears_on_nothing_differs_in_nothing(loop: Recorded) -> None:
    assert differences(loop, by(stop_timeout=99.0, max_failures=99, retry_disabled_after=7.0)) == []


def test_a_longer_backoff_would_have_acted_later(loop: Recorded) -> None:
    found = differences(loop, by(backoff_base=4.0))
    assert kinds(found) == [WAIT, LATER] * 4
    assert seconds(found) == [2.0, 4.0, 8.0, 16.0]
    assert found[0].words == "would wait 4.0 s instead of 2.0 s before the next attempt"
    assert found[1].words.startswith("would restart 2.0 s later, if nothing had changed until then: HTTP 500")


def test_a_shorter_backoff_would_have_acted_earlier(loop: Recorded) -> None:
    found = differences(loop, by(backoff_base=1.0))
    assert kinds(found) == [WAIT, EARLIER] * 4
    assert seconds(found) == [1.0, 2.0, 4.0, 8.0]
    assert found[1].words.startswith("would restart 1.0 s earlier: HTTP 500; confirmed by")


def test_a_lower_limit_would_have_disabled_it_and_nothing_later_would_have_been_done(loop: Recorded) -> None:
    found = differences(loop, by(max_failures=2))
    assert kinds(found) == [TOLD, NOT_DONE, NOT_DONE, NOT_DONE]
    assert found[0].words.startswith("would have told: Service disabled - max failures reached, 2 failures")
    assert found[1].words.startswith("would not start: 2 failures without a stable run in between")
    assert found[1].action is ActionKind.START


def test_what_the_other_policy_disabled_is_enabled_by_the_person_who_did_so_then() -> None:
    story = crashes(crashes(crashes(a_story())))
    story.after(5).turn(command=Enable("ann"))
    crashes(story)
    found = differences(story, by(max_failures=2))
    assert kinds(found)[:3] == [TOLD, NOT_DONE, NOT_DONE]
    assert found[-1].at == story.records[-3].now or found[-1].deviation is TOLD


def test_more_failed_checks_in_a_row_would_have_found_nothing_wrong() -> None:
    story = unwell(a_story())
    found = differences(story, lambda spec: replace(spec, health=replace(spec.health, failures=9)))
    assert kinds(found) == [NOT_TOLD, LATER]
    assert found[0].words == "would not have told: Health check failed"


def test_an_eager_policy_would_have_restarted_what_came_back_by_itself() -> None:
    story = a_story()
    story.after(30).fails()
    story.after(1.0).passes()
    found = differences(story, by(backoff_base=0.0))
    assert kinds(found) == [DONE]
    assert found[0].words == "would restart, which was not done then: HTTP 500; it became running 1.0 s later"
    assert found[0].at == story.records[0].now


def test_what_was_done_ahead_and_is_never_heard_of_again_is_told_at_the_end() -> None:
    story = a_story()
    story.after(30).fails()
    found = differences(story, by(backoff_base=0.0))
    assert [each.words for each in found] == [
        "would restart, which was not done then: HTTP 500; nothing of the kind was recorded after it"
    ]


def test_another_action_in_the_place_of_one_done_ahead_is_told() -> None:
    story = a_story()
    story.after(30).fails()
    story.after(0.5).exits()
    story.wake()
    found = differences(story, by(backoff_base=0.0))
    assert found[0].words.endswith("; a start was ordered 2.0 s later")
    assert DONE in kinds(found)


def test_another_action_at_the_same_moment_is_told() -> None:
    story = a_story()
    story.turn(command=Restart("ann"))
    (record,) = story.records
    other = replace(record.decision.actions[0], kind=ActionKind.RECREATE)
    story.records = [replace(record, decision=replace(record.decision, actions=(other,)))]
    found = differences(story, same)
    assert kinds(found) == [Deviation.OTHERWISE]
    assert found[0].words == "would restart instead of recreate: asked for by ann"


def test_a_deadline_that_only_the_other_policy_has_is_kept() -> None:
    """It is down and waits 64 s; by the other policy it would have been started after one."""
    story = crashes(a_story(backoff_base=64.0, backoff_max=64.0))
    story.after(5).exits()
    story.wake()
    found = differences(story, by(backoff_base=1.0))
    assert kinds(found) == [WAIT, EARLIER]
    assert seconds(found) == [62.0]
    assert found[1].words == "would start 62.0 s earlier: exited with code 1"


def test_after_a_gap_in_the_recording_it_goes_on_from_what_is_there(loop: Recorded) -> None:
    third = len(loop.records) // 3
    loop.records = loop.records[:3] + loop.records[2 * third :]
    assert differences(loop, same) == []
    assert set(kinds(differences(loop, by(backoff_base=4.0)))) <= {WAIT, LATER}


def test_what_another_version_of_us_decides_otherwise_is_told_by_the_same_policy() -> None:
    story = unwell(a_story())
    record = next(each for each in story.records if each.decision.actions)
    idle = replace(record.decision, actions=(), events=(), state=record.before)
    assert kinds(differences_of([replace(record, decision=idle)])) == [DONE]


def differences_of(records: list[DecisionRecord]) -> list[Difference]:
    replay = Replay(lambda record: record.spec)
    return [each for record in records for each in replay.take(record)] + replay.end()


def test_an_action_for_which_there_would_be_no_reason_says_so() -> None:
    story = a_story()
    story.after(30).passes()
    (record,) = story.records
    restarting = decide(record.spec, record.before, replace(record.facts, command=Restart("ann")), record.now)
    found = differences_of([replace(record, decision=restarting)])
    assert [each.words for each in found] == ["would not restart: there would have been no reason"]


def test_a_dry_run_s_recording_is_replayed_like_any_other() -> None:
    story = a_story()
    story.dry_run = True
    story.after(30).fails()
    story.after(0.5).fails()
    story.wake()
    assert differences(story, same) == []
    found = differences(story, by(backoff_base=8.0))
    assert kinds(found) == [WAIT, LATER]
    assert seconds(found) == [6.0]
