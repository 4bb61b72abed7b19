"""Services that share what only one of them can take at a time: on real engines, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest

from tests.live.serve import Document
from tests.live.ward import Ward, engine_of, lent, opened

LOADS = ("sh", "-c", "sleep 2; exec /srv/serve")
"""Answers nothing while it loads, as a model server does."""
LANE = {"lane": "gpu", "grace": "30"}
LANE_TIMEOUT = 60.0
Lane = dict[str, str]
"""Containers by the name of their service."""


@pytest.fixture(scope="module", params=["podman", "docker"])
def ward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("lanes")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        yield ward


def _admitted(ward: Ward, *names: str) -> Lane:
    """Such as load, up and well."""
    return {name: ward.admit(name, command=LOADS, **LANE) for name in names}


def _turns(ward: Ward, lane: Lane) -> list[tuple[float, float]]:
    """Of each, the engine's time of its second start and ours of its verification; in the order of the starts."""
    for container in lane.values():
        ward.wait_for_starts(container, 2, LANE_TIMEOUT)
    return sorted(
        (ward.starts(container)[1].at, _wall(ward.serve.wait_for_event(name, "Restart completed", 1, LANE_TIMEOUT)))
        for name, container in lane.items()
    )


def _wall(event: Document) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def test_each_is_verified_before_the_next_is_started(ward: Ward) -> None:
    lane = _admitted(ward, "first", "second", "third")
    for container in lane.values():
        ward.engine.kill(container)
    waiting = [
        ward.serve.wait_for(name, timeout=LANE_TIMEOUT, status="running", restart_count=1, failure_count=0)
        for name in lane
    ]
    assert [service["strikes"] for service in waiting] == [1, 1, 1], "waiting is no failure"
    periods = _turns(ward, lane)
    for (_, verified), (started, _) in pairwise(periods):
        assert started >= verified, periods
    assert [len(ward.starts(container)) for container in lane.values()] == [2, 2, 2]


def test_a_person_waits_for_a_turn_and_gets_it(ward: Ward) -> None:
    lane = _admitted(ward, "former", "latter")
    ward.serve.order("former", "restart")
    answer = ward.serve.order("latter", "restart")
    assert answer["message"].startswith("latter is restarted when its turn comes: waiting for its turn in lane gpu")
    planned = {one["service"]: one for one in ward.serve.get("/plan")["entries"]}["latter"]
    assert (planned["intention"], planned["blocked_by"]) == ("wait", ["lane_taken_by:former"])
    (_, verified), (started, _) = _turns(ward, lane)
    assert started >= verified
