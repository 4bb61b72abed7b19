"""An incident and a history as they are kept: read back whole, and whatever somebody's hand left there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orchestrator.core.history import History, joined, observe
from orchestrator.core.incidents import Cause, Entry, Incident, Member
from orchestrator.core.model import Status
from orchestrator.ports import Document, IncidentRecord
from orchestrator.runtime.history import from_document, to_document
from orchestrator.runtime.incident_document import incident_document, incident_of
from orchestrator.runtime.incident_shelf import RECENT, IncidentShelf
from orchestrator.runtime.shelf import Shelf

NOON = 1_705_312_800.0
INCIDENT = Incident(
    id=7,
    cause=Cause("killed at its memory limit", "db", "", "likely", "oom", "Raise the limit."),
    title="db: killed at its memory limit",
    opened_at=NOON + 0.25,
    began_at=NOON,
    severity="critical",
    members=(
        Member("db", "root", Status.DISABLED, NOON + 0.25),
        Member("web", "dependent", Status.RUNNING, NOON + 1, NOON + 90),
    ),
    acted_at=NOON + 0.5,
    recovered_at=NOON + 30,
    closed_at=NOON + 90,
    merged_into=3,
    timeline=(Entry(NOON, "detected", "db", "db exited"), Entry(NOON + 1, "closed", "", "over")),
    omitted=2,
    evidence=({"run": 1},),
)


def test_what_is_kept_is_read_back_whole() -> None:
    assert incident_of(json.loads(json.dumps(incident_document(INCIDENT)))) == INCIDENT
    bare = Incident(1, Cause("gone", subject="gpu"), "gone", NOON, None)
    assert incident_of(json.loads(json.dumps(incident_document(bare)))) == bare


def test_times_are_told_from_the_failure_itself() -> None:
    document = incident_document(INCIDENT)
    assert (document["seconds_to_detect"], document["seconds_to_act"]) == (0.25, 0.5)
    assert document["seconds_to_recover"] == 30
    unknown = incident_document(replace(INCIDENT, began_at=None))
    assert (unknown["seconds_to_detect"], unknown["seconds_to_act"]) == (None, 0.25)
    assert unknown["began_at"] is None


@pytest.mark.parametrize("document", [{}, {"id": True}, {"id": 0}, {"id": 3}, {"id": 3, "opened_at": "yesterday"}])
def test_what_is_no_incident_is_none(document: Document) -> None:
    assert incident_of(document) is None


def test_what_makes_no_sense_is_left_out() -> None:
    opened_at = "2024-01-15T10:00:00.000Z"
    read = incident_of(
        {
            "id": 3,
            "opened_at": opened_at,
            "cause": "db",
            "members": [{"service": "db", "joined_at": opened_at, "status": "odd"}, {"service": "web"}, 5],
            "timeline": [{"at": opened_at, "kind": "invented"}, {"kind": "closed"}],
            "evidence": {},
            "merged_into": "2",
            "omitted": None,
        }
    )
    assert read is not None
    assert read.members == (Member("db", "dependent", Status.NOT_FOUND, NOON),)
    assert (read.cause, read.timeline, read.evidence) == (Cause("", confidence="possible"), (), ())
    assert (read.merged_into, read.omitted, read.severity) == (None, 0, "warning")


def test_a_history_is_read_back_whole() -> None:
    history = History()
    for number in range(600):
        history = observe(history, ("running", "stopped")[number % 2], number % 2 == 0, NOON + number * 60)
    history = joined(history, NOON)
    assert from_document(json.loads(json.dumps(to_document(history)))) == history


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"segments": 5, "hours": [], "incidents": "x", "outage_since": "y"},
        {"segments": [5, ["running", "yes", 1.0], ["running", True, float("nan")]], "hours": {"x": [], "7": [1, 2]}},
        {"incidents": [True, -1.0, 1e300], "outage_since": False},
    ],
)
def test_a_history_that_makes_no_sense_is_an_empty_one(document: Document) -> None:
    assert from_document(document) == History()


def test_stretches_that_run_backwards_are_left_out() -> None:
    read = from_document({"segments": [["running", True, 9.0], ["stopped", False, 5.0], ["stopped", False, 10.0]]})
    assert [each.since for each in read.segments] == [9.0, 10.0]


# --- in memory -------------------------------------------------------------------------------------------------


def a_record(number: int, status: str = "open", merged_into: int | None = None) -> IncidentRecord:
    summary: Document = {"id": number, "status": status, "members": [{"service": "db"}], "merged_into": merged_into}
    return IncidentRecord(number, summary, {})


def test_a_shelf_knows_what_the_store_lacks() -> None:
    shelf: Shelf[str, int] = Shelf()
    assert shelf.put("a", 1)
    assert not shelf.put("a", 1)
    batch = shelf.waiting()
    shelf.put("a", 2)
    shelf.written(batch)
    assert shelf.waiting() == {"a": 2}
    shelf.written(shelf.waiting())
    assert shelf.pending == 0
    shelf.put("a", None)
    shelf.written(shelf.waiting())
    assert (shelf.get("a"), list(shelf)) == (None, [])
    shelf.put("b", 3)
    shelf.withdraw("b")
    shelf.written({"b": 3})
    assert shelf.pending == 0


def test_a_store_that_came_back_empty_is_filled_again() -> None:
    shelf: Shelf[str, int] = Shelf()
    shelf.join({"a": 1, "b": 2})
    shelf.rejoin({"a": 1, "c": 3})
    assert shelf.waiting() == {"b": 2}
    assert sorted(shelf) == [1, 2, 3]


def test_closed_incidents_that_the_store_has_are_let_go_in_the_end() -> None:
    shelf = IncidentShelf()
    for number in range(1, RECENT + 21):
        shelf.put(number, a_record(number, "open" if number == 1 else "closed"))
    shelf.trim()
    assert len(list(shelf)) == RECENT + 20, "the store does not have them yet"
    shelf.written(shelf.waiting())
    shelf.trim()
    assert len(list(shelf)) == RECENT + 1
    assert set(shelf.matching(30, "db", None)) == {1, *range(21, 30)}
    assert set(shelf.matching(None, None, "open")) == {1}
    assert shelf.matching(None, "web", None) == {}


def test_what_was_numbered_without_the_store_goes_on_after_its_numbers() -> None:
    shelf = IncidentShelf()
    shelf.put(1, a_record(1))
    shelf.put(2, a_record(2, "closed", merged_into=1))
    shelf.number_above(5)
    assert shelf.waiting() == {6: a_record(6), 7: a_record(7, "closed", merged_into=6)}
