"""``orchestrator reload`` and its endpoint: what came into force, or everything that is wrong."""

from __future__ import annotations

import json

from click.testing import CliRunner

from orchestrator.api.app import create_app
from orchestrator.api.supervisor import Reloaded
from orchestrator.cli import main
from orchestrator.core.sighting import Changes
from orchestrator.errors import ConfigurationError, Problem
from orchestrator.runtime.requests import Requester
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock
from tests.cli.served import serving


async def fine(requester: Requester) -> Reloaded:
    return Reloaded(Changes(added=("new",), changed=("web",)), needs_restart=("port",))


async def bad(requester: Requester) -> Reloaded:
    raise ConfigurationError((Problem("o.yaml", "services.web.port", "0 is no valid port"), Problem("o.yaml", "", "x")))


def test_what_changed_and_what_waits_for_a_restart_is_told() -> None:
    with serving(create_app(FakeSupervisor(), StoppedClock(), reload=fine)) as address:
        result = CliRunner().invoke(main, ["reload", "--server", address])
        document = json.loads(CliRunner().invoke(main, ["reload", "--json", "--server", address]).output)
    assert result.exit_code == 0
    assert "1 added, 1 changed, 0 removed; a restart is needed for port" in result.output
    assert (document["success"], document["added"], document["needs_restart"]) == (True, ["new"], ["port"])


def test_a_refusal_names_every_problem() -> None:
    app = create_app(FakeSupervisor(), StoppedClock(), reload=bad)
    answer = call(app, "POST", "/api/system/reload")
    assert (answer.status, answer.json["code"]) == (422, "invalid_configuration")
    assert answer.json["errors"][0] == {"where": "o.yaml: services.web.port", "fact": "0 is no valid port"}
    with serving(app) as address:
        result = CliRunner().invoke(main, ["reload", "--server", address])
    assert result.exit_code == 1
    assert "o.yaml: services.web.port: 0 is no valid port" in result.output
    assert "o.yaml: x" in result.output


def test_a_reload_is_told_who_asked_for_it() -> None:
    asked: list[Requester] = []

    async def remember(requester: Requester) -> Reloaded:
        asked.append(requester)
        return Reloaded(Changes(), needs_restart=())

    assert (
        call(create_app(FakeSupervisor(), StoppedClock(), reload=remember), "POST", "/api/system/reload").status == 200
    )
    assert asked == [Requester("a local user", "127.0.0.1")]
