"""Why a start-up took as long as it did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.critical_path import Span, Step, critical_path

CHAIN = {"backend": ("postgres", "redis", "ai-llm"), "frontend": ("backend",)}


def test_it_goes_back_from_what_ended_last_through_what_each_waited_for() -> None:
    spans = {
        "postgres": Span(0.0, 3.0),
        "redis": Span(0.0, 1.0),
        "backend": Span(3.0, 11.0),
        "frontend": Span(11.0, 12.0),
        "grafana": Span(0.0, 5.0),
    }
    assert critical_path(spans, CHAIN) == (
        Step("postgres", 0.0, 3.0),
        Step("backend", 0.0, 8.0),
        Step("frontend", 0.0, 1.0),
    )


def test_a_soft_dependency_that_was_given_up_is_no_step_but_a_wait() -> None:
    spans = {"postgres": Span(0.0, 3.0), "ai-llm": Span(0.0, 200.0), "backend": Span(120.0, 128.0)}
    assert critical_path({**spans, "frontend": Span(128.0, 201.0)}, CHAIN) == (
        Step("postgres", 0.0, 3.0),
        Step("backend", 117.0, 8.0),
        Step("frontend", 0.0, 73.0),
    )


def test_what_began_a_millisecond_before_the_end_was_told_had_waited_for_it() -> None:
    spans = {"postgres": Span(0.0, 3.001), "backend": Span(3.0, 4.0)}
    assert [step.name for step in critical_path(spans, CHAIN)] == ["postgres", "backend"]


def test_nothing_has_no_path() -> None:
    assert critical_path({}, CHAIN) == ()


_SPANS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.floats(0, 100), st.floats(0, 100)).map(lambda pair: Span(min(pair), max(pair))),
)
_NEEDS = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef")))


@given(_SPANS, _NEEDS)
def test_it_ends_with_what_ended_last_and_its_sum_is_that_moment(
    spans: dict[str, Span], needs: dict[str, set[str]]
) -> None:
    path = critical_path(spans, needs)
    assert len({step.name for step in path}) == len(path), "also where the dependencies go round in a circle"
    if spans:
        total = sum(step.waited + step.took for step in path)
        assert abs(total - max(span.ended for span in spans.values())) <= 0.01 * len(path)
