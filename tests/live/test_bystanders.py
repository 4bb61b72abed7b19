"""What is left alone: each container in a state in which a careless healer would act, then one wait for all of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.live.engines import CommandFailed, wait_until
from tests.live.leftovers import processes_in_namespace_of
from tests.live.serve import HEAL_TIMEOUT, service_labels
from tests.live.ward import Ward, engine_of, lent, opened

LONG_ENOUGH = 3.0
"""Seconds in which a healer who cares for none of this has acted: beyond every backoff and patience set here."""


class Bystanders(NamedTuple):
    ward: Ward
    containers: Mapping[str, str]

    def assert_untouched(self, service: str) -> None:
        assert len(self.ward.starts(self.containers[service])) == 1, self.ward.serve.told(service)


@pytest.fixture(scope="module", params=["podman", "docker"])
def bystanders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bystanders]:
    folder = tmp_path_factory.mktemp("bystanders")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder, project="mine") as ward:
        containers = _admit(ward)
        _tempt(ward, containers)
        time.sleep(LONG_ENOUGH)
        yield Bystanders(ward, containers)


def _admit(ward: Ward) -> dict[str, str]:
    hanging = {"health__http": "", "health__command": "[ ! -e /switch/sick ] || exec /bin/hang"}
    run = ward.engine.run
    containers = {
        "paused": run("paused", *service_labels("paused")),
        "systemd": run("systemd", "--label=PODMAN_SYSTEMD_UNIT=web.service", *service_labels("systemd")),
        "swarm": run("swarm", "--label=com.docker.swarm.service.id=8x0", *service_labels("swarm")),
        "respected": run("respected", *service_labels("respected", recovery__on_manual_stop="respect")),
        "foreign": run("foreign", "--label=com.docker.compose.project=other", *service_labels("foreign")),
        "excluded": run("excluded", *service_labels("excluded", enable="false")),
        "job": run("job", *service_labels("job", kind="job"), command=("true",)),
        "stuck": run("stuck", *service_labels("stuck", **hanging)),
    }
    for service in ("paused", "systemd", "swarm", "respected", "stuck"):
        ward.serve.wait_for(service, status="running")
    ward.serve.wait_for("job", reason="completed: exited with code 0")
    return containers


def _tempt(ward: Ward, containers: Mapping[str, str]) -> None:
    ward.engine.command("pause", containers["paused"])
    for service in ("systemd", "swarm", "foreign", "excluded"):
        ward.engine.kill(containers[service])
    ward.engine.command("stop", containers["respected"])
    ward.serve.order("stuck", "disable")
    ward.engine.switch(containers["stuck"], "sick")
    for service in ("systemd", "swarm", "respected"):
        ward.serve.wait_for(service, container_state="exited")
    ward.serve.wait_for("paused", container_state="paused")


def test_a_paused_container_is_not_touched_and_goes_on_where_it_was(bystanders: Bystanders) -> None:
    serve = bystanders.ward.serve
    assert serve.service("paused")["status"] == "running"
    assert serve.service("paused")["reason"] == "paused"
    bystanders.ward.engine.command("unpause", bystanders.containers["paused"])
    serve.wait_for("paused", status="running", container_state="running")
    bystanders.assert_untouched("paused")
    assert "Health check failed" not in serve.told("paused")


@pytest.mark.parametrize(
    ("service", "owner"), [("systemd", "systemd unit web.service"), ("swarm", "Docker Swarm")], ids=["systemd", "swarm"]
)
def test_a_container_that_another_supervisor_owns_is_shown_and_left_to_it(
    bystanders: Bystanders, service: str, owner: str
) -> None:
    serve = bystanders.ward.serve
    bystanders.assert_untouched(service)
    assert serve.service(service)["status"] == "stopped"
    refused = serve.ask("POST", f"/services/{service}/restart")
    assert refused.status == 409
    assert owner in refused.body["detail"]


def test_what_a_person_stopped_by_the_engine_stays_stopped_where_that_is_respected(bystanders: Bystanders) -> None:
    """As far as the engine tells: Podman 4.3 tells of a stop only when it wins a race against its own clean-up, and
    shows one only while it lasts."""
    ward, container = bystanders.ward, bystanders.containers["respected"]
    told = any(event.container_id == container and event.action == "stop" for event in ward.journal.seen)
    seen = ward.serve.service("respected")["reason"] == "stopped by hand"
    if ward.engine.kind == "podman" and not told and not seen:
        ward.healed("respected", container)
        return
    bystanders.assert_untouched("respected")
    service = ward.serve.service("respected")
    assert (service["status"], service["reason"], service["at_rest"]) == ("stopped", "stopped by hand", True)


def test_a_respected_service_that_crashes_is_healed_all_the_same(bystanders: Bystanders) -> None:
    container = bystanders.ward.admit("crashing", recovery__on_manual_stop="respect")
    bystanders.ward.engine.kill(container)
    bystanders.ward.healed("crashing", container)


def test_what_a_person_stopped_by_the_engine_is_started_again_where_nothing_else_is_said(
    bystanders: Bystanders,
) -> None:
    container = bystanders.ward.admit("wanted")
    with contextlib.suppress(CommandFailed):  # Podman's clean-up after its stop can find it running again, and says so
        bystanders.ward.engine.command("stop", container)
    bystanders.ward.healed("wanted", container)


@pytest.mark.parametrize("service", ["foreign", "excluded"])
def test_a_container_of_another_project_or_excluded_by_its_label_is_neither_shown_nor_healed(
    bystanders: Bystanders, service: str
) -> None:
    bystanders.assert_untouched(service)
    assert bystanders.ward.engine.state(bystanders.containers[service]) == "exited"
    assert not bystanders.ward.serve.service(service)


def test_a_job_that_succeeded_is_complete(bystanders: Bystanders) -> None:
    bystanders.assert_untouched("job")
    assert bystanders.ward.serve.told("job").count("Job completed") == 1


def test_a_job_that_failed_is_tried_again_until_it_succeeds(bystanders: Bystanders) -> None:
    ward = bystanders.ward
    once = ("sh", "-c", "[ -e /tmp/tried ] && exit 0; touch /tmp/tried; exit 1")
    container = ward.engine.run("flaky", *service_labels("flaky", kind="job"), command=once)
    ward.wait_for_starts(container, 2)
    ward.serve.wait_for_event("flaky", "Job completed")
    assert len(ward.starts(container)) == 2


def test_checks_that_hang_do_not_pile_up_in_the_container(bystanders: Bystanders) -> None:
    engine, container = bystanders.ward.engine, bystanders.containers["stuck"]
    bystanders.assert_untouched("stuck")
    service = bystanders.ward.serve.service("stuck")
    assert service["status"] == "disabled"

    def hangs() -> bool:
        return "did not end within" in bystanders.ward.serve.service("stuck")["health"]["detail"]

    wait_until(hangs, HEAL_TIMEOUT, "a check that hangs")
    processes = processes_in_namespace_of(engine.pid(container))
    assert len(processes) <= 4, "the server, and one check: a shell that became hang, and its sleep"


def test_a_container_that_was_only_created_is_left_to_whoever_created_it(bystanders: Bystanders) -> None:
    ward = bystanders.ward
    container = ward.engine.create("prepared", *service_labels("prepared"))
    ward.serve.wait_for("prepared", status="stopped", container_state="created")
    ward.engine.command("start", container)
    ward.serve.wait_for("prepared", status="running")
    wait_until(lambda: len(ward.starts(container)) == 1, 30, "its one start, by hand")
