"""What the shell completes, by click's own machinery."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.shell_completion import BashComplete

from orchestrator.api.app import create_app
from orchestrator.api.security import Access
from orchestrator.cli import main
from orchestrator.cli.completion import Patience
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service
from tests.cli.served import serving

NAMES = ("ai-clip", "ai-llm", "redis")


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving(create_app(FakeSupervisor([a_service(name) for name in NAMES]), StoppedClock())) as where:
        monkeypatch.setenv("ORCHESTRATOR_SERVER", where)
        yield where


def completed(*words: str, patience: float = 30.0) -> list[str]:
    """``words`` as typed after the program's name; the last is not finished. Patient: the machine may be busy."""
    shell = BashComplete(main, {"obj": Patience(patience)}, "orchestrator", "_ORCHESTRATOR_COMPLETE")
    return [one.value for one in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.usefixtures("address")
@pytest.mark.parametrize(
    "command", ["show", "explain", "logs", "restart", "start", "stop", "enable", "disable", "hold", "release"]
)
def test_every_command_that_takes_a_name_completes_it(command: str) -> None:
    assert completed(command, "ai-") == ["ai-clip", "ai-llm"]


@pytest.mark.usefixtures("address")
def test_a_name_that_is_there_already_is_not_offered_again() -> None:
    assert completed("restart", "ai-llm", "") == ["ai-clip", "redis"]
    assert completed("restart", "--wait", "ai-llm", "redis", "ai-") == ["ai-clip"]


@pytest.mark.usefixtures("address")
def test_the_service_of_events_is_completed() -> None:
    assert completed("events", "--service", "r") == ["redis"]


def test_the_server_that_is_named_is_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORCHESTRATOR_SERVER")
    assert completed("show", "--server", address, "") == list(NAMES)


def test_the_token_is_sent_and_without_it_nothing_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = FakeSupervisor([a_service("redis")])
    with serving(create_app(supervisor, StoppedClock(), replace(Access(), token="secret"))) as where:
        monkeypatch.setenv("ORCHESTRATOR_SERVER", where)
        assert completed("show", "") == []
        monkeypatch.setenv("ORCHESTRATOR_API_TOKEN", "secret")
        assert completed("show", "") == ["redis"]


@pytest.mark.parametrize("words", [("show", ""), ("events", "--service", "")])
def test_nobody_serving_is_silence(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        monkeypatch.setenv("ORCHESTRATOR_SERVER", f"127.0.0.1:{taken.getsockname()[1]}")
        assert completed(*words) == []
    monkeypatch.setenv("ORCHESTRATOR_SERVER", "no address at all")
    assert completed(*words) == []
    assert capfd.readouterr() == ("", "")


def test_one_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("ORCHESTRATOR_SERVER", f"127.0.0.1:{silent.getsockname()[1]}")
        assert completed("show", "", patience=0.5) == []


def test_choices_are_completed() -> None:
    assert completed("ps", "--category", "a") == ["ai", "application"]
    assert "doctor" in completed("do")
    assert completed("state", "") == ["export", "import"]
