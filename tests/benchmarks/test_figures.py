"""The arithmetic behind the published figures."""

from __future__ import annotations

import pytest
from benchmarks.figures import ratio, spread, table


def test_a_spread_is_the_median_and_the_range() -> None:
    assert spread([0.3, 0.1, 0.9]).shown(1000) == "300 (100 to 900)"


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


def test_a_ratio_is_taken_within_each_round_so_that_a_slow_round_slows_both_sides() -> None:
    ours, theirs = [1.0, 1.0, 10.0, 10.0, 10.0], [2.0, 2.0, 20.0, 20.0, 4.0]
    assert ratio(ours, theirs) == 0.5


def test_a_ratio_needs_both_sides_of_every_round() -> None:
    with pytest.raises(ValueError, match="3 rounds beside 2"):
        ratio([1.0, 1.0, 1.0], [1.0, 1.0])


def test_a_table_is_aligned_markdown() -> None:
    assert table(["", "ms"], [["ours", "9"], ["the engine's", "1234"]]).splitlines() == [
        "|              |   ms |",
        "| :----------- | ---: |",
        "| ours         |    9 |",
        "| the engine's | 1234 |",
    ]
