"""Every request for a change is journalled with who asked and what the answer was, before what it brings about."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from orchestrator.core.messages import Restart
from orchestrator.runtime.requests import Requester
from orchestrator.testing import Scenario
from orchestrator.testing.notifier import FakeNotifier


def documents(world: Scenario) -> list[dict[str, Any]]:
    """Oldest first, as kept in the store."""
    return [json.loads(text) for _, (_, text) in sorted(world.store.medium.events.items())]


def test_an_accepted_request_is_kept_before_what_follows_from_it() -> None:
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        world.restart("web")
        world.run_for("1m")
        kept = documents(world)
        messages = [one["message"] for one in kept]
        asked = kept[messages.index("Request accepted")]
        assert messages.index("Request accepted") + 1 == messages.index("Manual restart initiated")
        assert asked["type"] == "request"
        assert asked["cause"] == "ann"
        assert asked["data"] == {
            "name": "web",
            "verb": "restart",
            "actor": "ann",
            "client": "",
            "outcome": "accepted",
            "detail": "web is being restarted",
        }
        assert [one["sequence"] for one in kept] == sorted({one["sequence"] for one in kept})


def test_a_refused_request_is_kept_with_the_reason() -> None:
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        world.disable("web")
        assert not world.restart("web").accepted
        world.run_for("1m")
        asked = [one for one in documents(world) if one["type"] == "request"]
        assert [(one["data"]["verb"], one["data"]["outcome"]) for one in asked] == [
            ("disable", "accepted"),
            ("restart", "refused"),
        ]
        assert "enable it first" in asked[1]["data"]["detail"]


def test_the_address_is_kept_beside_the_words() -> None:
    requester = Requester("the admin token", "10.0.0.5")
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        world.ask("web", Restart(str(requester)), requester)
        world.run_for("1m")
        kept = {one["message"]: one for one in documents(world)}
        assert kept["Request accepted"]["cause"] == "the admin token from 10.0.0.5"
        assert kept["Request accepted"]["data"]["actor"] == "the admin token"
        assert kept["Request accepted"]["data"]["client"] == "10.0.0.5"
        assert kept["Manual restart initiated"]["cause"] == "asked for by the admin token from 10.0.0.5"


def test_a_reload_is_kept_as_a_request_of_no_service() -> None:
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        told, person = world.orchestrator.reload_answered, Requester("a local user", "127.0.0.1")
        world.at("1s", lambda: told(person, "1 added", accepted=True))
        world.at("2s", lambda: told(Requester("SIGHUP"), "2 problems in it", accepted=False))
        world.run_for("1m")
        first, second = (one for one in documents(world) if one["type"] == "request")
        assert (first["message"], first["cause"]) == ("Request accepted", "a local user from 127.0.0.1")
        assert first["data"] == {
            "name": None,
            "verb": "reload",
            "actor": "a local user",
            "client": "127.0.0.1",
            "outcome": "accepted",
            "detail": "1 added",
        }
        assert (second["message"], second["data"]["detail"]) == ("Request refused", "2 problems in it")


def test_who_has_test_messages_sent_is_kept_with_how_they_ended() -> None:
    with Scenario() as world:
        world.channels = {"ops": FakeNotifier(), "down": FakeNotifier(refuses="HTTP 403")}
        world.container("web")
        world.run_for("1m")
        asked = world.orchestrator.test_notifications
        tasks: list[asyncio.Future[Any]] = []
        world.at("1s", lambda: tasks.append(asyncio.ensure_future(asked(Requester("the admin token", "10.0.0.5")))))
        world.run_for("1m")
        (kept,) = (one for one in documents(world) if one["type"] == "request")
        assert [each.receipt.accepted for each in tasks[0].result()] == [True, False]
        assert (kept["data"]["verb"], kept["data"]["client"]) == ("test-notifications", "10.0.0.5")
        assert kept["data"]["detail"] == "ops: taken, down: HTTP 403"
