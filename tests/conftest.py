"""How the fast tests run: the same examples every time, and coverage that no luck can lend."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

CORE = Path(__file__).parent / "core"

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")
"""``--hypothesis-profile thorough`` searches anew and longer. No deadlines: a busy machine is no finding."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The core is covered by tests that were written for its branches: a story or a random example that comes by
    proves nothing about them, and need not be traced."""
    for item in items:
        if not item.path.is_relative_to(CORE) or is_searched(item):
            item.add_marker("no_cover")


def is_searched(item: pytest.Item) -> bool:
    test = getattr(item, "obj", None)
    return is_hypothesis_test(test) or hasattr(getattr(item, "cls", None), "settings")
