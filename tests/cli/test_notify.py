"""``orchestrator notify``: how the channels are doing, and how a test message ended."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from orchestrator.api.app import create_app
from orchestrator.cli import main
from tests.api.fakes import FakeSupervisor, StoppedClock
from tests.api.test_notifications import a_supervisor
from tests.cli.served import serving


def notify(supervisor: FakeSupervisor, *words: str) -> Result:
    with serving(create_app(supervisor, StoppedClock())) as address:
        return CliRunner().invoke(main, ["notify", *words, "--server", address])


def test_how_each_test_message_ended_is_a_line_and_one_that_failed_is_exit_code_1() -> None:
    result = notify(a_supervisor(), "--test")
    assert result.exit_code == 1
    ops, phone = result.output.splitlines()
    assert ops.split() == ["●", "ops", "https://hooks.example.com", "accepted", "after", "0.0", "s:", "HTTP", "204"]
    assert phone.split() == ["■", "phone", "ntfys://", "failed", "after", "1.5", "s:", "HTTP", "403"]


def test_one_channel_alone_is_tested() -> None:
    result = notify(a_supervisor(), "--test", "ops")
    assert (result.exit_code, len(result.output.splitlines())) == (0, 1)
    unknown = notify(a_supervisor(), "--test", "opps")
    assert unknown.exit_code == 1
    assert "There are: ops, phone." in unknown.output


def test_how_the_channels_are_doing_is_shown() -> None:
    result = notify(a_supervisor())
    assert result.exit_code == 1
    assert "3 delivered, the last 60s ago" in result.output
    assert "0 delivered, 2 not told yet, failing: HTTP 403, tried again in 30s" in result.output
    assert notify(a_supervisor(), "ops").exit_code == 0
    assert "no channel is named 'opps'" in notify(a_supervisor(), "opps").output


def test_nothing_to_tell_through_is_said_with_where_to_read_on() -> None:
    for words in (["--test"], []):
        result = notify(FakeSupervisor(), *words)
        assert result.exit_code == 1
        assert "no channel is configured: see notifications in docs/configuration.md" in result.output


def test_machines_get_the_apis_answer() -> None:
    answer = json.loads(notify(a_supervisor(), "--test", "--json").output)
    assert [each["accepted"] for each in answer["results"]] == [True, False]
