"""What is due to whom and when: opened once settled, updated, reminded of, resolved; quiet hours, digests, failures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from orchestrator.core import notices
from orchestrator.core.incidents import Cause, Incident, Severity
from orchestrator.core.model import Category, Instant
from orchestrator.core.notices import GIVEN_UP_AFTER, LONGEST_PAUSE, Book, Dispatch, Heard, Plan
from orchestrator.core.routing import Digest, Quiet, QuietHours, Route, Rules
from orchestrator.core.windows import Window

EPOCH = 1_700_000_000.0
"""The wall time of moment 0."""
RULES = Rules(channels=("ops",), settle=30.0, reminder=3600.0)


def an_incident(number: int = 1, opened: float = 0.0, severity: Severity = "warning", cause: str = "db") -> Incident:
    at = EPOCH + opened
    return Incident(number, Cause(f"{cause} is down", cause), f"{cause}: down", at, at, severity=severity)


def well_since(incident: Incident, moment: float) -> Incident:
    return replace(incident, recovered_at=EPOCH + moment)


def closed(incident: Incident, moment: float) -> Incident:
    recovered = EPOCH + moment if incident.recovered_at is None else incident.recovered_at
    return replace(incident, recovered_at=recovered, closed_at=EPOCH + moment)


@dataclass
class Desk:
    """A book with its incidents, and a clock that is set by hand."""

    rules: Rules = RULES
    book: Book = field(default_factory=Book)
    heard: dict[int, Heard] = field(default_factory=dict)
    quiet: Mapping[str, tuple[Quiet, ...]] = field(default_factory=dict)

    def hear(self, incident: Incident, *categories: Category) -> None:
        self.heard[incident.id] = Heard(incident, incident.opened_at - EPOCH, frozenset(categories))

    def plan(self, at: float, *busy: str) -> Plan:
        return notices.plan(self.book, self.heard, self.rules, self.now(at), quiet=self.quiet, busy=busy)

    def due(self, at: float) -> list[tuple[str, list[tuple[str, int]]]]:
        return [
            (each.channel, [(one.kind.value, one.incident.id) for one in each.notices])
            for each in self.plan(at).dispatches
        ]

    def send(self, at: float) -> list[Dispatch]:
        """Everything that is due, one after the other; all of it is accepted."""
        sent: list[Dispatch] = []
        while dispatches := self.plan(at).dispatches:
            for dispatch in dispatches:
                self.book = notices.accepted(self.book, dispatch, self.rules, self.now(at))
                sent.append(dispatch)
        return sent

    def refuse(self, at: float, why: str = "HTTP 500") -> Dispatch:
        (dispatch,) = self.plan(at).dispatches
        self.book = notices.refused(self.book, dispatch, why, self.now(at))
        return dispatch

    @staticmethod
    def now(at: float) -> Instant:
        return Instant(at, EPOCH + at)


# --- one incident -------------------------------------------------------------------------------------------------


def test_an_incident_is_told_when_it_has_settled_and_only_once() -> None:
    desk = Desk()
    desk.hear(an_incident())
    assert desk.plan(29.9).wake_at == 30.0
    assert desk.due(29.9) == []
    assert desk.due(30.0) == [("ops", [("opened", 1)])]
    desk.send(30.0)
    assert desk.due(3000.0) == []


def test_a_blip_is_silent_from_beginning_to_end() -> None:
    desk = Desk()
    desk.hear(well_since(an_incident(), 5.0))
    assert desk.due(60.0) == []
    desk.hear(closed(well_since(an_incident(), 5.0), 65.0))
    assert desk.due(70.0) == []
    assert notices.finished(desk.book, desk.heard, desk.rules, desk.now(70.0)) == {1}


def test_what_was_well_for_a_while_and_fails_again_is_told_at_once() -> None:
    desk = Desk()
    desk.hear(well_since(an_incident(), 5.0))
    assert desk.due(40.0) == []
    desk.hear(an_incident())
    assert desk.due(41.0) == [("ops", [("opened", 1)])]


def test_the_end_is_told_to_who_knows_of_the_beginning() -> None:
    desk = Desk()
    desk.hear(an_incident())
    desk.send(30.0)
    desk.hear(well_since(an_incident(), 40.0))
    assert desk.due(50.0) == []
    desk.hear(closed(well_since(an_incident(), 40.0), 100.0))
    assert desk.due(100.0) == [("ops", [("resolved", 1)])]
    desk.send(100.0)
    assert desk.due(101.0) == []


def test_a_severity_that_rose_is_told_once() -> None:
    desk = Desk()
    desk.hear(an_incident())
    desk.send(30.0)
    desk.hear(an_incident(severity="critical"))
    assert desk.due(31.0) == [("ops", [("updated", 1)])]
    desk.send(31.0)
    assert desk.due(40.0) == []


def test_another_cause_is_told_when_it_has_settled_too() -> None:
    desk = Desk()
    desk.hear(an_incident(cause="web"))
    desk.send(30.0)
    desk.hear(an_incident(cause="db"))
    assert desk.due(59.0) == []
    assert desk.due(60.0) == [("ops", [("updated", 1)])]
    desk.hear(well_since(an_incident(cause="db"), 59.0))
    assert desk.due(60.0) == []


def test_what_stays_open_is_reminded_of_again_and_again() -> None:
    desk = Desk()
    desk.hear(an_incident())
    desk.send(30.0)
    assert desk.plan(40.0).wake_at == 3630.0
    assert desk.due(3630.0) == [("ops", [("reminder", 1)])]
    desk.send(3700.0)
    assert desk.due(7299.0) == []
    assert desk.due(7300.0) == [("ops", [("reminder", 1)])]


def test_nobody_is_reminded_who_does_not_want_to_be() -> None:
    desk = Desk(replace(RULES, reminder=0.0))
    desk.hear(an_incident())
    desk.send(30.0)
    assert desk.plan(40.0).wake_at == math.inf


def test_a_step_of_the_wall_clock_makes_nothing_settle_late() -> None:
    desk = Desk()
    desk.hear(an_incident())
    stepped = Instant(30.0, EPOCH - 7200.0)
    assert notices.plan(desk.book, desk.heard, RULES, stepped, quiet={}, busy=()).dispatches != ()


# --- who ----------------------------------------------------------------------------------------------------------


def test_routes_choose_by_severity_and_by_the_category_of_any_member() -> None:
    rules = replace(
        RULES,
        channels=("all", "phone", "models"),
        routes=(
            Route(("all",)),
            Route(("phone",), severity="critical"),
            Route(("models",), categories=frozenset({Category.AI})),
        ),
    )
    desk = Desk(rules)
    desk.hear(an_incident(1), Category.INFRASTRUCTURE)
    desk.hear(an_incident(2, severity="critical"), Category.INFRASTRUCTURE, Category.AI)
    desk.hear(an_incident(3), Category.AI)
    told = {(each.channel, one.incident.id) for each in desk.send(30.0) for one in each.notices}
    assert told == {("all", 1), ("all", 2), ("all", 3), ("phone", 2), ("models", 2), ("models", 3)}


def test_who_was_told_hears_the_end_also_where_the_route_fits_no_more() -> None:
    desk = Desk(replace(RULES, routes=(Route(("ops",), categories=frozenset({Category.AI})),)))
    desk.hear(an_incident(), Category.AI)
    desk.send(30.0)
    desk.hear(closed(an_incident(), 100.0))
    assert desk.due(100.0) == [("ops", [("resolved", 1)])]


# --- when ---------------------------------------------------------------------------------------------------------


def test_quiet_hours_put_off_and_what_is_over_by_then_is_told_once() -> None:
    desk = Desk(quiet={"ops": (Quiet(1000.0, critical_breaks_through=True),)})
    desk.hear(an_incident())
    assert desk.due(500.0) == []
    assert desk.plan(500.0).wake_at == 1000.0
    assert desk.plan(500.0).undelivered == {"ops": 0}
    desk.hear(closed(an_incident(), 600.0))
    desk.quiet = {}
    assert desk.due(1000.0) == [("ops", [("resolved", 1)])]


@pytest.mark.parametrize("breaks_through", [True, False])
def test_what_is_critical_breaks_through_quiet_hours_where_that_is_wanted(breaks_through: bool) -> None:
    desk = Desk(quiet={"ops": (Quiet(1000.0, breaks_through),)})
    desk.hear(an_incident(severity="critical"))
    assert bool(desk.due(30.0)) is breaks_through


def test_quiet_hours_without_a_channel_are_everybodys() -> None:
    assert QuietHours(Window(0, 60)).concern("ops")
    assert not QuietHours(Window(0, 60), frozenset({"phone"})).concern("ops")


def test_a_storm_becomes_one_message() -> None:
    desk = Desk(replace(RULES, digest=Digest(after=3, within=60.0)))
    for number in range(1, 41):
        desk.hear(an_incident(number))
    (sent,) = desk.send(30.0)
    assert [one.incident.id for one in sent.notices] == list(range(1, 41))


def test_a_few_go_out_one_by_one_and_what_follows_is_gathered() -> None:
    desk = Desk(replace(RULES, digest=Digest(after=3, within=60.0)))
    for number in (1, 2, 3):
        desk.hear(an_incident(number))
    assert [len(each.notices) for each in desk.send(30.0)] == [1, 1, 1]
    for number in (4, 5, 6, 7):
        desk.hear(an_incident(number, opened=10.0))
    assert desk.due(45.0) == []
    assert desk.plan(45.0).wake_at == 90.0
    assert desk.plan(45.0).undelivered == {"ops": 4}
    assert desk.due(90.0) == [("ops", [("opened", number) for number in (4, 5, 6, 7)])]


def test_one_message_at_a_time_is_under_way_to_a_channel() -> None:
    desk = Desk(replace(RULES, channels=("ops", "phone")))
    desk.hear(an_incident())
    assert [each.channel for each in desk.plan(30.0, "ops").dispatches] == ["phone"]


# --- a channel that fails -----------------------------------------------------------------------------------------


def test_a_channel_that_fails_is_tried_less_and_less_often_and_for_ever() -> None:
    desk, at, pauses = Desk(), 30.0, []
    desk.hear(an_incident())
    for _ in range(12):
        desk.refuse(at)
        assert desk.due(at) == []
        wake_at = desk.plan(at).wake_at
        pauses.append(wake_at - at)
        at = wake_at
    assert pauses[:4] == [5.0, 10.0, 20.0, 40.0]
    assert pauses[-1] == LONGEST_PAUSE
    assert desk.book.outlet("ops").failure == "HTTP 500"
    desk.send(at)
    assert desk.book.outlet("ops").failure == ""


def test_a_message_keeps_its_key_from_attempt_to_attempt_and_every_message_has_its_own() -> None:
    desk = Desk()
    desk.hear(an_incident())
    first = desk.refuse(30.0)
    (second,) = desk.send(35.0)
    desk.hear(an_incident(severity="critical"))
    (update,) = desk.send(36.0)
    (reminder,) = desk.send(3636.0)
    desk.hear(closed(an_incident(severity="critical"), 4000.0))
    (end,) = desk.send(4000.0)
    assert first.key == second.key
    assert len({second.key, update.key, reminder.key, end.key}) == 4


def test_the_end_of_an_incident_whose_beginning_was_never_accepted_is_another_message() -> None:
    desk = Desk()
    desk.hear(an_incident())
    opened = desk.refuse(30.0)
    desk.hear(closed(an_incident(), 60.0))
    (end,) = desk.send(60.0)
    assert [one.kind.value for one in end.notices] == ["resolved"]
    assert opened.key != end.key


def test_a_digest_has_a_key_of_its_own_contents() -> None:
    desk = Desk(replace(RULES, digest=Digest(after=1, within=60.0)))
    desk.hear(an_incident(1))
    desk.hear(an_incident(2))
    first = desk.refuse(30.0)
    (second,) = desk.send(40.0)
    assert len(first.notices) == 2
    assert first.key == second.key
    assert first.key not in {one.key for one in first.notices}


def test_a_message_that_is_refused_keeps_no_other_from_a_channel() -> None:
    desk = Desk()
    desk.hear(an_incident(1))
    desk.hear(an_incident(2))
    assert [one.incident.id for one in desk.refuse(30.0).notices] == [1]
    assert desk.due(40.0) == [("ops", [("opened", 2)])]


def test_what_is_long_over_is_told_no_more() -> None:
    desk = Desk()
    desk.hear(an_incident())
    desk.refuse(30.0)
    desk.hear(closed(an_incident(), 60.0))
    assert desk.due(60.0 + GIVEN_UP_AFTER - 1) != []
    late = 61.0 + GIVEN_UP_AFTER
    assert desk.due(late) == []
    assert notices.finished(desk.book, desk.heard, desk.rules, desk.now(late)) == {1}
    assert notices.left_waiting(desk.book, 1, desk.rules) == ("ops",)
    assert notices.left_waiting(desk.book, 2, desk.rules) == ()


# --- what is remembered -------------------------------------------------------------------------------------------


def test_a_new_channel_is_told_of_what_is_open_and_of_nothing_that_was_over_before() -> None:
    desk = Desk(book=notices.configured(Book(), RULES, Desk.now(100.0)))
    desk.hear(closed(an_incident(1), 90.0))
    desk.hear(closed(an_incident(2), 110.0))
    desk.hear(an_incident(3))
    assert {one.incident.id for each in desk.send(120.0) for one in each.notices} == {2, 3}
    again = notices.configured(desk.book, replace(RULES, channels=("ops", "phone")), Desk.now(500.0))
    assert (again.outlet("ops").since, again.outlet("phone").since) == (EPOCH + 100.0, EPOCH + 500.0)
    assert notices.configured(again, RULES, Desk.now(600.0)).outlets.keys() == {"ops"}


def test_what_an_earlier_process_told_counts_also_when_it_is_read_late() -> None:
    earlier = Desk(book=notices.configured(Book(), RULES, Desk.now(0.0)))
    earlier.hear(an_incident(1))
    earlier.send(30.0)
    ours = Desk(book=notices.configured(Book(), RULES, Desk.now(50.0)))
    ours.hear(an_incident(2))
    ours.refuse(80.0)
    book = notices.continued(earlier.book, ours.book)
    assert book.lines.keys() == {(1, "ops"), (2, "ops")}
    assert (book.outlet("ops").since, book.outlet("ops").failure) == (EPOCH, "HTTP 500")
    assert notices.continued(Book(), ours.book) == ours.book


def test_who_knows_of_a_part_knows_of_the_whole_and_hears_one_end() -> None:
    desk = Desk()
    desk.hear(an_incident(1, cause="web"))
    desk.send(30.0)
    desk.hear(an_incident(2, opened=20.0, cause="db"))
    desk.book = notices.merged(desk.book, 1, 2)
    desk.heard.pop(1)
    assert desk.due(60.0) == [("ops", [("updated", 2)])]
    desk.send(60.0)
    desk.hear(closed(an_incident(2, opened=20.0), 90.0))
    assert [[one.kind.value for one in each.notices] for each in desk.send(90.0)] == [["resolved"]]


def test_a_whole_that_is_known_already_stays_as_known() -> None:
    desk = Desk()
    desk.hear(an_incident(1, cause="web"))
    desk.hear(an_incident(2, cause="db"))
    desk.send(30.0)
    before = desk.book.line(2, "ops")
    desk.book = notices.merged(desk.book, 1, 2)
    assert desk.book.lines == {(2, "ops"): before}


def test_a_part_that_nobody_was_told_of_leaves_nothing() -> None:
    desk = Desk()
    desk.hear(an_incident(1))
    desk.refuse(30.0)
    assert notices.merged(desk.book, 1, 2).lines == {}


def test_an_end_that_was_told_is_remembered_as_long_as_it_could_be_told_again() -> None:
    desk = Desk()
    desk.hear(closed(an_incident(), 60.0))
    desk.send(60.0)
    assert notices.finished(desk.book, desk.heard, desk.rules, desk.now(61.0)) == {1}
    assert notices.pruned(desk.book, (), desk.now(61.0)) is desk.book
    assert notices.pruned(desk.book, (), desk.now(100.0 + 2 * GIVEN_UP_AFTER)).lines == {}


def test_what_is_still_open_is_not_finished() -> None:
    desk = Desk()
    desk.hear(an_incident())
    assert notices.finished(desk.book, desk.heard, desk.rules, desk.now(0.0)) == frozenset()
    desk.send(30.0)
    assert notices.pruned(desk.book, desk.heard, desk.now(9 * GIVEN_UP_AFTER)) is desk.book


def test_an_incident_that_was_closed_without_being_well_lasted_until_then() -> None:
    desk = Desk()
    desk.hear(replace(an_incident(), closed_at=EPOCH + 31.0))
    assert desk.due(31.0) == [("ops", [("resolved", 1)])]
