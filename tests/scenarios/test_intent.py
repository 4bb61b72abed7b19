"""What people do on purpose: maintenance, and updates of a compose project, are waited out; nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

import pytest

from orchestrator.core.messages import Hold, Release, Up
from orchestrator.core.updating import LONGEST, QUIET, SUSPICION
from orchestrator.runtime.updates import OVERDUE
from orchestrator.testing import Scenario
from orchestrator.testing.daemon import Dialect
from orchestrator.testing.told import read_told
from tests.scenarios.projects import (
    Tool,
    recreate_as_compose_1,
    recreate_as_compose_2,
    replace_one_by_one,
    restart_all,
    take_down_and_bring_up,
)

SERVICES = ("db", "cache", "api", "worker", "web", "proxy")


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def of_project(project: str, service: str) -> dict[str, str]:
    return {"com.docker.compose.project": project, "com.docker.compose.service": service}


class Shop:
    """A compose project of six services, and one service of another project."""

    def __init__(self, world: Scenario) -> None:
        self.world = world
        self.daemon = world.daemon
        self.actors = {one: world.container(one, labels=of_project("shop", one)) for one in SERVICES}
        self.blog = world.container("blog", labels=of_project("blog", "blog"))
        world.run_for("1m")

    def begin(self, story: Callable[[Shop], Awaitable[None]]) -> asyncio.Task[None]:
        async def told() -> None:
            await story(self)

        return self.daemon.perform(told())

    def play(self, story: Callable[[Shop], Awaitable[None]]) -> None:
        self.world.run_until(self.begin(story).done, within="20m")

    @property
    def ours(self) -> list[str]:
        """Everything that the orchestrator asked of the engine for one of the project."""
        return [str(each) for service in SERVICES for each in self.world.ledger.requests(service)]

    def all_run(self) -> bool:
        return all(self.world.status(service) == "running" for service in SERVICES)

    def none_is_held(self) -> bool:
        return not any(self.world.view(service).held for service in SERVICES)


def by(tool: Tool) -> Callable[[Shop], Awaitable[None]]:
    """The whole project, as that tool does it."""
    return lambda shop: tool(shop.daemon, SERVICES)


@pytest.fixture
def shop(dialect: Dialect) -> Iterator[Shop]:
    with Scenario(dialect=dialect) as world:
        yield Shop(world)


# --- as their tools do it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tool", [recreate_as_compose_2, recreate_as_compose_1, replace_one_by_one, take_down_and_bring_up, restart_all]
)
def test_nothing_is_done_for_a_project_while_it_is_updated(shop: Shop, tool: Tool) -> None:
    shop.play(by(tool))
    shop.world.run_until(lambda: shop.all_run() and shop.none_is_held(), within="1m")
    shop.world.run_for("10m")
    assert shop.ours == []
    assert shop.all_run()
    assert all(shop.world.view(service).strikes == 0 for service in SERVICES)
    assert {view.name for view in shop.world.orchestrator.services()} == {*SERVICES, "blog"}


def test_another_project_is_healed_at_once_meanwhile(shop: Shop) -> None:
    update = shop.begin(by(recreate_as_compose_2))
    shop.world.run_for("2s")
    shop.world.now(shop.blog.crashes())
    took = shop.world.run_until(lambda: shop.blog.container.up, within="1s", step=0.01)
    assert took < 0.6
    assert not update.done()
    assert "its project shop is being updated" in shop.world.view("web").held
    shop.world.run_until(shop.none_is_held, within="1m")
    assert shop.ours == []


def test_what_an_update_leaves_down_is_healed_when_it_is_over(shop: Shop) -> None:
    shop.play(by(recreate_as_compose_2))
    shop.world.now(shop.actors["web"].crashes())
    shop.world.run_for(QUIET - 1)
    assert shop.world.restarts_of("web") == 0
    assert shop.world.view("web").reason == "held: its project shop is being updated: exited with code 1"
    shop.world.run_until(shop.all_run, within="10s")
    assert shop.world.restarts_of("web") == 1


@pytest.mark.parametrize("tool", [recreate_as_compose_2, recreate_as_compose_1, take_down_and_bring_up])
@pytest.mark.parametrize("after", [0.6, 1.1, 2.0, 3.3, 4.7, 6.2])
def test_an_update_that_was_begun_before_we_came_is_waited_for_too(shop: Shop, tool: Tool, after: float) -> None:
    shop.world.sigkill()
    update = shop.begin(by(tool))
    shop.world.run_for(after)
    shop.world.start_orchestrator()
    shop.world.run_until(update.done, within="20m")
    shop.world.run_for("1m")
    assert shop.ours == []
    assert shop.all_run()


@pytest.mark.parametrize("into", [0.2, 1.0, 2.5])
def test_a_stop_that_was_begun_before_we_came_is_one_that_ends_when_we_are_there(shop: Shop, into: float) -> None:
    shop.world.now(shop.actors["db"].changes(stop_after=3.0))
    shop.world.sigkill()
    update = shop.begin(by(replace_one_by_one))
    shop.world.run_for(into)
    shop.world.start_orchestrator()
    shop.world.run_until(update.done, within="20m")
    shop.world.run_for("1m")
    assert shop.ours == []
    assert shop.all_run()


@pytest.mark.parametrize("away", ["we", "the engine"])
@pytest.mark.parametrize("after", [3.0, 4.0])
def test_what_was_down_before_an_update_in_the_middle_of_which_we_come_waits_too(
    shop: Shop, away: str, after: float
) -> None:
    """Nothing but its neighbour, made a moment ago, tells of the update."""
    shop.world.sigkill() if away == "we" else shop.world.engine.go_away()
    shop.world.now(shop.actors["web"].crashes())
    shop.world.run_for("1m")
    update = shop.begin(by(replace_one_by_one))
    shop.world.run_for(after)
    shop.world.start_orchestrator() if away == "we" else shop.world.engine.come_back()
    shop.world.run_until(update.done, within="20m")
    shop.world.run_for("1m")
    assert shop.ours == []
    assert shop.all_run()


def test_who_is_stopped_says_nothing_to_what_somebody_has_just_paused(shop: Shop) -> None:
    shop.world.now(shop.actors["web"].is_paused())
    shop.world.stop("web")
    shop.world.run_for("1m")
    assert shop.ours == []
    shop.world.now(shop.actors["web"].is_unpaused())


def test_who_was_stopped_long_before_we_came_is_started_at_once(shop: Shop) -> None:
    shop.world.sigkill()
    shop.world.now(shop.actors["web"].is_stopped_by_hand())
    shop.world.run_for(QUIET + 1)
    shop.world.start_orchestrator()
    shop.world.run_for("1s")
    assert shop.world.restarts_of("web") == 1


# --- what is no update ---------------------------------------------------------------------------------------


def test_a_crash_is_no_update(shop: Shop) -> None:
    for actor in shop.actors.values():
        shop.world.now(actor.crashes())
        shop.world.run_for("0.6s")
        assert actor.container.up
        assert shop.none_is_held()
        shop.world.run_for("2m")


def test_a_container_that_is_started_is_no_update(shop: Shop) -> None:
    shop.world.stop("web")
    shop.world.run_for("1m")
    shop.world.now(shop.actors["web"].is_started_by_hand())
    shop.world.run_for("1s")
    shop.world.must_be("web", "running")
    assert shop.none_is_held()


def test_what_we_stop_and_restart_ourselves_is_no_update(shop: Shop) -> None:
    shop.world.restart("web")
    shop.world.stop("api")
    shop.world.run_for("2s")
    assert shop.none_is_held()


def test_a_single_stop_is_waited_for_shortly_and_then_undone(shop: Shop) -> None:
    shop.world.now(shop.actors["web"].is_stopped_by_hand())
    shop.world.run_for(SUSPICION - 1)
    assert shop.world.view("web").held == "somebody stopped a container of its project shop, and may go on"
    shop.world.run_until(lambda: shop.world.status("web") == "running", within="5s")
    assert shop.world.restarts_of("web") == 1


def test_one_that_takes_long_to_stop_is_waited_for_until_it_has(shop: Shop) -> None:
    slow, quick = shop.actors["db"], shop.actors["web"]
    shop.world.now(slow.changes(ignores_sigterm=True))

    async def stop_both(shop: Shop) -> None:
        await asyncio.gather(shop.daemon.stop(slow.container, 45.0), shop.daemon.stop(quick.container, 45.0))

    stopping = shop.begin(stop_both)
    shop.world.run_for("40s")
    assert not stopping.done()
    assert shop.world.restarts_of("web") == 0


def test_a_signal_that_a_process_does_not_obey_keeps_nobody_waiting_for_ever(shop: Shop) -> None:
    """It may go on for days, and its project be updated as ever in them."""
    shop.daemon.emit("kill", shop.actors["db"].container)
    shop.world.run_for("1s")
    assert not shop.none_is_held()
    shop.world.run_for(LONGEST)
    assert shop.none_is_held()
    assert [event for event in read_told(shop.world.store.medium) if event.message == OVERDUE] == []
    shop.play(by(restart_all))
    shop.world.run_until(lambda: shop.all_run() and shop.none_is_held(), within="1m")
    assert shop.ours == []


# --- how long ------------------------------------------------------------------------------------------------


def test_an_update_without_an_end_is_waited_for_no_longer_than_the_bound(shop: Shop) -> None:
    async def for_ever(shop: Shop) -> None:
        while True:
            old = shop.daemon.find("cache")
            shop.daemon.remove(old)
            await shop.daemon.start(shop.daemon.create(old.blueprint))
            await asyncio.sleep(QUIET / 2)

    shop.begin(for_ever)
    shop.world.run_for(LONGEST - 10)
    shop.world.now(shop.actors["web"].crashes())
    shop.world.run_for("5s")
    assert shop.world.restarts_of("web") == 0
    shop.world.run_for("1m")
    shop.world.must_be("web", "running")
    assert shop.world.restarts_of("web") == 1
    told = [event for event in read_told(shop.world.store.medium) if event.message == OVERDUE]
    assert [event.service for event in told] == [""]
    shop.world.run_for("10m")
    assert len([event for event in read_told(shop.world.store.medium) if event.message == OVERDUE]) == 1


def test_a_container_that_somebody_stops_again_and_again_keeps_nobody_awake(shop: Shop) -> None:
    for at in range(0, int(LONGEST) + 60, 2):
        shop.world.at(at, shop.actors["web"].is_started_by_hand())
        shop.world.at(at + 1, shop.actors["web"].is_stopped_by_hand())
    shop.world.run_for(LONGEST - 5)
    turns = shop.world.orchestrator.system().turns
    shop.world.run_for("30s")
    assert shop.world.orchestrator.system().turns - turns < 30 * 10
    assert [event for event in read_told(shop.world.store.medium) if event.message == OVERDUE] == []


# --- maintenance ---------------------------------------------------------------------------------------------


def test_a_hold_outlives_our_sudden_death_and_ends_when_it_was_to_end(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.ask("web", Hold("ann", 1800.0, "kernel upgrade"))
        world.run_for("10m")
        world.now(web.crashes())
        world.run_for("1s")
        world.sigkill()
        world.run_for("1m")
        world.start_orchestrator()
        world.run_for("18m")
        assert world.restarts_of("web") == 0
        assert world.view("web").held.startswith("by ann until ")
        assert world.view("web").at_rest
        world.run_for("2m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1
        assert world.messages("web").count("Service released") == 1


def test_a_release_heals_at_once(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.ask("web", Hold("ann", 1800.0))
        world.now(web.crashes())
        world.run_for("1m")
        world.ask("web", Release("ann"))
        world.run_for("2s")
        world.must_be("web", "running")


def test_a_window_opens_and_closes_by_the_clock_and_holds_whom_it_names() -> None:
    """Every story begins at midnight, UTC."""
    window = {"services": ["web"], "from": "00:10", "to": "00:20", "timezone": "UTC", "why": "backup"}
    with Scenario(configuration={"maintenance": [window]}) as world:
        web, other = world.container("web"), world.container("other")
        world.run_for("9m")
        assert world.view("web").held == ""
        world.run_for("2m")
        held = "maintenance until 00:20 UTC (backup)"
        assert (world.view("web").held, world.view("other").held) == (held, "")
        world.now(web.crashes())
        world.now(other.crashes())
        world.run_for("5m")
        assert (world.restarts_of("web"), world.restarts_of("other")) == (0, 1)
        wish = world.ask("web", Up("ann"))
        assert (wish.accepted, wish.conflict) == (False, "left")
        assert wish.message == f"web is held: {held}: `start` it all the same"
        world.run_until(lambda: web.container.up, within="6m", step=1)
        assert world.view("web").held == ""


def test_a_reload_opens_and_closes_a_window_at_once() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("1m")
        world.reload({"maintenance": [{"from": "23:00", "to": "01:00", "timezone": "UTC"}]})
        world.run_for("1s")
        assert world.view("web").held == "maintenance until 01:00 UTC"
        world.now(web.crashes())
        world.run_for("1m")
        assert world.restarts_of("web") == 0
        world.reload({})
        world.run_for("1s")
        world.must_be("web", "running")
