"""Layers to one specification."""

from __future__ import annotations

import pytest

from orchestrator.configuration.keys import SHARED_KEYS, YAML_SERVICE_KEYS, Settings, read_labels, read_mapping
from orchestrator.configuration.resolve import SharedLayers, resolve
from orchestrator.core.model import (
    Category,
    Check,
    CommandCheck,
    HttpCheck,
    Kind,
    PostgresCheck,
    RedisCheck,
    TcpCheck,
)


def _file(name: str, **written: object) -> Settings:
    reading = read_mapping(written, YAML_SERVICE_KEYS, "orchestrator.yaml", f"services.{name}")
    assert reading.problems == ()
    return reading.settings


def _general(where: str, **written: object) -> Settings:
    reading = read_mapping(written, SHARED_KEYS, "orchestrator.yaml", where)
    assert reading.problems == ()
    return reading.settings


def _labels(**written: str) -> Settings:
    labels = {f"orchestrator.{key.replace('__', '.')}": value for key, value in written.items()}
    reading = read_labels(labels, "label of container web-1")
    assert reading.problems == ()
    return reading.settings


def test_every_key_reaches_its_field() -> None:
    written = _file(
        "web",
        display_name="Shop",
        category="ai",
        kind="job",
        port=8080,
        host="10.0.0.9",
        grace="1m",
        health={"http": "/up", "interval": "10s", "timeout": 2, "failures": 3, "expect_status": "200,204"},
        requires=["db", "gpu"],
        wants=["cache"],
        restart_with=["vpn"],
        lane="cards",
        vram="4GB",
        recovery={
            "max_failures": 7,
            "backoff_base": "1s",
            "backoff_max": "8s",
            "stable_after": "2m",
            "stop_timeout": "20s",
            "on_max_failures": "keep_trying",
            "on_manual_stop": "respect",
            "retry_disabled_after": "1h",
        },
    )
    spec = resolve("web", [written]).spec
    assert (spec.display_name, spec.category, spec.kind, spec.port) == ("Shop", Category.AI, Kind.JOB, 8080)
    assert (spec.host, spec.grace, spec.lane, spec.vram) == ("10.0.0.9", 60.0, "cards", 4 * 10**9)
    assert (spec.requires, spec.wants, spec.restart_with) == (("db", "gpu"), ("cache",), ("vpn",))
    assert spec.health.check == HttpCheck("/up", (200, 204))
    assert (spec.health.interval, spec.health.timeout, spec.health.failures) == (10.0, 2.0, 3)
    recovery = spec.recovery
    assert (recovery.max_failures, recovery.backoff_base, recovery.backoff_max) == (7, 1.0, 8.0)
    assert (recovery.stable_after, recovery.stop_timeout, recovery.retry_disabled_after) == (120.0, 20.0, 3600.0)
    assert (recovery.on_max_failures, recovery.on_manual_stop) == ("keep_trying", "respect")


def test_the_same_keys_are_labels() -> None:
    settings = _labels(health__http="/up", recovery__backoff_max="8s", requires="db,cache", port="81")
    spec = resolve("web", [settings]).spec
    assert (spec.health.check, spec.port) == (HttpCheck("/up"), 81)
    assert (spec.recovery.backoff_max, spec.requires) == (8.0, ("db", "cache"))


DEFAULTS = _general("defaults", health={"interval": 1})
VARIABLES = _general("environment", health={"interval": 2})
CATEGORY = {Category.AI: _general("categories.ai", health={"interval": 3})}
FILE, LABELS, OWN_VARIABLE = (_general("own", health={"interval": seconds}) for seconds in (4, 5, 6))
LAYERS: dict[str, tuple[SharedLayers, list[Settings], float]] = {
    "built in": (SharedLayers({}, {}, {}), [], 30.0),
    "the file's defaults": (SharedLayers(DEFAULTS, {}, {}), [], 1.0),
    "the general variables": (SharedLayers(DEFAULTS, VARIABLES, {}), [], 2.0),
    "the file's category": (SharedLayers(DEFAULTS, VARIABLES, CATEGORY), [], 3.0),
    "the file's service": (SharedLayers(DEFAULTS, VARIABLES, CATEGORY), [FILE], 4.0),
    "the labels": (SharedLayers(DEFAULTS, VARIABLES, CATEGORY), [FILE, LABELS], 5.0),
    "the service's variable": (SharedLayers(DEFAULTS, VARIABLES, CATEGORY), [FILE, LABELS, OWN_VARIABLE], 6.0),
}


