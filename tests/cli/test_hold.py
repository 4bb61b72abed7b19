"""``orchestrator hold`` and ``orchestrator release``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.api.app import create_app
from orchestrator.core.messages import Hold, Release, Reply
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service
from tests.cli.served import serving
from tests.cli.test_client_commands import ACTOR, run


@pytest.fixture
def supervisor() -> FakeSupervisor:
    held = replace(a_service("web"), held="by ann until 2024-01-15 11:00 (move)", held_until=NOON + 3600)
    supervisor = FakeSupervisor([replace(a_service("db"), project="shop"), held])
    supervisor.reply = Reply(accepted=True, message="it is held for 30m")
    return supervisor


@pytest.fixture
def address(supervisor: FakeSupervisor) -> Iterator[str]:
    with serving(create_app(supervisor, StoppedClock())) as where:
        yield where


def test_each_name_is_held_for_so_long(address: str, supervisor: FakeSupervisor) -> None:
    result = run(address, "hold", "db", "web", "--for", "30m", "--why", "kernel upgrade")
    assert (result.exit_code, result.output) == (0, "it is held for 30m\n" * 2)
    assert supervisor.commands == [(name, Hold(ACTOR, 1800.0, "kernel upgrade")) for name in ("db", "web")]


def test_an_hour_is_usual_and_a_reason_is_not_asked_for(address: str, supervisor: FakeSupervisor) -> None:
    assert run(address, "hold", "db").exit_code == 0
    assert supervisor.commands == [("db", Hold(ACTOR, 3600.0))]


def test_a_project_is_held_and_released(address: str, supervisor: FakeSupervisor) -> None:
    assert run(address, "hold", "--project", "shop", "--for", "2h").output == "project shop is held for 2h: db\n"
    assert run(address, "release", "--project", "shop").output == "project shop is released: db\n"
    assert supervisor.commands == [("db", Hold(ACTOR, 7200.0)), ("db", Release(ACTOR))]


def test_one_that_is_refused_does_not_keep_the_others(address: str, supervisor: FakeSupervisor) -> None:
    result = run(address, "release", "nobody", "db")
    assert result.exit_code == 1
    assert "No service is named 'nobody'" in result.stderr
    assert supervisor.commands == [("db", Release(ACTOR))]


@pytest.mark.parametrize("arguments", [("hold",), ("hold", "db", "--project", "shop"), ("release",)])
def test_names_or_a_project_and_not_both(address: str, arguments: tuple[str, ...]) -> None:
    result = run(address, *arguments)
    assert result.exit_code == 2
    assert "Name services, or a project with --project." in result.stderr


def test_json_is_the_api_s_answer(address: str) -> None:
    assert set(json.loads(run(address, "hold", "db", "--json").output)) == {"success", "message", "service"}


def test_ps_and_show_say_who_holds_it_and_until_when(address: str) -> None:
    row = next(line for line in run(address, "ps").output.splitlines() if line.startswith("web"))
    assert row.split(maxsplit=5)[4:] == ["60m", "held by ann until 2024-01-15 11:00 (move)"]
    assert "by ann until 2024-01-15 11:00 (move)" in run(address, "show", "web").output
