"""What people decide through the API holds, also when the orchestrator is killed and started again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.live.serve import Document, service_labels
from tests.live.ward import SECOND_THOUGHTS, Ward, engine_of, lent, opened


class Decided(NamedTuple):
    """A ward in which people decided, before its orchestrator was killed and started again."""

    ward: Ward
    containers: Mapping[str, str]
    before: Mapping[str, list[Document]]
    """Events of each service as told before the kill."""


@pytest.fixture(scope="module", params=["podman", "docker"])
def decided(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decided]:
    folder = tmp_path_factory.mktemp("intent")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        services = ("stopped", "disabled", "enabled", "restarted", "crashed", "orphaned")
        containers = {one: engine.run(one, *service_labels(one)) for one in services}
        for one in services:
            ward.serve.wait_for(one, status="running")
        ward.serve.order("stopped", "stop")
        ward.serve.order("disabled", "disable")
        ward.serve.order("enabled", "disable")
        ward.serve.order("restarted", "restart")
        ward.engine.kill(containers["disabled"])
        ward.engine.kill(containers["crashed"])
        ward.healed("restarted", containers["restarted"])
        ward.healed("crashed", containers["crashed"])
        ward.serve.wait_for("stopped", status="stopped", container_state="exited")
        ward.serve.wait_for("disabled", status="disabled", container_state="exited")
        ward.serve.order("enabled", "enable")
        ward.serve.wait_for("enabled", status="running")
        before = {one: ward.serve.events(one) for one in containers}
        ward.serve.kill()
        engine.kill(containers["orphaned"])
        ward.wait_for_death(containers["orphaned"])
        ward.serve.start()
        ward.serve.wait_for_engine(reachable=True)
        ward.serve.wait_for("disabled", container_state="exited")
        time.sleep(SECOND_THOUGHTS)
        yield Decided(ward, containers, before)


def test_what_was_stopped_stays_stopped_until_it_is_started(decided: Decided) -> None:
    ward, container = decided.ward, decided.containers["stopped"]
    service = ward.serve.service("stopped")
    assert (service["status"], service["at_rest"]) == ("stopped", True)
    assert "local user" in service["reason"]
    assert len(ward.starts(container)) == 1
    ward.serve.order("stopped", "start")
    ward.wait_for_starts(container, 2)
    ward.serve.wait_for("stopped", status="running", at_rest=False)
    ward.engine.kill(container)
    ward.healed("stopped", container, starts=3)


def test_what_was_disabled_is_not_healed_until_it_is_enabled(decided: Decided) -> None:
    ward, container = decided.ward, decided.containers["disabled"]
    assert (ward.serve.service("disabled")["status"], len(ward.starts(container))) == ("disabled", 1)
    refused = ward.serve.ask("POST", "/services/disabled/restart")
    assert refused.status == 409
    assert "enable it first" in refused.body["detail"]
    enabled = ward.serve.order("disabled", "enable")
    assert enabled["service"]["enabled"]
    ward.wait_for_starts(container, 2)
    assert ward.serve.wait_for("disabled", status="running")["failure_count"] == 0


def test_what_was_enabled_again_is_healed(decided: Decided) -> None:
    ward, container = decided.ward, decided.containers["enabled"]
    assert len(ward.starts(container)) == 1
    ward.engine.kill(container)
    ward.healed("enabled", container)


def test_a_restart_by_a_person_is_one_restart_and_no_failure(decided: Decided) -> None:
    ward, container = decided.ward, decided.containers["restarted"]
    assert len(ward.starts(container)) == 2
    service = ward.serve.service("restarted")
    assert (service["restart_count"], service["failure_count"], service["strikes"]) == (1, 0, 0)
    told = ward.serve.told("restarted")
    assert (told.count("Manual restart initiated"), told.count("Restart completed")) == (1, 1)


def test_counters_and_events_survive(decided: Decided) -> None:
    ward = decided.ward
    service = ward.serve.service("crashed")
    assert (service["status"], service["restart_count"], service["strikes"]) == ("running", 1, 1)
    after = ward.serve.events("crashed")
    assert after[: len(decided.before["crashed"])] == decided.before["crashed"]
    sequences = [event["sequence"] for event in after]
    assert sequences == sorted(set(sequences))


def test_what_died_while_no_orchestrator_ran_is_started_when_one_comes(decided: Decided) -> None:
    decided.ward.healed("orphaned", decided.containers["orphaned"])


def test_a_name_that_nobody_manages_is_told_with_what_it_may_have_meant(decided: Decided) -> None:
    answer = decided.ward.serve.ask("POST", "/services/stoped/start")
    assert answer.status == 404
    assert "stopped" in answer.body["detail"]
