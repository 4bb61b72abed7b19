"""Prometheus is asked where health checks ask it, seldom, and only while it runs."""

from __future__ import annotations

import pytest

from orchestrator.ports import ScrapeTarget
from orchestrator.runtime.monitoring import FRESH, PrometheusView
from orchestrator.testing import Scenario

EXPORTER = ScrapeTarget("redis", "redis-exporter:9121", "redis-exporter", 9121, "down", "connection refused", None)


def prometheus(world: Scenario) -> PrometheusView:
    view = world.monitoring().prometheus
    assert view is not None
    return view


def test_its_targets_are_told_with_the_services_that_they_are() -> None:
    with Scenario() as world:
        for name in ("prometheus", "redis-exporter", "web"):
            world.container(name)
        world.prometheus.told = (EXPORTER,)
        world.run_for("1m")
        view = world.monitoring()
        assert [one.name for one in view.services] == ["prometheus", "redis-exporter"]
        assert view.prometheus is not None
        (target,) = view.prometheus.targets
        assert (target.target, target.service, target.matched_by) == (EXPORTER, "redis-exporter", "host")
        assert view.prometheus.detail == ""


def test_one_answer_serves_everybody_for_a_few_seconds_also_when_it_is_none() -> None:
    with Scenario() as world:
        world.container("prometheus")
        world.prometheus.told = "connection refused"
        world.run_for("1m")
        first = [prometheus(world) for _ in range(3)]
        assert {one.detail for one in first} == {"connection refused"}
        assert len(world.prometheus.asked) == 1
        world.run_for(FRESH)
        prometheus(world)
        assert len(world.prometheus.asked) == 2


def test_without_a_prometheus_there_is_nobody_to_ask() -> None:
    with Scenario() as world:
        world.container("grafana")
        world.run_for("1m")
        view = world.monitoring()
        assert ([one.name for one in view.services], view.prometheus) == (["grafana"], None)


@pytest.mark.parametrize("fate", ["exited", "gone"])
def test_one_that_does_not_run_is_not_asked(fate: str) -> None:
    with Scenario() as world:
        container = world.container("prometheus")
        world.run_for("1m")
        if fate == "gone":
            world.now(container.is_removed())
        else:
            world.stop("prometheus")
        world.run_for("10s")
        view = prometheus(world)
        words = "it has no container" if fate == "gone" else "its container is exited"
        assert (view.address, view.detail, view.targets) == (None, words, ())
        assert world.prometheus.asked == []


def test_the_engine_away_keeps_nobody_from_asking_where_it_was_last_seen() -> None:
    with Scenario() as world:
        world.container("prometheus")
        world.prometheus.told = (EXPORTER,)
        world.run_for("1m")
        world.engine.go_away()
        world.run_for("10s")
        assert len(prometheus(world).targets) == 1
