"""Maintenance windows as they are written, and what is said of those that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.configuration.document import read_document
from orchestrator.configuration.maintenance import WINDOW_KEYS, read_windows
from orchestrator.core.model import Category
from orchestrator.core.windows import EVERY_DAY, Window
from tests.configuration.test_documentation import REFERENCE

SOURCE = "orchestrator.yaml"
NIGHT = {"from": "02:00", "to": "03:30"}


def problems_of(written: object) -> list[str]:
    windows, problems = read_windows(written, SOURCE)
    assert problems
    assert windows == ()
    return [str(problem) for problem in problems]


def test_a_window_holds_everything_that_can_be_said_of_it() -> None:
    written = {
        **NIGHT,
        "days": ["mon", "Friday"],
        "timezone": "Europe/Berlin",
        "why": "nightly backup",
        "services": ["web"],
        "projects": "shop, blog",
        "categories": ["ai"],
    }
    window = Window(
        begins=120,
        ends=210,
        days=frozenset({0, 4}),
        timezone="Europe/Berlin",
        why="nightly backup",
        services=frozenset({"web"}),
        projects=frozenset({"shop", "blog"}),
        categories=frozenset({Category.AI}),
    )
    assert read_windows([written], SOURCE) == ((window,), ())


@pytest.mark.parametrize(
    ("days", "read"),
    [
        ("daily", EVERY_DAY),
        (None, EVERY_DAY),
        ("sun", {6}),
        ("sat, sun", {5, 6}),
        (["tue", "thursday"], {1, 3}),
    ],
)
def test_days(days: object, read: set[int]) -> None:
    (window,), problems = read_windows([{**NIGHT, "days": days}], SOURCE)
    assert (window.days, problems) == (frozenset(read), ())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"from": "25:00"}, "maintenance[0].from: '25:00' is not a time of day; write 02:00"),
        ({"to": None}, "maintenance[0].to: is missing; write 02:00"),
        ({"days": "someday"}, "maintenance[0].days: 'someday' is no day; write daily, or some of mon, tue"),
        ({"days": []}, "maintenance[0].days: a list is no day"),
        ({"days": ["mon", "monsoon"]}, "'monsoon' is no day"),
        ({"timezone": "Europe/Nowhere"}, "maintenance[0].timezone: 'Europe/Nowhere' is no time zone known here"),
        ({"timezone": "../../etc/passwd"}, "is no time zone known here"),
        ({"categories": ["ia"]}, "maintenance[0].categories: 'ia' is not known; use infrastructure, ai"),
        ({"service": ["web"]}, "maintenance[0].service: unknown key; did you mean 'services'?"),
    ],
)
def test_what_cannot_be_used_is_named_and_that_window_does_not_count(changed: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in problems_of([{**NIGHT, **changed}]))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"from": "02:00"}, "maintenance: a mapping is not a list of windows"),
        (["nightly"], "maintenance[0]: 'nightly' is not a mapping of keys"),
    ],
)
def test_another_shape_is_named(written: object, said: str) -> None:
    assert said in problems_of(written)[0]


def test_one_bad_window_does_not_take_the_others_with_it() -> None:
    document = read_document({"maintenance": [NIGHT, {"from": "2"}]}, SOURCE)
    assert document.windows == (Window(120, 210),)
    assert {problem.key for problem in document.problems} == {"maintenance[1].from", "maintenance[1].to"}


def test_every_key_of_a_window_is_in_the_reference() -> None:
    assert [key for key in WINDOW_KEYS if f"`{key}`" not in REFERENCE] == []
