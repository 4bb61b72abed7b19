"""Services that share a card: restarted one at a time, when there is memory, and held while the driver is gone."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import cast

import pytest

from orchestrator.core.gpus import MEMORY_PATIENCE
from orchestrator.core.policy import LANE_MARGIN
from orchestrator.testing import Scenario, Workload
from orchestrator.testing.actor import Actor
from orchestrator.testing.daemon import Dialect

GB = 10**9
LANE = {
    "orchestrator.lane": "gpu",
    "orchestrator.requires": "gpu",
    "orchestrator.grace": "60s",
    "orchestrator.health.interval": "10s",
    "orchestrator.recovery.backoff_base": "5s",
}


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def a_lane(world: Scenario, count: int, warm_up: float = 20.0) -> dict[str, Actor]:
    """Slow starters, up and well."""
    lane = {
        f"ai-{number}": world.container(f"ai-{number}", labels=LANE, workload=Workload(warm_up=warm_up))
        for number in range(count)
    }
    world.run_for("2m")
    for name in lane:
        world.must_be(name, "running")
    return lane


def turns(world: Scenario, names: list[str]) -> list[tuple[float, float]]:
    """From the start of each restart of ours to its verification, in the order of time."""
    found = []
    for name in names:
        told = {event.message: event.wall - world.clock.now().wall + world.moment for event in world.told(name)}
        (started,) = world.ledger.starts(name)
        found.append((started.at.moment, told["Restart completed"]))
    return sorted(found)


def host_events(world: Scenario) -> list[str]:
    kept = sorted(world.store.medium.events.items())
    documents = [json.loads(text) for _, (service, text) in kept if service == ""]
    assert all(document["type"] == "host" for document in documents)
    return [f"{document['data']['subject']}: {document['message']}" for document in documents]


@pytest.mark.parametrize("illness", ["crashes", "gets_sick"])
def test_of_eight_that_fail_at_once_each_is_verified_before_the_next_is_touched(dialect: Dialect, illness: str) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_lane(world, 8)
        for actor in lane.values():
            world.now(getattr(actor, illness)())
        world.run_for("15m")
        for name in lane:
            world.must_be(name, "running")
        periods = turns(world, list(lane))
        assert len(periods) == 8
        for (_, verified), (started, _) in pairwise(periods):
            assert started >= verified, world.report()


def test_who_waits_for_its_turn_says_whom_for(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_lane(world, 2)
        for actor in lane.values():
            world.now(actor.crashes())
        world.run_for("5s")
        first = next(name for name in lane if world.restarts_of(name))
        second = next(name for name in lane if name != first)
        waiting = f"waiting for its turn in lane gpu: {first} is being restarted: exited with code 1"
        assert world.view(second).reason == waiting
        plan = world.orchestrator.plan_of(second)
        assert plan is not None
        assert (plan.intention.value, plan.cause, plan.blocked_by) == ("wait", waiting, (f"lane_taken_by:{first}",))


def test_what_passes_again_while_it_waits_is_not_restarted(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_lane(world, 2, warm_up=50)
        world.now(lane["ai-0"].crashes())
        world.now(lane["ai-1"].gets_sick())
        world.run_for("30s")
        assert "waiting for its turn" in world.view("ai-1").reason
        world.now(lane["ai-1"].gets_well())
        world.run_for("3m")
        assert (world.restarts_of("ai-0"), world.restarts_of("ai-1")) == (1, 0)


def test_a_person_is_accepted_and_waits_in_the_lane(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_lane(world, 2)
        world.now(lane["ai-0"].crashes())
        world.run_for("3s")
        reply = world.restart("ai-1")
        assert reply.accepted
        assert reply.message == (
            "ai-1 is restarted when its turn comes: waiting for its turn in lane gpu: ai-0 is being restarted"
        )
        assert world.restarts_of("ai-1") == 0
        world.run_for("2m")
        assert len(turns(world, ["ai-0", "ai-1"])) == 2
        (_, verified), (started, _) = turns(world, ["ai-0", "ai-1"])
        assert started >= verified
        assert world.messages("ai-1").count("Manual restart initiated") == 1
        assert world.messages("ai-1").count("Restart completed") == 1


@pytest.mark.parametrize("end", ["sigterm", "sigkill"])
def test_our_end_loses_nothing_that_waits(dialect: Dialect, end: str) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_lane(world, 2)
        world.now(lane["ai-0"].crashes())
        world.run_for("3s")
        world.restart("ai-1")
        world.run_for("1s")
        if end == "sigterm":
            world.stop_orchestrator()
        else:
            world.sigkill()
        world.start_orchestrator()
        world.run_for("3m")
        (_, verified), (started, _) = turns(world, ["ai-0", "ai-1"])
        assert started >= verified


def test_who_cannot_be_judged_keeps_the_lane_for_its_grace_and_a_margin_and_no_longer(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_lane(world, 2)
        world.now(lane["ai-0"].crashes())
        world.run_for("3s")
        begun = world.moment
        world.now(lane["ai-0"].is_paused())
        world.now(lane["ai-1"].crashes())
        world.run_until(lambda: world.restarts_of("ai-1") == 1, within="5m")
        assert world.moment - begun == pytest.approx(60 + LANE_MARGIN, abs=5)
        world.run_for("2m")
        world.must_be("ai-1", "running")


def test_a_lost_driver_is_one_cause_and_one_event_and_all_come_back_one_by_one(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.gpus.total = 24 * GB
        lane = a_lane(world, 8)
        world.gpus.driver_is_lost()
        world.run_for("15s")
        for actor in lane.values():
            world.now(actor.gets_sick())
        world.run_for("10m")
        assert host_events(world) == ["gpu: GPU driver lost"]
        for name in lane:
            view = world.view(name)
            assert (view.status.value, view.waiting_on, view.strikes) == ("unhealthy", ("gpu",), 0)
            assert view.reason == "waiting for gpu: HTTP 500"
            assert "Waiting for dependency" not in world.messages(name)
            assert world.restarts_of(name) == 0
        assert world.orchestrator.system().gpus.driver.value == "missing"
        world.gpus.driver_is_back()
        world.run_for("20m")
        assert host_events(world) == ["gpu: GPU driver lost", "gpu: GPU driver is back"]
        periods = turns(world, list(lane))
        for (_, verified), (started, _) in pairwise(periods):
            assert started >= verified, world.report()


def test_where_no_driver_ever_was_what_requires_gpu_is_healed(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_lane(world, 1)
        world.now(lane["ai-0"].crashes())
        world.run_for("2m")
        world.must_be("ai-0", "running")
        assert world.restarts_of("ai-0") == 1
        assert host_events(world) == []


# --- memory ----------------------------------------------------------------------------------------------------


def a_card(world: Scenario, total: int, takes: dict[str, tuple[float, float]]) -> dict[str, Actor]:
    """Services by name with what they say that they need, and what they take, in gigabytes."""
    world.gpus.total = total * GB
    world.gpus.takes = {name: round(taken * GB) for name, (_, taken) in takes.items()}
    lane = {
        name: world.container(name, labels={**LANE, "orchestrator.vram": f"{need:g}GB"})
        for name, (need, _) in takes.items()
    }
    world.run_for("2m")
    for name in lane:
        world.must_be(name, "running")
    return lane


def test_a_start_waits_until_the_memory_is_free_and_says_who_has_it(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_card(world, 24, {"ai-llm": (14.7, 14.1), "ai-yolo": (4, 4)})
        world.gpus.leaked = round(5.5 * GB)
        world.now(lane["ai-yolo"].crashes())
        world.gpus.leaked += round(2 * GB)
        world.run_for("30s")
        view = world.view("ai-yolo")
        assert view.status.value == "stopped"
        assert view.reason == (
            "held: 4.0 GB of GPU memory are needed, 2.4 GB are free (ai-llm uses 14.1 GB, process 999 uses 7.5 GB): "
            "exited with code 1"
        )
        plan = world.orchestrator.plan_of("ai-yolo")
        assert plan is not None
        assert (plan.intention.value, plan.blocked_by) == ("held", ("held",))
        world.gpus.leaked = 0
        world.run_for("10s")
        world.must_be("ai-yolo", "running")
        assert (world.restarts_of("ai-yolo"), world.restarts_of("ai-llm")) == (1, 0)


def test_what_waited_for_memory_long_enough_is_tried_all_the_same_and_says_so(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_card(world, 24, {"ai-yolo": (4, 4)})
        world.gpus.leaked = 22 * GB
        world.now(lane["ai-yolo"].crashes())
        begun = world.moment
        world.run_until(lambda: world.restarts_of("ai-yolo") == 1, within="10m")
        assert world.moment - begun == pytest.approx(MEMORY_PATIENCE, abs=3)
        world.run_for("1m")
        (told,) = [event for event in world.told("ai-yolo") if event.message == "Restart initiated"]
        assert "tried all the same after 300 s: 4.0 GB of GPU memory are needed, 2.0 GB are free" in told.cause


def test_a_service_that_needs_no_more_than_it_has_is_restarted_at_once(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_card(world, 16, {"ai-llm": (14.7, 15.5)})
        world.now(lane["ai-llm"].gets_sick())
        world.run_for("1m")
        world.must_be("ai-llm", "running")
        assert world.restarts_of("ai-llm") == 1


def test_exhausted_memory_stops_those_that_are_ill_first_and_starts_them_one_by_one(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        ill = {"ai-clip": (6, 3), "ai-florence": (6, 3)}
        lane = a_card(world, 24, {"ai-llm": (14.7, 16), **ill})
        for name in ill:
            world.now(lane[name].gets_sick())
        world.run_until(lambda: all(world.restarts_of(name) for name in ill), within="5m")
        world.run_for("1m")
        for name in lane:
            world.must_be(name, "running")
        assert not world.ledger.requests("ai-llm"), "what is well is never touched"
        stops = sorted(world.ledger.of("ai-clip", "asked to stop") + world.ledger.of("ai-florence", "asked to stop"),
                       key=lambda each: each.at.moment)  # fmt: skip
        starts = sorted(each.at.moment for name in ill for each in world.ledger.starts(name))
        assert len(stops) == 2
        assert stops[1].at.moment <= starts[0], "all are down before the first is started"
        (_, verified), (started, _) = turns(world, list(ill))
        assert started >= verified
        for name in ill:
            assert world.messages(name).count("Restart initiated") == 1
            assert world.messages(name).count("Restart completed") == 1
            (told,) = [event for event in world.told(name) if event.message == "Restart initiated"]
            assert "GPU memory is short for" in told.cause


def test_the_leak_of_a_service_that_is_ill_itself_is_cured_first(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        lane = a_card(world, 24, {"ai-llm": (14.7, 14.1), "ai-yolo": (4, 4)})
        world.gpus.takes["ai-llm"] = 22 * GB
        world.now(lane["ai-yolo"].crashes())
        world.now(lane["ai-llm"].gets_sick())
        world.run_until(lambda: bool(world.ledger.of("ai-llm", "exited")), within="2m")
        world.gpus.takes["ai-llm"] = round(14.1 * GB)
        world.run_for("3m")
        for name in lane:
            world.must_be(name, "running")
            assert world.restarts_of(name) == 1
