"""Whom a service needs, from every source."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.configuration.containers import ComposeNeed, compose_needs
from orchestrator.core.model import Kind, Tie, TieKind
from tests.configuration.scenes import composed, configuration, container, survey

WEB = {"orchestrator.service": "web"}
ALL = "discovery: all"

WRITTEN = {
    "one": ("db:service_healthy:false", (ComposeNeed("db", "service_healthy", False),)),
    "several": (
        "db:service_healthy:true,init:service_completed_successfully:false",
        (ComposeNeed("db", "service_healthy", True), ComposeNeed("init", "service_completed_successfully", False)),
    ),
    "older, without condition": ("db,cache", (
        ComposeNeed("db", "service_started", False), ComposeNeed("cache", "service_started", False))),
    "older, without restart": ("db:service_healthy", (ComposeNeed("db", "service_healthy", False),)),
    "none": ("", ()),
}  # fmt: skip


@pytest.mark.parametrize(("label", "needs"), WRITTEN.values(), ids=WRITTEN)
def test_composes_label_is_service_condition_restart(label: str, needs: tuple[ComposeNeed, ...]) -> None:
    assert compose_needs(label) == needs


def test_composes_dependencies_are_hard_and_stay_within_their_project(tmp_path: Path) -> None:
    found = survey(
        configuration(tmp_path, ALL),
        composed("shop", "web", 1, depends_on="db:service_healthy:false,cache:service_started:true"),
        composed("shop", "db", 2),
        composed("shop", "cache", 3),
        composed("blog", "db", 4),
    )
    web = found.services["shop-web-1"].spec
    assert web.requires == ("shop-db-1", "shop-cache-1")
    assert web.restart_with == ("shop-cache-1",)


def test_what_is_waited_for_until_it_completed_is_a_job(tmp_path: Path) -> None:
    depends_on = "migrate:service_completed_successfully:false"
    web, migrate = composed("shop", "web", 1, depends_on=depends_on), composed("shop", "migrate", 2)
    found = survey(configuration(tmp_path, ALL), web, migrate)
    assert found.services["shop-migrate-1"].spec.kind is Kind.JOB
    assert found.services["shop-web-1"].spec.requires == ("shop-migrate-1",)


def test_a_kind_that_was_declared_is_kept(tmp_path: Path) -> None:
    depends_on = "migrate:service_completed_successfully:false"
    migrate = composed("shop", "migrate", 2, {"orchestrator.kind": "service", "orchestrator.service": "migrate"})
    found = survey(configuration(tmp_path), composed("shop", "web", 1, WEB, depends_on=depends_on), migrate)
    assert found.services["migrate"].spec.kind is Kind.SERVICE


def test_what_compose_needs_and_nobody_manages_is_not_waited_for(tmp_path: Path) -> None:
    web = composed("shop", "web", 1, WEB, depends_on="db:service_healthy:false,gone:service_started:false")
    found = survey(configuration(tmp_path), web, composed("shop", "db", 2))
    assert found.services["web"].spec.requires == ()
    assert found.services["web"].problems == ()


def test_what_configuration_calls_soft_compose_does_not_make_hard(tmp_path: Path) -> None:
    depends_on = "postgres:service_healthy:false,redis:service_healthy:false,ai-llm:service_healthy:false"
    found = survey(
        configuration(tmp_path),
        composed("shop", "backend", 1, depends_on=depends_on),
        composed("shop", "postgres", 2),
        composed("shop", "redis", 3),
        composed("shop", "ai-llm", 4),
    )
    backend = found.services["backend"].spec
    assert (backend.requires, backend.wants) == (("postgres", "redis"), ("ai-llm",))


@pytest.mark.parametrize("reference", [f"{7:064x}", "vpn"], ids=["by id", "by name"])
def test_a_shared_network_is_a_hard_dependency_and_dies_with_its_owner(tmp_path: Path, reference: str) -> None:
    owner = container("vpn", 7)
    torrent = container("torrent", 8, ties=(Tie("network", reference),))
    spec = survey(configuration(tmp_path, ALL), owner, torrent).services["torrent"].spec
    assert (spec.requires, spec.restart_with) == (("vpn",), ("vpn",))


@pytest.mark.parametrize(("kind", "restart_with"), [("ipc", ("vpn",)), ("pid", ()), ("volumes", ()), ("podman", ())])
def test_what_a_container_uses_of_another_is_a_hard_dependency(
    tmp_path: Path, kind: TieKind, restart_with: tuple[str, ...]
) -> None:
    """In a process namespace it ends with its owner anyway, and volumes outlive theirs."""
    guest = container("guest", 8, ties=(Tie(kind, "vpn"),))
    found = survey(configuration(tmp_path, ALL), container("vpn", 7), guest).services["guest"]
    assert (found.spec.requires, found.spec.restart_with) == (("vpn",), restart_with)
    assert found.origins == {"vpn": kind}


def test_members_of_a_pod_need_nothing_of_each_other(tmp_path: Path) -> None:
    infra = container("f00-infra", 7, image="localhost/podman-pause:4.3.1-0")
    shared = (Tie("network", infra.container_id), Tie("ipc", infra.container_id))
    members = [container(name, number, ties=shared) for number, name in enumerate(("web", "db"), 8)]
    services = survey(configuration(tmp_path, ALL), infra, *members).services
    assert [(name, each.spec.requires) for name, each in services.items()] == [("db", ()), ("web", ())]


def test_a_networks_owner_is_found_by_an_abbreviated_id(tmp_path: Path) -> None:
    owner = container("vpn", 7 << 220)
    torrent = container("torrent", 8, ties=(Tie("network", owner.container_id[:12]),))
    assert survey(configuration(tmp_path, ALL), owner, torrent).services["torrent"].spec.requires == ("vpn",)


def test_a_network_of_a_container_that_nobody_manages_is_no_dependency(tmp_path: Path) -> None:
    torrent = container("torrent", 8, {"orchestrator.enable": "true"}, ties=(Tie("network", "vpn"),))
    assert survey(configuration(tmp_path), container("vpn", 7), torrent).services["torrent"].spec.requires == ()


def test_a_catalog_dependency_without_a_container_does_not_block(tmp_path: Path) -> None:
    backend = survey(configuration(tmp_path), container("backend", 1), container("redis", 2)).services["backend"]
    assert (backend.spec.requires, backend.spec.wants, backend.problems) == (("redis",), (), ())


def test_a_catalog_dependency_that_is_configured_blocks_without_a_container(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "services: {postgres: {}}"), container("backend", 1))
    assert found.services["backend"].spec.requires == ("postgres",)
    assert found.services["postgres"].container is None


def test_a_resource_of_the_host_stays_a_dependency(tmp_path: Path) -> None:
    assert survey(configuration(tmp_path), container("ai-llm")).services["ai-llm"].spec.requires == ("gpu",)


def test_what_services_require_of_the_host_comes_from_file_and_label(tmp_path: Path) -> None:
    labelled = container("web", labels={"orchestrator.requires": "mount:/mnt/x, tcp:10.0.0.9:5432"})
    found = survey(configuration(tmp_path, "services: {api: {requires: [dns:nas.lan], wants: [path:/x]}}"), labelled)
    web, api = found.services["web"], found.services["api"]
    assert (web.spec.requires, web.problems) == (("mount:/mnt/x", "tcp:10.0.0.9:5432"), ())
    assert (api.spec.requires, api.spec.wants, api.problems) == (("dns:nas.lan",), ("path:/x",), ())
    assert (web.origins["mount:/mnt/x"], api.origins["dns:nas.lan"]) == ("label", "configuration")


def test_a_label_that_names_no_resource_is_the_services_problem(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, ALL), container("web", labels={"orchestrator.requires": "tcp:10.0.0.9"}))
    (problem,) = found.services["web"].problems
    assert "orchestrator.requires: 'tcp:10.0.0.9' is no resource of the host; write tcp:HOST:PORT" in str(problem)


def test_a_dependency_may_be_called_by_its_compose_service_or_its_container(tmp_path: Path) -> None:
    web = composed("shop", "web", 1, {"orchestrator.requires": "db, shop-cache-1"})
    found = survey(configuration(tmp_path, ALL), web, composed("shop", "db", 2), composed("shop", "cache", 3))
    assert found.services["web"].spec.requires == ("shop-db-1", "shop-cache-1")


def test_a_required_service_that_is_nowhere_stays_required_and_is_a_problem_of_that_service_alone(
    tmp_path: Path,
) -> None:
    text = "services: {web: {requires: [postgers]}}"
    found = survey(configuration(tmp_path, text), container("web", 1), container("postgres", 2))
    assert found.services["web"].spec.requires == ("postgers",)
    assert found.services["web"].problems == (
        f"{tmp_path}/orchestrator.yaml: services.web.requires: "
        "'postgers' is no service that is configured or has a container; did you mean 'postgres'?",
    )
    assert found.services["postgres"].problems == ()


def test_a_required_container_that_is_not_managed_is_not_waited_for_and_the_problem_says_so(tmp_path: Path) -> None:
    web = composed("shop", "web", 1, {**WEB, "orchestrator.requires": "db"})
    found = survey(configuration(tmp_path), web, composed("shop", "db", 2))
    assert found.services["web"].spec.requires == ()
    (problem,) = found.services["web"].problems
    assert "'db' is container shop-db-1, which is not managed" in problem
    assert "orchestrator.enable=true" in problem


def test_a_service_that_needs_itself_is_told_so(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "services: {web: {requires: [web]}}"), container("web"))
    assert found.services["web"].spec.requires == ()
    assert "cannot depend on itself" in found.services["web"].problems[-1]


def test_a_cycle_is_cut_where_it_closes_and_named_with_its_path(tmp_path: Path) -> None:
    text = "services: {web: {requires: [api]}, api: {requires: [db]}, db: {requires: [web]}, cache: {}}"
    found = survey(configuration(tmp_path, text), container("web", 1), container("api", 2))
    assert {name: each.spec.requires for name, each in found.services.items()} == {
        "api": ("db",),
        "cache": (),
        "db": ("web",),
        "web": (),
    }
    assert [name for name, each in found.services.items() if each.problems] == ["web"]
    assert "closes a dependency cycle: web -> api -> db -> web" in found.services["web"].problems[0]
    assert found.warnings == ("dependency cycle web -> api -> db -> web: api is not waited for",)


def test_a_cycle_through_compose_names_its_label(tmp_path: Path) -> None:
    found = survey(
        configuration(tmp_path, "services: {api: {requires: [web]}}"),
        composed("shop", "api", 1),
        composed("shop", "web", 2, WEB, depends_on="api:service_started:false"),
    )
    assert found.services["web"].problems == (
        "label of container shop-web-1: com.docker.compose.depends_on: "
        "closes a dependency cycle: web -> api -> web; 'api' is not waited for",
    )
