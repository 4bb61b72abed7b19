"""What people are told of real stories: one message for one cause, nothing of a blip, and nothing twice or never,
whatever dies."""

from __future__ import annotations

import json

import pytest

from orchestrator.core.incidents import Incident
from orchestrator.core.routing import Digest, Route, Rules
from orchestrator.runtime.incident_document import incident_of
from orchestrator.testing import Scenario
from orchestrator.testing.actor import Actor, Deed
from orchestrator.testing.notifier import FakeNotifier
from orchestrator.testing.workload import Condition

QUICK = {"orchestrator.recovery.backoff_base": "5s", "orchestrator.health.interval": "5s", "orchestrator.grace": "5s"}
RULES = Rules(reminder=0.0)


def a_world(rules: Rules = RULES, *channels: str) -> Scenario:
    world = Scenario()
    world.telling = rules
    world.channels = {name: FakeNotifier() for name in channels or ("ops",)}
    return world


def a_family(world: Scenario, children: int = 30) -> Actor:
    parent = world.container("db", labels=QUICK)
    for number in range(children):
        world.container(f"web-{number:02}", labels={**QUICK, "orchestrator.requires": "db"}, leans_on=["db"])
    world.run_for("3m")
    return parent


def goes_down(world: Scenario, actor: Actor, **figures: object) -> None:
    """A restart does not help."""
    world.now(actor.changes(**(figures or {"condition": Condition.FROZEN})))
    world.now(actor.crashes() if figures else actor.freezes())


def thaws(actor: Actor) -> Deed:
    """From the next run on."""
    return actor.changes(condition=Condition.HEALTHY)


def incidents(world: Scenario) -> list[Incident]:
    kept = world.store.medium.incidents.values()
    read = [incident_of({**json.loads(summary), **json.loads(details)}) for summary, details in kept]
    return [each for each in read if each is not None]


def kinds(world: Scenario, channel: str = "ops") -> list[str]:
    return [kind for kind, _ in world.channels[channel].told]


def test_thirty_children_of_one_parent_are_one_message_and_one_resolution() -> None:
    with a_world() as world:
        parent = a_family(world)
        goes_down(world, parent)
        world.run_until(lambda: kinds(world) == ["opened"], within="3m")
        message = world.channels["ops"].received[0]
        assert message.subject.startswith("[scenario] db: frozen: all its processes are stopped")
        assert "Affected:" in message.text
        world.now(thaws(parent))
        world.run_until(lambda: kinds(world) == ["opened", "resolved"], within="20m")
        world.run_for("1h")
        assert kinds(world) == ["opened", "resolved"]


def test_a_blip_is_told_to_nobody() -> None:
    with a_world() as world:
        web = world.container("web", labels=QUICK)
        world.run_for("3m")
        world.now(web.crashes())
        world.run_for("1h")
        assert world.restarts_of("web") == 1
        assert len(incidents(world)) == 1
        assert kinds(world) == []


def test_what_is_given_up_is_told_again_and_worse() -> None:
    with a_world() as world:
        limited = {**QUICK, "orchestrator.recovery.max_failures": "4", "orchestrator.recovery.backoff_max": "20s"}
        web = world.container("web", labels=limited)
        world.run_for("3m")
        goes_down(world, web, crash_after=1.0)
        world.run_until(lambda: world.status("web") == "disabled", within="30m")
        world.run_for("1m")
        assert kinds(world) == ["opened", "updated"]
        assert world.channels["ops"].received[-1].subject.startswith("[scenario] critical: web")


def test_a_channel_that_hangs_delays_no_healing() -> None:
    def healed(hanging: bool) -> list[float]:
        with a_world() as world:
            world.channels["ops"].hangs = hanging
            web = world.container("web", labels=QUICK)
            world.run_for("3m")
            world.at("1s", web.gets_sick())
            world.run_for("10m")
            return [each.at.moment for each in world.ledger if each.by == "orchestrator"]

    assert healed(hanging=True) == healed(hanging=False) != []


@pytest.mark.parametrize("dies_after", [1.0, 25.0, 29.0, 30.0, 31.0, 45.0, 90.0, 120.0, 200.0])
def test_whenever_we_die_the_beginning_and_the_end_are_told_once(dies_after: float) -> None:
    with a_world() as world:
        parent = a_family(world, children=3)
        goes_down(world, parent)
        world.at(60.0, thaws(parent))
        world.run_for(dies_after)
        world.sigkill()
        world.run_for("20s")
        world.start_orchestrator()
        world.run_for("1h")
        assert kinds(world) == ["opened", "resolved"]


def test_what_a_channel_did_not_take_is_delivered_after_our_death() -> None:
    with a_world(RULES, "ops", "down") as world:
        world.channels["down"].refuses = "HTTP 503"
        parent = a_family(world, children=3)
        goes_down(world, parent)
        world.run_until(lambda: kinds(world) == ["opened"], within="5m")
        world.run_for("1m")
        (down,) = [each for each in world.orchestrator.system().notifications if each.name == "down"]
        assert (down.working, down.detail, down.undelivered) == (False, "HTTP 503", 1)
        world.sigkill()
        world.channels["down"].refuses = ""
        world.run_for("1m")
        world.start_orchestrator()
        world.run_until(lambda: kinds(world, "down") == ["opened"], within="2m")
        world.now(thaws(parent))
        world.run_until(lambda: kinds(world, "down") == ["opened", "resolved"], within="20m")
        assert kinds(world) == ["opened", "resolved"]


def test_every_message_is_a_line_of_the_incidents_story_also_the_last_one() -> None:
    with a_world() as world:
        parent = a_family(world, children=1)
        goes_down(world, parent)
        world.at(60.0, thaws(parent))
        world.run_for("1h")
        (incident,) = incidents(world)
        told = [each.text for each in incident.timeline if each.kind == "notified"]
        assert told == ["ops was told (opened)", "ops was told (resolved)"]


def test_a_storm_of_unrelated_incidents_is_a_digest() -> None:
    rules = Rules(reminder=0.0, digest=Digest(after=2, within=300.0), settle=10.0)
    with a_world(rules) as world:
        crowd = [world.container(f"app-{number}", labels=QUICK) for number in range(4)]
        world.run_for("3m")
        for each in crowd:
            goes_down(world, each, crash_after=1.0)
        world.run_for("2m")
        assert kinds(world) == ["digest"]
        assert len(world.channels["ops"].told[0][1]) == 4


def test_who_is_told_can_be_changed_while_something_is_down() -> None:
    with a_world(Rules(reminder=0.0, routes=(Route(("phone",), severity="critical"),)), "phone") as world:
        parent = a_family(world, children=1)
        goes_down(world, parent)
        world.run_for("3m")
        assert kinds(world, "phone") == []
        world.telling = RULES
        world.reload({})
        world.run_for("1s")
        assert kinds(world, "phone") == ["opened"]


def test_an_engine_that_is_away_is_told_as_what_it_is() -> None:
    with a_world() as world:
        world.container("web", labels=QUICK)
        world.run_for("3m")
        world.engine.go_away()
        world.run_for("2m")
        assert kinds(world) == ["opened"]
        message = world.channels["ops"].received[0]
        assert "critical" in message.subject
        assert "the engine does not answer" in message.text
        world.engine.come_back()
        world.run_for("10m")
        assert kinds(world) == ["opened", "resolved"]
