"""When the orchestrator itself cannot keep up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.strain import LATE, UNHEARD, UNWRITTEN, OwnFigures, strains

AT_EASE = OwnFigures(loop_lag=LATE, unheard=None, store_lag=UNWRITTEN)


def test_who_keeps_up_says_nothing_also_at_the_limits() -> None:
    assert strains(AT_EASE) == ()
    assert strains(replace(AT_EASE, unheard=UNHEARD)) == ()


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (replace(AT_EASE, loop_lag=2.25), "the loop ran 2.2 s late"),
        (replace(AT_EASE, unheard=31.0), "not heard for 31 s"),
        (replace(AT_EASE, store_lag=12.0), "12 s of news are not written"),
    ],
)
def test_what_is_too_much_is_said_with_its_figure(figures: OwnFigures, words: str) -> None:
    (strain,) = strains(figures)
    assert words in strain


def test_all_that_is_too_much_is_said() -> None:
    assert len(strains(OwnFigures(loop_lag=9.0, unheard=99.0, store_lag=99.0))) == 3
