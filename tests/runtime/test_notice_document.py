"""What was told comes back as it was; what makes no sense was not told."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Instant
from orchestrator.core.notices import Book, Line, Outlet
from orchestrator.runtime.notice_document import book_document, book_of

KEPT = Instant(1000.0, 1_700_000_000.0)
LATER = Instant(5.0, 1_700_000_060.0)
"""A minute later, in another process."""

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
LINES = st.dictionaries(st.sampled_from(["severity", "cause", "told_at", "messages", "over"]), JSON, max_size=5)


def test_what_was_told_is_known_to_the_next_process() -> None:
    lines = {
        (17, "ops"): Line("critical", "db", told_at=940.0, messages=3),
        (18, "ops"): Line("warning", "mount:/x", told_at=1000.0, messages=1, over=True),
        (19, "ops"): Line(attempts=4),
    }
    book = Book(lines, {"ops": Outlet(since=1_699_000_000.0, sent=(1000.0,), attempts=2, failure="HTTP 500")})
    read = book_of(json.loads(json.dumps(book_document(book, KEPT))), LATER)
    assert read.lines == {
        (17, "ops"): Line("critical", "db", told_at=-115.0, messages=3),
        (18, "ops"): Line("warning", "mount:/x", told_at=-55.0, messages=1, over=True),
    }
    assert read.outlets == {"ops": Outlet(since=1_699_000_000.0)}


def test_nothing_was_told_later_than_now() -> None:
    book = Book({(1, "ops"): Line("warning", "db", told_at=1000.0, messages=1)})
    stepped_back = Instant(5.0, KEPT.wall - 3600.0)
    assert book_of(book_document(book, KEPT), stepped_back).line(1, "ops").told_at == 5.0


@given(st.fixed_dictionaries({}, optional={"channels": JSON, "told": JSON}))
def test_whatever_was_kept_can_be_read(document: dict[str, Any]) -> None:
    book_of(document, LATER)


@given(st.dictionaries(st.sampled_from(["1", "-1", "x", "²"]), st.dictionaries(st.just("ops"), LINES, max_size=1)))
def test_a_line_that_makes_no_sense_is_no_line(told: dict[str, Any]) -> None:
    for (incident, channel), line in book_of({"told": told}, LATER).lines.items():
        assert (incident, channel) == (1, "ops")
        assert line.told_at <= LATER.moment
        assert line.severity in ("warning", "critical")
