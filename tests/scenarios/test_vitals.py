"""The circuits and figures of AI services through an illness."""

from __future__ import annotations

from orchestrator.core.circuit import Circuit
from orchestrator.runtime.vitals import VitalsView
from orchestrator.testing import Scenario


def vitals(world: Scenario) -> VitalsView:
    (only,) = world.orchestrator.vitals()
    return only


def test_a_circuit_opens_with_the_illness_and_closes_with_its_end() -> None:
    with Scenario() as world:
        llm = world.container("llm", labels={"orchestrator.category": "ai"})
        world.container("db", labels={"orchestrator.category": "infrastructure"})
        world.run_for("1m")
        assert (vitals(world).service.name, vitals(world).circuit) == ("llm", Circuit.CLOSED)
        assert vitals(world).figures.samples > 0
        assert vitals(world).figures.errors == 0
        world.now(llm.gets_sick())
        world.run_until(lambda: vitals(world).circuit is Circuit.OPEN, within="1m")
        assert vitals(world).figures.errors == 1
        world.run_until(lambda: vitals(world).circuit is Circuit.HALF_OPEN, within="1m")
        world.run_until(lambda: vitals(world).circuit is Circuit.CLOSED, within="1m")
        errors = vitals(world).figures.errors
        assert 1 < errors < vitals(world).figures.samples
        world.run_for("2h")
        assert vitals(world).figures.errors == 0
