"""The rules by which stories about people are judged: each finds what is wrong by it, and nothing in what is right."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestrator.core.messages import Command, Start
from orchestrator.core.model import Instant
from orchestrator.testing.ledger import Happening, Ledger, What, Who
from orchestrator.testing.promises import broken_promises
from tests.oracle import HELD, STOPPED, Case, Span


def at(moment: float, container: str, what: What, by: Who = "user", detail: str = "") -> Happening:
    return Happening(Instant(moment, moment), container, what, by, detail)


def asked(moment: float, container: str = "web", what: What = "asked to start") -> Happening:
    return at(moment, container, what, "orchestrator")


def wrong(
    *ledger: Happening, spans: Sequence[Span] = (), commands: Sequence[tuple[float, str, Command]] = ()
) -> list[str]:
    return Case(Ledger([*ledger]), commands, spans, {"shop": ("db", "web")}, {"web": "db"}).wrong_actions()


DOWN = at(0, "web", "exited")
HOLD = Span("web", HELD, 1, 20)
UPDATE = Span("web", "its project shop is being updated", 1, 20, project="shop")


def test_a_start_of_what_is_down_is_right() -> None:
    assert wrong(DOWN, asked(1)) == []


@pytest.mark.parametrize("span", [HOLD, Span("web", STOPPED, 1)])
def test_what_is_held_or_stopped_is_left_alone_unless_it_is_asked_for(span: Span) -> None:
    assert len(wrong(DOWN, asked(10), spans=[span])) == 1
    assert wrong(DOWN, asked(1.5), spans=[span]) == [], "decided before the news had come"
    assert wrong(DOWN, asked(10), spans=[span], commands=[(9.9, "web", Start("ann"))]) == []
    assert wrong(DOWN, asked(10), spans=[Span("db", span.why, 1, 20)]) == [], "another service's"


def test_the_end_of_a_hold_and_a_start_by_somebody_else_end_it() -> None:
    assert wrong(DOWN, asked(20), spans=[HOLD]) == []
    restarted = (at(5, "web", "started"), at(6, "web", "exited"))
    assert wrong(DOWN, *restarted, asked(10), spans=[Span("web", STOPPED, 1)]) == []


def test_a_project_that_is_updated_is_left_alone_from_its_first_change_on() -> None:
    change = at(5, "db", "renamed", detail="to 0123456789ab_db")
    assert wrong(DOWN, asked(4), change, spans=[UPDATE]) == []
    assert len(wrong(DOWN, change, asked(7), spans=[UPDATE])) == 1


def test_what_compose_has_put_aside_is_left_alone() -> None:
    aside = at(1, "web", "renamed", detail="to 0123456789ab_web")
    assert len(wrong(DOWN, aside, asked(3, "0123456789ab_web"))) == 1


def test_one_death_is_answered_by_one_start() -> None:
    back = at(2, "web", "started", "orchestrator")
    assert len(wrong(DOWN, asked(1), back, asked(4))) == 1
    assert wrong(DOWN, asked(1), back, at(3, "web", "exited"), asked(4.5)) == []
    renamed = at(3, "web", "renamed", detail="to web-before")
    assert len(wrong(DOWN, asked(1), back, renamed, asked(5, "web-before"))) == 1


@pytest.mark.parametrize("what", ["asked to start", "asked to restart"])
def test_nothing_is_begun_while_what_is_required_is_down(what: What) -> None:
    assert len(wrong(DOWN, at(1, "db", "exited"), asked(3, what=what))) == 1
    assert wrong(DOWN, at(1, "db", "exited"), at(2, "db", "started"), asked(3, what=what)) == []


def test_what_is_paused_is_left_alone_as_soon_as_it_can_be_known() -> None:
    ledger = Ledger([at(1, "web", "paused"), at(2, "web", "renamed", detail="to wob"), asked(4, "wob")])
    assert broken_promises(ledger, (), ()) == [f"what was paused was touched: {asked(4, 'wob')}"]
    assert broken_promises(ledger, (), (), news=3.5) == []
