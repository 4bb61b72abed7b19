"""The recovery of a service, as a circuit breaker reads it."""

from __future__ import annotations

import pytest

from orchestrator.core.circuit import Circuit, circuit_of
from orchestrator.core.messages import Restart, Stop
from tests.core.stage import Stage, disabled, healthy, restarting, starting, stopped, undiscovered, unhealthy


@pytest.mark.parametrize(
    ("stage", "circuit"),
    [
        (healthy(), Circuit.CLOSED),
        (starting(), Circuit.HALF_OPEN),
        (restarting(), Circuit.HALF_OPEN),
        (unhealthy(), Circuit.OPEN),
        (stopped(), Circuit.OPEN),
        (disabled(), Circuit.OPEN),
        (undiscovered(), Circuit.OPEN),
    ],
)
def test_a_circuit_is_closed_only_while_the_service_is_well(stage: Stage, circuit: Circuit) -> None:
    assert circuit_of(stage.state) is circuit


def test_a_restart_that_somebody_asked_for_is_a_trial_and_a_stop_is_none() -> None:
    stage = healthy()
    stage.turn(command=Restart("ann"))
    assert circuit_of(stage.state) is Circuit.HALF_OPEN
    stage = healthy()
    stage.turn(command=Stop("ann"))
    assert circuit_of(stage.state) is Circuit.OPEN
