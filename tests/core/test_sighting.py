from __future__ import annotations

from orchestrator.core.model import Category, ServiceSpec
from orchestrator.core.sighting import Changes, Sighting, Survey, differences


def a_survey(**ports: int) -> Survey:
    specs = {name: ServiceSpec(name, name, Category.APPLICATION, port=port) for name, port in ports.items()}
    return Survey({name: Sighting(spec, None, configured=True) for name, spec in specs.items()}, {})


def test_services_that_came_went_and_changed_are_told_apart() -> None:
    before, after = a_survey(same=1, other=2, gone=3), a_survey(same=1, other=4, new=5)
    assert differences(before, after) == Changes(added=("new",), removed=("gone",), changed=("other",))
