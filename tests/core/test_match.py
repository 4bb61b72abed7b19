"""Which container is which service, by name."""

from __future__ import annotations

import pytest

from orchestrator.core.match import match_key, match_pattern, name_parts, preference
from orchestrator.core.model import ContainerState, ContainerSummary

KEYS = ("redis", "redis-exporter", "postgres", "ai-llm", "llm", "frontend")

CARRIED = {
    "the key itself": ("redis", "redis"),
    "a project before it": ("shop-redis", "redis"),
    "compose v2's name": ("shop-redis-1", "redis"),
    "compose v1's and podman-compose's name": ("shop_redis_1", "redis"),
    "a container that compose is replacing": ("0a1b2c3d4e5f_shop-redis-1", "redis"),
    "the environment after it": ("shop-postgres-prod", "postgres"),
    "environment and number after it": ("postgres-staging-2", "postgres"),
    "a key of several parts": ("shop-ai-llm-1", "ai-llm"),
    "a key of several parts, underscores": ("shop_ai_llm_1", "ai-llm"),
    "the longest key wins": ("my-redis-exporter", "redis-exporter"),
    "dots separate too": ("shop.redis.1", "redis"),
}
NOT_CARRIED = {
    "part of a word": "predis",
    "the beginning of a word": "postgresql",
    "another thing for it, in no catalog": "redis-commander",
    "a one-off run": "shop-redis-run-4f2a",
    "other case": "shop-Redis-1",
    "only a number": "1",
    "nothing": "",
}


@pytest.mark.parametrize(("name", "key"), CARRIED.values(), ids=CARRIED)
def test_a_name_carries_the_key(name: str, key: str) -> None:
    assert match_key(name, KEYS) == key


@pytest.mark.parametrize("name", NOT_CARRIED.values(), ids=NOT_CARRIED)
def test_a_name_carries_no_key(name: str) -> None:
    assert match_key(name, KEYS) is None


def test_an_exporter_is_no_redis_even_when_no_exporter_is_known() -> None:
    assert match_key("shop-redis-exporter-1", ["redis"]) is None


def test_the_longest_key_wins_in_any_order() -> None:
    assert match_key("shop-ai-llm-1", ["llm", "ai-llm"]) == match_key("shop-ai-llm-1", ["ai-llm", "llm"]) == "ai-llm"


def test_a_key_without_letters_or_digits_matches_nothing() -> None:
    assert match_key("shop-redis-1", ["--"]) is None


def test_name_parts_have_no_empty_part() -> None:
    assert name_parts("_proj__redis-exporter_1") == ("proj", "redis", "exporter", "1")


def test_a_pattern_must_fit_the_whole_name_in_its_case() -> None:
    patterns = {"web": ("shop-web-*", "www")}
    assert match_pattern("shop-web-1", patterns) == "web"
    assert match_pattern("www", patterns) == "web"
    assert match_pattern("my-shop-web-1", patterns) is None
    assert match_pattern("Shop-web-1", patterns) is None


def test_the_longest_pattern_wins() -> None:
    assert match_pattern("shop-web-1", {"zeta": ("shop-*",), "alpha": ("shop-web-*",)}) == "alpha"


def _container(state: ContainerState, created_at: float, container_id: str = "a") -> ContainerSummary:
    return ContainerSummary(container_id, "web", "image", state, created_at)


PREFERRED = {
    "running before newer": (_container(ContainerState.RUNNING, 1), _container(ContainerState.EXITED, 2)),
    "running before paused": (_container(ContainerState.RUNNING, 1), _container(ContainerState.PAUSED, 2)),
    "alive before dead": (_container(ContainerState.RESTARTING, 1), _container(ContainerState.CREATED, 2)),
    "of two running the newer": (_container(ContainerState.RUNNING, 2), _container(ContainerState.RUNNING, 1)),
    "of equals always the same": (_container(ContainerState.EXITED, 1, "b"), _container(ContainerState.EXITED, 1, "a")),
}


@pytest.mark.parametrize(("taken", "left"), PREFERRED.values(), ids=PREFERRED)
def test_which_of_two_containers_is_taken(taken: ContainerSummary, left: ContainerSummary) -> None:
    assert max([left, taken], key=preference) is taken
    assert max([taken, left], key=preference) is taken
