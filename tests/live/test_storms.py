"""Many at once, on real engines: what was killed comes back a few at a time, what falls ill together waits for one."""

from __future__ import annotations

import http.client
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live.engines import wait_until
from tests.live.serve import service_labels
from tests.live.ward import SECOND_THOUGHTS, Ward, engine_of, lent, opened

CROWD = 30
MOST = 4 * (os.cpu_count() or 1)
"""Actions at once, at the most."""
UNRELATED = 8
PATIENCE = 120.0


@pytest.fixture(params=["podman", "docker"])
def ward(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ward]:
    with lent(engine_of(request, request.param)) as engine, opened(engine, tmp_path) as ward:
        yield ward


def figure(ward: Ward, name: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", ward.serve.port, timeout=30)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = re.search(rf"^orchestrator_{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def told_of_host(ward: Ward) -> list[tuple[str, str]]:
    """Message and cause, oldest first."""
    events = ward.serve.get("/health/events?limit=1000")["events"][::-1]
    return [(event["message"], event["cause"]) for event in events if event["type"] == "host"]


def test_a_crowd_killed_at_once_comes_back_a_few_at_a_time(ward: Ward) -> None:
    labels = {"port": "", "health__http": ""}

    def admit(number: int) -> str:
        options = service_labels(f"web-{number:02}", **labels)
        return ward.engine.run(f"web-{number:02}", *options, "--network=none")

    with ThreadPoolExecutor(2) as pool:
        containers = list(pool.map(admit, range(CROWD)))
    for number in range(CROWD):
        ward.serve.wait_for(f"web-{number:02}", status="running", timeout=PATIENCE)
    for pid in [ward.engine.pid(container) for container in containers]:
        ward.engine.kill(pid)
    busy, waiting, end = [], [], time.monotonic() + PATIENCE
    while any(len(ward.starts(container)) < 2 for container in containers):
        assert time.monotonic() < end, [ward.serve.told(f"web-{number:02}") for number in range(CROWD)]
        busy.append(figure(ward, "actions_in_flight"))
        waiting.append(figure(ward, "actions_waiting"))
    for number in range(CROWD):
        ward.serve.wait_for(f"web-{number:02}", status="running", timeout=PATIENCE)
    time.sleep(SECOND_THOUGHTS)
    assert 1 < max(busy) <= MOST
    assert max(waiting) > 0, "there were more than may be started at once"
    assert {len(ward.starts(container)) for container in containers} == {2}
    assert told_of_host(ward) == []


def test_unrelated_services_that_fall_ill_at_once_wait_until_one_that_is_tried_is_well(ward: Ward) -> None:
    """The host is well, so that nothing but the trial is waited for."""
    services = [f"app-{number}" for number in range(UNRELATED)]
    settings = {"health__interval": "2", "recovery__backoff_base": "4"}
    containers = {service: ward.admit(service, **settings) for service in services}
    for container in containers.values():
        ward.engine.switch(container, "upset")
    wait_until(lambda: len(told_of_host(ward)) >= 2, PATIENCE, "a pause and its end")
    for service, container in containers.items():
        ward.wait_for_starts(container, 2, timeout=PATIENCE)
        ward.serve.wait_for(service, status="running", timeout=PATIENCE)
    time.sleep(SECOND_THOUGHTS)
    assert {len(ward.starts(container)) for container in containers.values()} == {2}
    (opened_by, why), (closed_by, because) = told_of_host(ward)
    assert (opened_by, closed_by) == ("Restarts paused", "Restarts resumed")
    assert "unrelated services failed within" in why
    assert because.endswith(" is well again")
    assert figure(ward, "restarts_paused") == 0


def test_unrelated_services_that_freeze_at_once_are_restarted_without_a_pause(ward: Ward) -> None:
    containers = {service: ward.admit(service) for service in (f"app-{number}" for number in range(UNRELATED))}
    for container in containers.values():
        ward.engine.freeze(container)
    for service, container in containers.items():
        ward.wait_for_starts(container, 2, timeout=PATIENCE)
        ward.serve.wait_for(service, status="running", timeout=PATIENCE)
    time.sleep(SECOND_THOUGHTS)
    assert {len(ward.starts(container)) for container in containers.values()} == {2}
    assert told_of_host(ward) == []
