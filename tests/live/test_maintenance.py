"""Maintenance as people ask for it: by command, and by windows in the configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.live.serve import Document, service_labels
from tests.live.ward import SECOND_THOUGHTS, Ward, engine_of, lent, opened

SHOP = "--label=com.docker.compose.project=shop"


def orchestrator(ward: Ward, *arguments: str) -> tuple[int, str]:
    """Exit code of the command line, and everything that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", *arguments],
        env=os.environ | {"ORCHESTRATOR_SERVER": f"http://127.0.0.1:{ward.serve.port}", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


class Held(NamedTuple):
    """A ward in which services were held and fell ill, and its orchestrator was killed and started again."""

    ward: Ward
    containers: Mapping[str, str]
    health: Document

    def untouched(self, service: str) -> bool:
        return len(self.ward.starts(self.containers[service])) == 1


@pytest.fixture(scope="module", params=["podman", "docker"])
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("held")
    window = {"services": ["nightly"], "from": "00:00", "to": "00:00", "why": "open all day"}
    (folder / "orchestrator.yaml").write_text(json.dumps({"maintenance": [window]}))
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        in_shop = {one: engine.run(one, SHOP, *service_labels(one)) for one in ("db", "web")}
        alone = {one: engine.run(one, *service_labels(one)) for one in ("named", "nightly", "critical")}
        containers = {**in_shop, **alone}
        for service in containers:
            ward.serve.wait_for(service, status="running")
        assert orchestrator(ward, "hold", "named", "critical", "--for", "30m", "--why", "kernel upgrade")[0] == 0
        code, printed = orchestrator(ward, "hold", "--project", "shop", "--for", "30m")
        assert (code, printed) == (0, "project shop is held for 30m: db, web\n")
        for container in containers.values():
            engine.kill(container)
        for container in containers.values():
            ward.wait_for_death(container)
        ward.serve.kill()
        ward.serve.start()
        ward.serve.wait_for_engine(reachable=True)
        for service in containers:
            ward.serve.wait_for(service, status="stopped", container_state="exited")
        time.sleep(SECOND_THOUGHTS)
        yield Held(ward, containers, ward.serve.get("/health"))


@pytest.mark.parametrize("service", ["db", "web", "named", "nightly", "critical"])
def test_what_is_held_is_not_healed_also_after_our_sudden_death(held: Held, service: str) -> None:
    assert held.untouched(service)
    shown = held.ward.serve.service(service)
    assert (shown["status"], shown["at_rest"], shown["strikes"]) == ("stopped", True, 0)


def test_who_holds_it_until_when_and_why_is_shown_everywhere(held: Held) -> None:
    for command in (("ps",), ("show", "named"), ("explain", "named")):
        code, printed = orchestrator(held.ward, *command)
        assert code == 0, printed
        assert "a local user" in printed, printed
        assert "kernel upgrade" in printed, printed
    plan = {one["service"]: one for one in held.ward.serve.get("/plan")["entries"]}
    assert (plan["named"]["intention"], plan["named"]["blocked_by"]) == ("start", ["held"])
    assert plan["named"]["at"][:19] == held.ward.serve.service("named")["held_until"][:19]
    assert (plan["nightly"]["intention"], plan["nightly"]["blocked_by"]) == ("held", ["held"])
    assert "maintenance until 00:00 (open all day)" in held.ward.serve.service("nightly")["reason"]


def test_up_leaves_what_a_window_holds_says_so_and_fails(held: Held) -> None:
    code, printed = orchestrator(held.ward, "up", "nightly")
    assert code == 1, printed
    assert "nightly is held: maintenance until 00:00 (open all day): `start` it all the same" in printed
    assert held.untouched("nightly")


def test_what_is_down_for_maintenance_does_not_make_the_whole_unhealthy(held: Held) -> None:
    assert held.health["status"] == "healthy"


def test_a_person_may_start_what_is_held_and_it_stays_held(held: Held) -> None:
    assert orchestrator(held.ward, "start", "critical", "--wait")[0] == 0
    assert held.ward.serve.service("critical")["held_until"] is not None
    held.ward.engine.kill(held.containers["critical"])
    held.ward.serve.wait_for("critical", status="stopped", container_state="exited")
    time.sleep(SECOND_THOUGHTS)
    assert len(held.ward.starts(held.containers["critical"])) == 2


def test_a_release_heals_at_once(held: Held) -> None:
    assert orchestrator(held.ward, "release", "named") == (0, "named is released: it is healed again\n")
    held.ward.healed("named", held.containers["named"])
    assert orchestrator(held.ward, "release", "--project", "shop")[0] == 0
    held.ward.healed("web", held.containers["web"])


def test_a_hold_ends_by_itself(held: Held) -> None:
    container = held.ward.admit("brief")
    held.ward.serve.post("/services/brief/hold?for=3s")
    held.ward.engine.kill(container)
    held.ward.serve.wait_for("brief", status="stopped", container_state="exited")
    assert len(held.ward.starts(container)) == 1
    held.ward.healed("brief", container)
    assert held.ward.serve.told("brief").count("Service released") == 1


def test_a_window_that_is_taken_out_of_the_file_is_closed_by_a_reload(held: Held) -> None:
    (held.ward.serve.folder / "orchestrator.yaml").write_text("services: {}\n")
    assert orchestrator(held.ward, "reload")[0] == 0
    held.ward.healed("nightly", held.containers["nightly"])
