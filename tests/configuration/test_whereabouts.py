"""What a survey tells of the containers whose namespaces others use, and of recreations that were left half done."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.model import ContainerState, ContainerSummary, Tie, TieKind
from orchestrator.core.rejoin import SUFFIX
from orchestrator.core.sighting import Loss, Sighting
from tests.configuration.scenes import composed, configuration, container, survey

ALL = "discovery: all"
GUEST = container("guest", 8, ties=(Tie("network", f"{7:064x}"),))


def the_guest(folder: Path, *others: ContainerSummary, guest: ContainerSummary = GUEST) -> Sighting:
    return survey(configuration(folder, ALL), guest, *others).services["guest"]


STATES: dict[str, tuple[ContainerSummary | None, Loss | None]] = {
    "not there": (None, "gone"),
    "a service": (container("vpn", 7), None),
    "a service that is down": (container("vpn", 7, state=ContainerState.EXITED), None),
    "no service, and up": (container("vpn", 7, {"orchestrator.enable": "false"}), None),
    "no service, and down": (
        container("vpn", 7, {"orchestrator.enable": "false"}, state=ContainerState.EXITED),
        "down",
    ),
}


@pytest.mark.parametrize(("owner", "loss"), STATES.values(), ids=STATES)
def test_an_owner_is_lost_when_nothing_will_bring_it_back(
    tmp_path: Path, owner: ContainerSummary | None, loss: Loss | None
) -> None:
    found = the_guest(tmp_path, *(() if owner is None else (owner,)))
    assert found.lost == ({} if loss is None else {f"{7:064x}": loss})


@pytest.mark.parametrize(("kind", "counts"), [("pid", True), ("ipc", True), ("volumes", False), ("podman", False)])
def test_only_namespaces_can_be_lost(tmp_path: Path, kind: TieKind, counts: bool) -> None:
    found = the_guest(tmp_path, guest=container("guest", 8, ties=(Tie(kind, f"{7:064x}"),)))
    assert bool(found.lost) is counts


def test_an_owner_may_be_told_by_its_name(tmp_path: Path) -> None:
    found = the_guest(tmp_path, container("vpn", 7), guest=container("guest", 8, ties=(Tie("network", "vpn"),)))
    assert found.lost == {}


NEEDS = {
    "restarted with it": ("vpn:service_started:true", "vpn"),
    "among others": ("db:service_healthy:false,vpn:service_started:true", "vpn"),
    "two that it could be": ("db:service_started:true,vpn:service_started:true", ""),
    "not restarted with it": ("vpn:service_started:false", ""),
    "waited for to be healthy": ("vpn:service_healthy:true", ""),
    "not there": ("tor:service_started:true", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("written", "parent"), NEEDS.values(), ids=NEEDS)
def test_compose_tells_whose_network_it_is_where_only_one_can_be_meant(
    tmp_path: Path, written: str, parent: str
) -> None:
    containers = (
        composed("home", "vpn", 1),
        composed("home", "db", 2),
        composed("home", "guest", 3, depends_on=written),
    )
    services = survey(configuration(tmp_path, "services: {vpn: {}, db: {}, guest: {}}"), *containers).services
    assert services["guest"].parent == parent


def test_what_a_recreation_renamed_is_no_service_and_is_told_with_the_one_it_was(tmp_path: Path) -> None:
    old, new = container(f"guest{SUFFIX}", 8), container("guest", 9)
    found = survey(configuration(tmp_path, ALL), old, new)
    assert found.services.keys() == {"guest"}
    assert (found.services["guest"].container, found.services["guest"].leftover) == (new, old)
    assert found.ignored == {old.name: "guest takes its place"}


def test_where_the_new_one_is_missing_the_service_is_listed_all_the_same(tmp_path: Path) -> None:
    old = container(f"guest{SUFFIX}", 8, {"orchestrator.requires": "vpn"})
    found = survey(configuration(tmp_path, ALL), old, container("vpn", 7)).services["guest"]
    assert (found.container, found.leftover) == (None, old)
    assert found.spec.requires == ("vpn",)


def test_what_is_not_managed_is_not_managed_under_that_name_either(tmp_path: Path) -> None:
    old = container(f"guest{SUFFIX}", 8, {"orchestrator.enable": "false"})
    assert survey(configuration(tmp_path, ALL), old).services == {}
