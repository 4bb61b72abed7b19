"""What is put on record about a failure, before a restart destroys it: the real collector on the fake engine."""

from __future__ import annotations

from typing import cast

import pytest

from orchestrator.testing.daemon import Dialect

DIAGNOSED = "Failure diagnosed"


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)
