"""The exit codes of docs/operate.md, command by command, and what every one says when nobody serves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.api.app import create_app
from orchestrator.api.security import Access
from orchestrator.cli import main
from tests.api.fakes import StoppedClock
from tests.cli.served import serving
from tests.cli.test_client_commands import a_supervisor

READING = (
    ("ps",),
    ("show", "redis"),
    ("plan",),
    ("explain", "redis"),
    ("events",),
    ("graph",),
    ("logs", "redis"),
)
CHANGING = (
    ("restart", "redis"),
    ("start", "redis"),
    ("stop", "redis"),
    ("enable", "redis"),
    ("disable", "redis"),
    ("reload",),
)
FOLLOWING = (("watch",), ("events", "--follow"))
NAMING = ("show", "explain", "logs", "restart", "start", "stop", "enable", "disable")


def run(*arguments: str, server: str, **environment: str) -> Result:
    return CliRunner(env={"ORCHESTRATOR_SERVER": server, **environment}).invoke(main, arguments)


@pytest.fixture
def nobody() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize("command", [*READING, *CHANGING[:-1]])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_was_done_is_0(command: tuple[str, ...], options: tuple[str, ...]) -> None:
    with serving(create_app(a_supervisor(), StoppedClock())) as address:
        result = run(*command, *options, server=address)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", NAMING)
def test_a_service_that_is_not_known_is_1(command: str) -> None:
    with serving(create_app(a_supervisor(), StoppedClock())) as address:
        result = run(command, "rediss", server=address)
    assert result.exit_code == 1
    assert "No service is named 'rediss'. Did you mean 'redis'?" in result.stderr


@pytest.mark.parametrize("command", [*READING, *CHANGING])
def test_who_is_not_let_in_is_1_with_the_variable_to_set(command: tuple[str, ...]) -> None:
    with serving(create_app(a_supervisor(), StoppedClock(), Access(token="secret"))) as address:
        result = run(*command, server=address)
    assert result.exit_code == 1
    assert "ORCHESTRATOR_API_TOKEN" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *([command] for command in NAMING),
        ["ps", "--category", "none"],
        ["events", "--limit", "0"],
        ["logs", "redis", "--tail", "x"],
        ["restart", "redis", "--timeout", "0"],
        ["serve", "--port", "70000"],
        ["doctor", "--server", "ftp://nowhere"],
        ["check", "--no-such-option"],
        ["state", "export"],
        ["no-such-command"],
    ],
)
def test_a_wrong_call_is_2_with_what_is_wrong(arguments: list[str], nobody: str) -> None:
    result = run(*arguments, server=nobody)
    assert result.exit_code == 2
    assert result.stderr


@pytest.mark.parametrize("command", [*READING, *CHANGING, *FOLLOWING])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nobody_serving_is_3_with_how_to_start_one(
    command: tuple[str, ...], options: tuple[str, ...], nobody: str
) -> None:
    result = run(*command, *options, server=nobody)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert f"No orchestrator answers at {nobody}: connection refused." in result.stderr
    assert "Start one with `orchestrator serve`" in result.stderr


def test_what_needs_no_orchestrator_says_what_is_wrong_and_is_1(
    tmp_path: Path, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nowhere = {"ORCHESTRATOR_DOCKER_HOST": f"unix://{tmp_path}/none.sock", "ORCHESTRATOR_STATE": str(tmp_path / "s.db")}
    Path("orchestrator.yaml").write_text("services: {web: {port: 70000}}\n")
    for arguments in (["check"], ["doctor"], ["doctor", "--json"], ["state", "export", "-"]):
        assert run(*arguments, server=nobody, **nowhere).exit_code == 1
    Path("orchestrator.yaml").write_text("services: {web: {port: 7000}}\n")
    assert run("check", server=nobody, **nowhere).exit_code == 0
