"""Evidence is bounded whatever the world holds, hides secrets, and is a JSON document."""

from __future__ import annotations

import json
from dataclasses import replace

from orchestrator.core.evidence import (
    LONGEST_LINE,
    MOST_EVENTS,
    MOST_HEALTH_OUTPUTS,
    MOST_LINES,
    MOST_LOG,
    MOST_PROCESSES,
    MOST_VARIABLES,
    ContainerProcess,
    Evidence,
    Happened,
    HealthOutput,
    LogLine,
    LogTail,
    Unread,
    tail_of,
    to_document,
    told,
    variables,
)
from orchestrator.core.masking import MASK
from orchestrator.core.model import Run, Verdict

MOST_DOCUMENT = 64 * 1024


def lines(*texts: str) -> list[LogLine]:
    return [LogLine("stdout", 1.0, text) for text in texts]


def test_of_a_log_the_newest_lines_within_the_bounds_are_kept() -> None:
    tail = tail_of(lines(*(f"line {number}" for number in range(200))), ())
    assert len(tail.lines) == MOST_LINES
    assert tail.lines[-1].text == "line 199"
    assert tail.cut


def test_a_long_log_of_few_lines_is_bounded_in_all_and_each() -> None:
    tail = tail_of(lines(*["x" * 16_000] * MOST_LINES), ())
    assert max(len(line.text) for line in tail.lines) == LONGEST_LINE
    assert sum(len(line.text) for line in tail.lines) <= MOST_LOG
    assert tail.cut


def test_a_short_log_is_kept_whole() -> None:
    assert tail_of(lines("one", "two"), ()) == LogTail(tuple(lines("one", "two")), cut=False)


def test_a_secret_at_the_place_where_a_line_is_cut_is_not_kept_by_half() -> None:
    (line,) = tail_of(lines("x" * (LONGEST_LINE - 3) + "tulip-garden"), ["tulip-garden"]).lines
    assert "tulip" not in line.text


def test_the_last_line_is_the_last_that_says_something() -> None:
    evidence = Evidence("web", None, 0.0, "exited", log=LogTail(tuple(lines("one", "two ", "", "  "))))
    assert evidence.last_line == "two"
    assert replace(evidence, log=Unread("why")).last_line == ""


def test_somebody_else_s_words_are_masked_and_shortened() -> None:
    assert told("password=abc") == f"password={MASK}"
    assert len(told("x" * 9000)) == LONGEST_LINE


def test_a_document_is_plain_json_and_says_what_could_not_be_read() -> None:
    evidence = Evidence("web", Run("c1", 5.0), 7.0, "exited", processes=Unread("it is down"))
    document = to_document(evidence)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert isinstance(document, dict)
    assert document["processes"] == {"unread": "it is down"}
    assert document["run"] == {"container_id": "c1", "started_at": 5.0}


def test_the_largest_evidence_stays_within_its_bound() -> None:
    evidence = Evidence(
        "web",
        Run("c" * 64, 5.0),
        7.0,
        "x" * LONGEST_LINE,
        error="x" * LONGEST_LINE,
        health=(HealthOutput(1.0, Verdict.FAIL, "command", "x" * LONGEST_LINE),) * MOST_HEALTH_OUTPUTS,
        events=(Happened(1.0, "health"),) * MOST_EVENTS,
        log=tail_of(lines(*["x" * 330] * 100), ()),
        environment=variables({f"VARIABLE_{number}": "x" * 5000 for number in range(500)}),
        processes=(ContainerProcess(4194304, "S", "x" * 15, 2**40),) * MOST_PROCESSES,
    )
    assert isinstance(evidence.environment, tuple)
    assert len(evidence.environment) == MOST_VARIABLES
    assert MOST_DOCUMENT / 2 < len(json.dumps(to_document(evidence))) < MOST_DOCUMENT
