"""What is put on record about a failure, before a restart destroys it: the real collector on the fake engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from orchestrator.core.diagnosis import Diagnosis
from orchestrator.core.evidence import Evidence, LogTail, Unread, to_document
from orchestrator.core.masking import MASK
from orchestrator.core.messages import Stop
from orchestrator.runtime.evidence import BOUND, MOST_AT_ONCE, MOST_WAITING
from orchestrator.testing import Scenario, Workload
from orchestrator.testing.daemon import Dialect

DIAGNOSED = "Failure diagnosed"


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)
