"""Which container is which service, and what is known of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.configuration import ServiceSurveyor
from orchestrator.core.model import ContainerState, HttpCheck, Kind
from orchestrator.core.sighting import Survey
from tests.configuration.scenes import composed, configuration, container, survey


def _names(found: Survey) -> dict[str, str | None]:
    return {name: None if each.container is None else each.container.name for name, each in found.services.items()}


# --- identity -------------------------------------------------------------------------------------------------


def test_the_label_names_the_service_before_anything_else(tmp_path: Path) -> None:
    labelled = composed("shop", "redis", labels={"orchestrator.service": "cache"})
    assert _names(survey(configuration(tmp_path), labelled)) == {"cache": "shop-redis-1"}


def test_the_compose_service_goes_before_a_pattern_and_the_name(tmp_path: Path) -> None:
    text = "services: {web: {match: 'shop-*'}}"
    found = survey(configuration(tmp_path, text), composed("shop", "redis", 1), container("shop-front", 2))
    assert _names(found) == {"redis": "shop-redis-1", "web": "shop-front"}


def test_a_pattern_goes_before_a_catalog_key(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "services: {cache: {match: '*redis*'}}"), container("my-redis"))
    assert _names(found) == {"cache": "my-redis"}


def test_podman_composes_labels_name_the_service_too(tmp_path: Path) -> None:
    labels = {"io.podman.compose.project": "shop", "io.podman.compose.service": "postgres"}
    assert _names(survey(configuration(tmp_path), container("database", 1, labels))) == {"postgres": "database"}


def test_an_unknown_compose_service_is_found_by_its_containers_name(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path), composed("shop", "main-redis"))
    assert _names(found) == {"redis": "shop-main-redis-1"}


def test_a_configured_service_is_found_by_its_containers_name(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "services: {web: {port: 80}}"), container("shop_web_1"))
    assert _names(found) == {"web": "shop_web_1"}
    assert found.services["web"].configured


def test_a_labelled_container_that_nothing_knows_has_its_compose_services_name(tmp_path: Path) -> None:
    labels = {"orchestrator.health.http": "/up"}
    found = survey(configuration(tmp_path), composed("shop", "web", 1, labels), container("lonely", 2, labels))
    assert _names(found) == {"lonely": "lonely", "web": "shop-web-1"}
    assert found.services["web"].spec.health.check == HttpCheck("/up")
    assert found.services["web"].spec.kind is Kind.SERVICE


def test_a_configured_service_without_a_container_is_listed_and_a_catalog_one_is_not(tmp_path: Path) -> None:
    assert _names(survey(configuration(tmp_path, "services: {web: {}}"))) == {"web": None}


# --- what is adopted ------------------------------------------------------------------------------------------


def test_the_catalog_mode_leaves_what_it_does_not_know_and_says_how_to_adopt_it(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path), container("stranger"))
    assert found.services == {}
    assert found.ignored == {
        "stranger": "unknown to the catalog, the configuration and labels; "
        "label it orchestrator.enable=true to have it managed"
    }


def test_a_misspelt_label_adopts_nothing_and_is_named(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path), container("web", labels={"orchestrator.enabled": "true"}))
    assert found.ignored == {"web": "orchestrator.enabled: unknown label; did you mean 'orchestrator.enable'?"}


def test_the_labels_mode_leaves_the_catalog_out_unless_a_container_is_labelled(tmp_path: Path) -> None:
    found = survey(
        configuration(tmp_path, "discovery: labels\nservices: {web: {}}"),
        container("redis", 1),
        container("postgres", 2, {"orchestrator.enable": "true"}),
        container("shop-web-1", 3),
    )
    assert _names(found) == {"postgres": "postgres", "web": "shop-web-1"}
    assert found.services["postgres"].spec.port == 5432
    assert found.ignored.keys() == {"redis"}


def test_under_all_every_container_is_a_service_by_its_own_name(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "discovery: all"), composed("shop", "web", 1), container("redis", 2))
    assert _names(found) == {"redis": "redis", "shop-web-1": "shop-web-1"}
    inferred = found.services["shop-web-1"].spec
    assert (inferred.kind, inferred.category, inferred.health.check) == (Kind.INFERRED, "application", None)
    assert found.services["redis"].spec.kind is Kind.SERVICE


EXCLUDED = {
    "by its label": (container("redis", labels={"orchestrator.enable": "false"}), "label orchestrator.enable=false"),
    "as a one-off run": (
        composed("shop", "redis", labels={"com.docker.compose.oneoff": "True"}),
        "a one-off container of compose run",
    ),
    "as what holds a pod together": (
        container("redis", image="localhost/podman-pause:4.3.1-0"), "holds the namespaces of a pod"),
}  # fmt: skip


@pytest.mark.parametrize(("excluded", "reason"), EXCLUDED.values(), ids=EXCLUDED)
def test_an_excluded_container_is_ignored_with_the_reason(tmp_path: Path, excluded: object, reason: str) -> None:
    found = survey(configuration(tmp_path, "discovery: all"), excluded)  # type: ignore[arg-type]
    assert found.services == {}
    assert list(found.ignored.values()) == [reason]


def test_a_service_that_the_file_turns_off_is_neither_managed_nor_listed(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "services: {redis: {enable: false}}"), container("redis"))
    assert found.services == {}
    assert found.ignored == {"redis": f"{tmp_path}/orchestrator.yaml: services.redis.enable is false"}


def test_only_the_configured_project_is_looked_after(tmp_path: Path) -> None:
    found = survey(
        configuration(tmp_path, "project: shop"),
        composed("shop", "redis", 1),
        composed("blog", "postgres", 2),
        container("grafana", 3),
        container("loki", 4, {"orchestrator.enable": "true"}),
    )
    assert _names(found) == {"loki": "loki", "redis": "shop-redis-1"}
    assert found.ignored == {
        "blog-postgres-1": "belongs to compose project blog, not shop",
        "grafana": "belongs to no compose project; only shop is looked after",
    }


def test_monitoring_services_are_left_out_when_they_are_turned_off(tmp_path: Path) -> None:
    text = "monitoring_enabled: false\nservices: {loki: {}, mine: {category: monitoring}}"
    found = survey(configuration(tmp_path, text), container("grafana", 1), container("redis", 2))
    assert _names(found) == {"redis": "redis"}
    assert found.ignored == {"grafana": "a monitoring service, and ORCHESTRATOR_MONITORING_ENABLED is false"}


# --- never acted on -------------------------------------------------------------------------------------------

OWNED = {
    "a systemd unit": ({"PODMAN_SYSTEMD_UNIT": "redis.service"}, "owned by systemd unit redis.service"),
    "Docker Swarm": ({"com.docker.swarm.service.id": "x1"}, "owned by Docker Swarm"),
    "podman-compose's label names a unit that owns nothing": (
        {"PODMAN_SYSTEMD_UNIT": "podman-compose@shop.service"}, None),
}  # fmt: skip


@pytest.mark.parametrize(("labels", "reason"), OWNED.values(), ids=OWNED)
def test_what_somebody_else_owns_is_shown_and_only_observed(
    tmp_path: Path, labels: dict[str, str], reason: str | None
) -> None:
    found = survey(configuration(tmp_path), container("redis", labels=labels))
    assert found.services["redis"].spec.observe_only == reason


@pytest.mark.parametrize("length", [12, 64])
def test_the_container_we_run_in_is_only_observed(tmp_path: Path, length: int) -> None:
    backend, redis = container("backend", 1), container("redis", 2 << 220)
    found = survey(configuration(tmp_path), backend, redis, ourselves=backend.container_id[:length])
    assert found.services["backend"].spec.observe_only == "the container we run in"
    assert found.services["redis"].spec.observe_only is None


def test_a_short_host_name_is_no_container_id(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path), container("redis", 1), ourselves="00")
    assert found.services["redis"].spec.observe_only is None


def test_turned_off_everything_is_only_observed(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "enabled: false"), container("redis"))
    assert found.services["redis"].spec.observe_only == "ORCHESTRATOR_ENABLED is false"


# --- two containers for one service ---------------------------------------------------------------------------


def test_of_two_containers_the_running_one_is_taken_and_the_other_is_named(tmp_path: Path) -> None:
    old = container("a-redis-1", 1)
    new = container("b-redis-1", 2, state=ContainerState.EXITED)
    found = survey(configuration(tmp_path), new, old)
    assert _names(found) == {"redis": "a-redis-1"}
    assert found.ignored == {"b-redis-1": "service redis is container a-redis-1"}
    assert found.warnings == (
        "two containers for service redis: a-redis-1 (running) is taken, b-redis-1 (exited) is not; "
        "give it a name of its own with label orchestrator.service",
    )
    assert found.services["redis"].problems == ()


def test_of_two_running_containers_the_newer_is_taken(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path), container("b-redis-1", 2), container("a-redis-1", 1))
    assert _names(found) == {"redis": "b-redis-1"}


def test_a_label_is_firmer_ground_than_a_name_and_the_service_shows_the_conflict(tmp_path: Path) -> None:
    labelled = container("cache", 1, {"orchestrator.service": "redis"}, state=ContainerState.EXITED)
    found = survey(configuration(tmp_path), labelled, container("redis", 2))
    assert _names(found) == {"redis": "cache"}
    assert found.services["redis"].problems == (
        "label of container cache: orchestrator.service: container redis is service 'redis' too; "
        "give one of them another name",
    )


def test_under_all_the_other_container_goes_by_its_own_name(tmp_path: Path) -> None:
    text = "discovery: all"
    found = survey(configuration(tmp_path, text), composed("shop", "redis", 1), composed("blog", "redis", 2))
    assert _names(found) == {"redis": "blog-redis-1", "shop-redis-1": "shop-redis-1"}
    assert found.services["shop-redis-1"].spec.kind is Kind.INFERRED
    assert found.ignored == {}


def test_under_all_a_name_that_is_taken_is_not_given_twice(tmp_path: Path) -> None:
    claiming = container("web", 1, {"orchestrator.service": "redis"})
    found = survey(configuration(tmp_path, "discovery: all"), claiming, container("redis", 2))
    assert _names(found) == {"redis": "web"}
    assert found.ignored == {"redis": "service redis is container web"}


# --- labels that are wrong ------------------------------------------------------------------------------------


def test_a_bad_label_is_left_out_its_service_shows_it_and_the_others_are_untouched(tmp_path: Path) -> None:
    bad = container("shop-redis-1", 1, {"orchestrator.grace": "5 parsecs", "orchestrator.port": "6380"})
    found = survey(configuration(tmp_path), bad, container("postgres", 2))
    redis = found.services["redis"]
    assert (redis.spec.grace, redis.spec.port) == (10.0, 6380)
    assert redis.problems == (
        "label of container shop-redis-1: orchestrator.grace: '5 parsecs' is not a duration; "
        "write 500ms, 5s, 2m, 1h or a number of seconds",
    )
    assert found.services["postgres"].problems == ()


def test_a_bad_service_name_in_a_label_falls_back_to_the_containers(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path), container("redis", labels={"orchestrator.service": "gpu"}))
    assert _names(found) == {"redis": "redis"}
    assert "resource of the host" in found.services["redis"].problems[0]


def test_the_files_problems_are_shown_with_their_service(tmp_path: Path) -> None:
    found = survey(configuration(tmp_path, "services: {redis: {prot: 1}, web: {port: 0}}"), container("redis"))
    assert "services.redis.prot" in found.services["redis"].problems[0]
    assert "services.web.port" in found.services["web"].problems[0]


# --- again and again ------------------------------------------------------------------------------------------


def test_a_survey_follows_what_changed_since_the_last(tmp_path: Path) -> None:
    surveyor = ServiceSurveyor(configuration(tmp_path))
    first, second = container("redis", 1), container("redis", 2, {"orchestrator.port": "1"})
    assert surveyor.survey([first]).services["redis"].container is first
    stopped = container("redis", 1, state=ContainerState.EXITED)
    assert surveyor.survey([stopped]).services["redis"].container is stopped
    recreated = surveyor.survey([second]).services["redis"]
    assert (recreated.container, recreated.spec.port) == (second, 1)
    assert surveyor.survey([container("web", 2, {"orchestrator.port": "1"})]).services.keys() == {"web"}
    assert surveyor.survey([]).services == {}


def test_a_fresh_summary_is_handed_on_when_nothing_else_changed(tmp_path: Path) -> None:
    surveyor = ServiceSurveyor(configuration(tmp_path))
    surveyor.survey([container("redis", 1)])
    fresh = container("redis", 1)
    assert surveyor.survey([fresh]).services["redis"].container is fresh


def test_which_rival_is_taken_follows_their_states(tmp_path: Path) -> None:
    surveyor = ServiceSurveyor(configuration(tmp_path))
    assert _names(surveyor.survey([container("a-redis", 1), container("b-redis", 2)])) == {"redis": "b-redis"}
    b_died = container("b-redis", 2, state=ContainerState.EXITED)
    assert _names(surveyor.survey([container("a-redis", 1), b_died])) == {"redis": "a-redis"}