@pytest.mark.parametrize(("shared", "own", "interval"), LAYERS.values(), ids=LAYERS)
def test_each_layer_wins_over_those_before_it(shared: SharedLayers, own: list[Settings], interval: float) -> None:
    assert resolve("ai-llm", own, shared).spec.health.interval == interval


def test_a_category_chosen_by_a_label_brings_its_figures() -> None:
    shared = SharedLayers({}, {}, {Category.AI: _general("categories.ai", grace="9s")})
    spec = resolve("web", [_labels(category="ai")], shared).spec
    assert (spec.category, spec.grace, spec.recovery.max_failures) == (Category.AI, 9.0, 5)


def test_a_category_of_the_file_overrides_the_built_in_figures_of_the_catalog() -> None:
    shared = SharedLayers({}, {}, {Category.AI: _general("categories.ai", recovery={"max_failures": 3}, grace=1)})
    spec = resolve("ai-llm", [], shared).spec
    assert (spec.recovery.max_failures, spec.grace) == (3, 1.0)


CHECKS: dict[str, tuple[list[Settings], Check | None]] = {
    "a later layer's method replaces the earlier's": (
        [_file("redis", health={"http": "/up"}), _labels(health__tcp="true")], TcpCheck()),
    "though its rank is lower": ([_labels(health__tcp="true")], TcpCheck()),
    "inside one layer http is first": (
        [_file("x", health={"tcp": True, "postgres": True, "redis": True, "command": "x", "http": "/"})],
        HttpCheck("/")),
    "then command": (
        [_file("x", health={"tcp": True, "postgres": True, "redis": True, "command": "x"})], CommandCheck("x")),
    "then redis": ([_file("x", health={"tcp": True, "postgres": True, "redis": True})], RedisCheck()),
    "then postgres": ([_file("x", health={"tcp": True, "postgres": True})], PostgresCheck()),
    "a native check instead of the catalog's command": ([_file("x", health={"redis": True})], RedisCheck()),
    "a user for PostgreSQL": ([_file("x", health={"postgres": "security"})], PostgresCheck("security")),
    "declining the method leaves the engine's view": ([_file("x", health={"command": False})], None),
    "declining another method changes nothing": (
        [_file("x", health={"http": False})], CommandCheck("redis-cli ping")),
    "declining one method and naming another": ([_file("x", health={"command": False, "tcp": True})], TcpCheck()),
    "statuses of one layer, path of another": (
        [_file("x", health={"expect_status": 204}), _labels(health__http="/up")], HttpCheck("/up", (204,))),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "check"), CHECKS.values(), ids=CHECKS)
def test_the_method_that_decides(layers: list[Settings], check: Check | None) -> None:
    assert resolve("redis", layers).spec.health.check == check


def test_a_network_check_may_name_its_port() -> None:
    assert resolve("x", [_file("x", health={"tcp": 5433})]).spec.port == 5433
    assert resolve("x", [_file("x", health={"tcp": 5433}, port=80)]).spec.port == 80
    assert resolve("x", [_file("x", port=80), _labels(health__redis="6380")]).spec.port == 6380
    assert resolve("redis", [_file("redis", health={"redis": True})]).spec.port == 6379


DEPENDENCIES = {
    "a list replaces that of the layer below": ([_file("x", requires=["minio"])], ("minio",), ("ai-llm",)),
    "an empty list drops them": ([_file("x", requires=[], wants=[])], (), ()),
    "what a later layer calls soft is no longer hard": (
        [_file("x", wants=["redis"])], ("postgres",), ("redis",)),
    "what a later layer calls hard is no longer soft": (
        [_file("x", wants=["a", "b"]), _labels(requires="a")], ("a",), ("b",)),
    "called both in one layer it is hard": ([_file("x", wants=["a", "b"], requires=["a"])], ("a",), ("b",)),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "requires", "wants"), DEPENDENCIES.values(), ids=DEPENDENCIES)
