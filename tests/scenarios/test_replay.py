"""What the orchestrator recorded of whole stories is decided the same once more, and tells what would have been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.core.model import ServiceSpec
from orchestrator.core.replay import Difference, Replay
from orchestrator.testing import Scenario


def a_day_of_trouble(world: Scenario) -> None:
    """Deaths, ill health, an engine that is away, people's requests, our own sudden death, a dependency."""
    db = world.container("db")
    web = world.container("web", labels={"orchestrator.requires": "db", "orchestrator.wants": "cache"})
    cache = world.container("cache", labels={"orchestrator.restart_with": "db"})
    llm = world.container("llm", labels={"orchestrator.lane": "gpu"})
    world.run_for("1m")
    world.now(db.crashes())
    world.run_for("1m")
    world.now(web.gets_sick())
    world.at("3s", llm.freezes())
    world.run_for("2m")
    world.engine.go_away()
    world.run_for("1m")
    world.engine.come_back()
    world.now(cache.crashes(137))
    world.run_for("1m")
    world.restart("web")
    world.sigkill()
    world.start_orchestrator()
    for actor in (web, db, web, cache):
        world.now(actor.crashes())
        world.run_for("20s")
    world.stop("cache")
    world.run_for("1m")
    world.start("cache")
    world.run_for("3m")


def replayed(world: Scenario, change: Callable[[ServiceSpec], ServiceSpec]) -> list[Difference]:
    replay = Replay(lambda record: change(record.spec))
    return [each for record in world.recording.records for each in replay.take(record)] + replay.end()


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_story_is_decided_the_same_once_more(seed: int, dry_run: bool) -> None:
    with Scenario(seed=seed, jitter=0.1, dry_run=dry_run) as world:
        a_day_of_trouble(world)
        assert replayed(world, lambda spec: spec) == []
        indifferent = replayed(world, lambda spec: replace(spec, display_name="another", port=1))
        assert indifferent == [], "another specification that bears on nothing"


def test_another_policy_would_have_differed_in_what_it_bears_on() -> None:
    with Scenario(seed=1) as world:
        a_day_of_trouble(world)
        found = replayed(world, lambda spec: replace(spec, recovery=replace(spec.recovery, backoff_base=15.0)))
        assert {each.service for each in found} >= {"web", "llm"}
        assert {each.deviation for each in found} <= {"wait", "later", "not_done", "not_told", "told"}
