"""A compose project is changed by the tool that users have, and nobody helps it along."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from scripts.image import IMAGE

from tests.live.compose import ComposeProject
from tests.live.engines import wait_until
from tests.live.ward import Ward, engine_of, lent, opened

SERVICES = {"db": (), "cache": (), "api": ("db", "cache"), "worker": ("db",), "web": ("api",), "proxy": ("web",)}
OVER = 60.0
"""Seconds in which the silence after a change is over, on a busy machine too."""


class Shop(NamedTuple):
    ward: Ward
    project: ComposeProject
    bystander: str
    """A container of another project."""

    def settled(self) -> None:
        """Everything runs, and nobody is waited for any more."""
        for service in SERVICES:
            self.ward.serve.wait_for(service, timeout=OVER, status="running", held="")

    def ours(self) -> list[str]:
        """Services for which something was done."""
        return [one for one in SERVICES if "Restart initiated" in self.ward.serve.told(one)]


@pytest.fixture(scope="module", params=["podman", "docker"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        project = ComposeProject(engine, folder / "project", SERVICES)
        bystander = ward.admit("bystander", "--label=com.docker.compose.project=other")
        project.run("up", "-d")
        shop = Shop(ward, project, bystander)
        shop.settled()
        try:
            yield shop
        finally:
            project.run("down")


def test_an_update_of_all_services_is_waited_out_and_others_are_healed_meanwhile(shop: Shop) -> None:
    ward = shop.ward
    before = {one: ward.serve.service(one)["container_id"] for one in SERVICES}
    shop.project.write(version=2)
    update = threading.Thread(target=shop.project.update)
    update.start()
    wait_until(lambda: any(ward.serve.service(one)["held"] for one in SERVICES), 60, "a project that is held")
    ward.engine.kill(shop.bystander)
    ward.healed("bystander", shop.bystander)
    held = [one for one in SERVICES if "being updated" in ward.serve.service(one)["held"]]
    assert held, "the other project was healed while this one was being updated"
    update.join()
    shop.settled()
    assert shop.ours() == []
    assert all(ward.serve.service(one)["container_id"] != before[one] for one in SERVICES)


def test_compose_2_replaces_containers_in_another_order_and_is_waited_out_too(shop: Shop) -> None:
    """The new one comes under a passing name before the old one goes."""
    engine = shop.ward.engine
    for service in SERVICES:
        old = engine.inspect(engine.full_name(service))
        labels = [f"--label={key}={value}" for key, value in old["Config"]["Labels"].items()]
        passing = f"{old['Id'][:12]}_{engine.full_name(service)}"
        engine.command("create", f"--name={passing}", "--stop-signal=SIGTERM", *labels, IMAGE, "/srv/polite")
        engine.command("stop", "--time=1", old["Id"])
        engine.command("rm", old["Id"])
        engine.command("rename", passing, engine.full_name(service))
        engine.command("start", engine.full_name(service))
    shop.settled()
    assert shop.ours() == []


def test_a_restart_of_all_services_is_left_to_who_does_it(shop: Shop) -> None:
    shop.project.run("restart")
    shop.settled()
    assert shop.ours() == []


def test_what_was_taken_down_stays_down_and_comes_back_with_its_history(shop: Shop) -> None:
    ward = shop.ward
    shop.project.run("down")
    for service in SERVICES:
        ward.serve.wait_for(service, timeout=OVER, status="not_found", held="")
    shop.project.run("up", "-d")
    shop.settled()
    assert shop.ours() == []
    assert all(ward.serve.told(one).count("Service discovered") == 1 for one in SERVICES)


def test_a_crash_is_no_update_and_healed_at_once(shop: Shop) -> None:
    """Last: it is something that was done for this project."""
    container = shop.ward.engine.inspect(shop.ward.engine.full_name("web"))["Id"]
    started = len(shop.ward.starts(container))
    shop.ward.engine.kill(container)
    shop.ward.healed("web", container, starts=started + 1)
    assert shop.ward.serve.service("web")["held"] == ""


def test_what_the_engine_alone_was_asked_to_stop_is_started_again_after_a_while(shop: Shop) -> None:
    container = shop.ward.engine.inspect(shop.ward.engine.full_name("proxy"))["Id"]
    started = len(shop.ward.starts(container))
    shop.ward.engine.command("stop", "--time=1", container)
    shop.ward.healed("proxy", container, starts=started + 1)
