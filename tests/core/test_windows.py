"""Whom a maintenance window concerns."""

from __future__ import annotations

from orchestrator.core.model import Category
from orchestrator.core.windows import Window


def test_a_window_that_names_nobody_is_everybodys() -> None:
    assert Window(0, 60).concerns("web", Category.APPLICATION, None)


def test_a_window_concerns_what_it_names_by_any_of_its_three_ways() -> None:
    window = Window(
        0, 60, services=frozenset({"web"}), projects=frozenset({"shop"}), categories=frozenset({Category.AI})
    )
    assert window.concerns("web", Category.APPLICATION, None)
    assert window.concerns("db", Category.APPLICATION, "shop")
    assert window.concerns("llm", Category.AI, None)
    assert not window.concerns("db", Category.APPLICATION, "blog")
    assert not window.concerns("db", Category.APPLICATION, None)
