"""What a recording holds is what was decided and from what, to the last field; what it cannot be is said by line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from orchestrator.core.codec import Unreadable, decode, encode, form_of
from orchestrator.core.messages import Decision, Facts
from orchestrator.core.model import Instant, ServiceSpec, ServiceState
from orchestrator.core.recording import BadLine, DecisionRecord, Recording, Writer, alike, changes, digest
from tests.core.stage import Stage, a_spec, healthy, unhealthy
from tests.core.values import any_of

NOW = Instant(1000.0, 1_700_000_000.0)
THOROUGHLY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def head() -> str:
    return Writer().head("1.2.3", NOW)


def recorded(stage: Stage, before: ServiceState) -> DecisionRecord:
    return DecisionRecord(stage.spec, before, stage.facts, stage.now, stage.decision)


def a_restart() -> DecisionRecord:
    stage = unhealthy()
    stage.after(1).fails()
    before = stage.state
    stage.wake()
    return recorded(stage, before)


def lines_of(*records: DecisionRecord) -> list[str]:
    writer = Writer()
    written = writer.head("1.2.3", NOW) + "".join(writer.lines(record) for record in records)
    return written.splitlines(keepends=True)


# --- nothing is lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Facts, ServiceState, ServiceSpec, Decision])
def test_every_field_of_every_value_survives(kind: type) -> None:
    @THOROUGHLY
    @given(any_of(kind))
    def survives(value: Any) -> None:
        line = json.dumps(encode(kind, value), allow_nan=False)
        assert decode(kind, json.loads(line)) == value

    survives()


@THOROUGHLY
@given(any_of(DecisionRecord))
def test_a_recorded_decision_is_read_as_it_was_taken(record: DecisionRecord) -> None:
    assert list(Recording(lines_of(record))) == [record]


def test_a_specification_is_written_once_and_again_where_it_changed() -> None:
    record = a_restart()
    changed = replace(record, spec=replace(record.spec, grace=99.0))
    lines = lines_of(record, record, changed, record)
    assert sum('"spec":' in line for line in lines) == 2
    assert list(Recording(lines)) == [record, record, changed, record]
    assert digest(record.spec) != digest(changed.spec)


def test_what_is_as_always_is_not_written() -> None:
    (line,) = [line for line in lines_of(a_restart()) if '"facts"' in line]
    assert set(json.loads(line)["facts"]) == {"container", "probe"}


# --- what is worth a line ------------------------------------------------------------------------------------


def test_a_decision_that_changes_nothing_is_worth_no_line() -> None:
    stage = healthy()
    before = stage.state
    stage.after(30).passes()
    assert before != stage.state, "the newest answer is taken in"
    assert alike(before, stage.state)
    assert not changes(before, stage.decision)
    assert not changes(stage.state, Decision(stage.state))


def test_whatever_else_a_decision_does_is_worth_a_line() -> None:
    record = a_restart()
    assert changes(record.before, record.decision)
    assert changes(record.before, Decision(record.before, due=True))
    assert changes(record.before, Decision(replace(record.before, reason="another")))


# --- what is no recording of ours ----------------------------------------------------------------------------


def refused(lines: list[str]) -> str:
    with pytest.raises(BadLine) as caught:
        list(Recording(lines))
    return str(caught.value)


def edited(**changes_of: Any) -> list[str]:
    first, spec, decision = lines_of(a_restart())
    return [first, spec, json.dumps(json.loads(decision) | changes_of) + "\n"]


def test_a_foreign_or_damaged_file_is_told_by_its_line() -> None:
    good = lines_of(a_restart())
    assert refused([]) == "line 1: it is empty"
    assert refused(["hello\n"]) == "line 1: it is no JSON"
    assert refused(["[1]\n"]) == "line 1: it is no JSON object"
    assert refused(['{"level": "info"}\n']) == "line 1: no recording of decisions begins like this"
    assert refused([*good, "{}\n"]) == "line 4: it is no line of a recording"
    assert refused([good[0], good[2]]).startswith("line 2: policy ")
    assert refused(['{"recording": 2}\n']) == "line 1: its form is 2, and this orchestrator reads 1"
    assert refused([*good[:2], good[2][:200] + "\n"]) == "line 3: it is no JSON"


def test_what_is_wrong_within_a_line_is_named() -> None:
    assert refused(edited(state=7)) == "line 3: state: 7 is no object"
    assert refused(edited(facts={"probe": {"run": {}}})).startswith("line 3: facts.probe: missing: ")
    assert refused(edited(facts={"weather": "fine"})) == "line 3: facts: unknown: weather"
    assert refused(edited(state={"status": "tired"})).startswith("line 3: state.status: 'tired' is none of running")
    assert refused(edited(decision=None)) == "line 3: no decision is in it"
    assert refused(edited(decision={"state": {"mood": 1}})) == "line 3: decision.state: unknown: mood"
    assert refused(edited(facts={"command": {"is": "Dance"}})).startswith("line 3: facts.command: 'Dance' is none of")
    assert refused(edited(facts={"unmet": ["db", 3]})) == "line 3: facts.unmet.1: 3 is no str"
    assert refused(edited(facts={"owners": [["c1"]]})) == "line 3: facts.owners.0: ['c1'] is no such list"
    assert refused(edited(facts={"jitter": True})) == "line 3: facts.jitter: True is no number"
    assert "no object" in refused(edited(facts={"container": {**_a_container(), "labels": []}}))
    assert "is none of" in refused(edited(state={"disabled_by": "the weather " * 9}))


def _a_container() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(lines_of(a_restart())[2])["facts"]["container"]
    return document


def test_a_line_that_was_being_written_when_its_process_died_is_left_out() -> None:
    record = a_restart()
    lines = lines_of(record, record)
    recording = Recording([*lines[:-1], lines[-1][:300]])
    assert list(recording) == [record]
    assert recording.cut_short


def test_what_could_not_be_written_is_counted() -> None:
    recording = Recording([head(), Writer.lost(3), Writer.lost(4)])
    assert list(recording) == []
    assert recording.lost == 7


def test_the_same_policy_has_the_same_digest_and_another_has_another() -> None:
    assert digest(a_spec()) == digest(a_spec())
    assert digest(a_spec()) != digest(a_spec(max_failures=3))


def test_what_is_nested_in_a_mapping_survives() -> None:
    form = form_of(Mapping[str, tuple[int, str]])
    assert form.read(form.write({"a": (1, "x")})) == {"a": (1, "x")}
    with pytest.raises(Unreadable, match="a: "):
        form.read({"a": [1]})


def test_unreadable_says_where() -> None:
    with pytest.raises(Unreadable) as caught:
        decode(Instant, {"moment": "soon", "wall": 1.0})
    assert caught.value.path == ("moment",)