def test_hard_and_soft_dependencies(layers: list[Settings], requires: tuple[str, ...], wants: tuple[str, ...]) -> None:
    backend = [_file("backend", wants=["ai-llm"], requires=["postgres", "redis"])]
    spec = resolve("backend", [*backend, *layers]).spec
    assert (spec.requires, spec.wants) == (requires, wants)


def test_a_cap_below_the_base_is_reported_where_it_was_written_and_left_out() -> None:
    resolved = resolve("ai-llm", [_file("ai-llm", recovery={"backoff_max": "3s"})])
    assert [str(problem) for problem in resolved.problems] == [
        "orchestrator.yaml: services.ai-llm.recovery.backoff_max: 3 s is below backoff_base 5 s"
    ]
    assert resolved.spec.recovery.backoff_max == 300.0


def test_a_base_above_the_cap_is_reported_where_it_was_written_and_left_out() -> None:
    resolved = resolve("redis", [_file("redis", recovery={"backoff_max": 90}), _labels(recovery__backoff_base="2m")])
    assert [str(problem) for problem in resolved.problems] == [
        "label of container web-1: orchestrator.recovery.backoff_base: 120 s is above backoff_max 90 s"
    ]
    assert (resolved.spec.recovery.backoff_base, resolved.spec.recovery.backoff_max) == (2.0, 90.0)


def test_base_and_cap_written_together_blame_the_cap() -> None:
    resolved = resolve("x", [_file("x", recovery={"backoff_base": 9, "backoff_max": 5})])
    assert [problem.key for problem in resolved.problems] == ["services.x.recovery.backoff_max"]
    assert (resolved.spec.recovery.backoff_base, resolved.spec.recovery.backoff_max) == (9.0, 60.0)


UNKNOWN = {
    "a slip": ({"prot": 80}, "services.web.prot", "unknown key; did you mean 'port'?"),
    "a slip in a group": ({"health": {"htttp": "/"}}, "services.web.health.htttp", "did you mean 'health.http'?"),
    "a key without its group": (
        {"max_failures": 3},
        "services.web.max_failures",
        "did you mean 'recovery.max_failures'?",
    ),
    "nothing like it": ({"colour": "red"}, "services.web.colour", "unknown key"),
    "a slip in a group's name": ({"helth": {}}, "services.web.helth", "did you mean 'health'?"),
    "a group that is no mapping": ({"health": "/up"}, "services.web.health", "'/up' is not a mapping of keys"),
    "a key that is a number": ({80: 80}, "services.web.80", "unknown key"),
}


@pytest.mark.parametrize(("written", "key", "fact"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_key_is_reported_with_what_may_be_meant(written: dict[object, object], key: str, fact: str) -> None:
    reading = read_mapping(written, YAML_SERVICE_KEYS, "orchestrator.yaml", "services.web")
    (problem,) = reading.problems
    assert problem.key == key
    assert fact in problem.fact
    assert reading.settings == {}


def test_what_only_one_service_can_have_is_refused_in_defaults() -> None:
    (problem,) = read_mapping({"port": 80}, SHARED_KEYS, "orchestrator.yaml", "defaults").problems
    assert problem.fact == "can only be set for a single service, not under defaults"


def test_null_says_nothing() -> None:
    assert _file("web", port=None, health={"http": None}) == {}


def test_a_bad_label_is_reported_and_its_neighbours_are_used() -> None:
    labels = {
        "orchestrator.grace": "5 parsecs",
        "orchestrator.prot": "80",
        "orchestrator.port": "81",
        "com.docker.compose.project": "shop",
    }
    reading = read_labels(labels, "label of container web-1")
    assert [str(problem) for problem in reading.problems] == [
        "label of container web-1: orchestrator.grace: "
        "'5 parsecs' is not a duration; write 500ms, 5s, 2m, 1h or a number of seconds",
        "label of container web-1: orchestrator.prot: unknown label; did you mean 'orchestrator.port'?",
    ]
    assert {key: setting.value for key, setting in reading.settings.items()} == {"port": 81}
