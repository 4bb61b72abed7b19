"""The commands that talk to a running orchestrator: what they print, and their exit codes."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from starlette.types import Receive, Scope, Send

from orchestrator.api.app import create_app
from orchestrator.api.security import Access
from orchestrator.cli import main
from orchestrator.cli.table import print_table
from orchestrator.core.ending import Ending
from orchestrator.core.evidence import LogLine
from orchestrator.core.gpus import Driver
from orchestrator.core.messages import Disable, Enable, Reply, Restart, Start, Stop
from orchestrator.core.model import Category, Status
from orchestrator.core.resources import Presence
from orchestrator.errors import ContainerNotFound
from orchestrator.ports import EventRecord
from orchestrator.runtime.requests import NO_SERVICE, Requester, reload_document
from orchestrator.runtime.views import EdgeView, GraphView, ResourceView, host_document
from tests.api.asgi import call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service, an_event
from tests.cli.served import serving

ACTOR = "a local user from 127.0.0.1"
HOSTILE = "\x1b[2Jok\nfake-service  running"


def a_supervisor() -> FakeSupervisor:
    return FakeSupervisor(
        [
            replace(
                a_service("ai-llm", status=Status.UNHEALTHY),
                reason="HTTP 500 from /health",
                retry_at=NOON + 38.2,
                restart_count=7,
                strikes=2,
                failure_count=2,
            ),
            replace(a_service("redis", Category.INFRASTRUCTURE), uptime_seconds=9 * 86400),
            replace(a_service("frontend", Category.INFRASTRUCTURE, Status.STOPPED), waiting_on=("backend",)),
            replace(a_service("ai-clip", status=Status.DISABLED), reason=HOSTILE, problems=("orchestrator.grace: no",)),
        ],
        [
            an_event(1, "ai-llm", "Service discovered"),
            an_event(2, "ai-llm", "Health check failed", "HTTP 500"),
            an_event(3, "redis", "Service recovered", HOSTILE),
        ],
    )


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return a_supervisor()


@pytest.fixture
def address(supervisor: FakeSupervisor) -> Iterator[str]:
    with serving(create_app(supervisor, StoppedClock())) as where:
        yield where


def run(address: str, *arguments: str, token: str | None = None) -> Result:
    environment = {"ORCHESTRATOR_SERVER": address, "ORCHESTRATOR_API_TOKEN": token}
    return CliRunner(env=environment).invoke(main, arguments)


# --- ps -----------------------------------------------------------------------------------------------------


def test_redirected_ps_is_one_plain_line_a_service_with_every_column(address: str) -> None:
    result = run(address, "ps")
    assert result.exit_code == 0
    rows = [line.split() for line in result.output.splitlines()]
    assert rows[0] == ["SERVICE", "STATUS", "AGE", "RESTARTS", "NEXT", "REASON"]
    assert [row[0] for row in rows[1:]] == ["frontend", "redis", "ai-clip", "ai-llm"]
    assert rows[1] == ["frontend", "stopped", "60m", "2", "-", "waits", "for", "backend"]
    assert rows[2] == ["redis", "running", "9d", "2", "-", "-"]
    assert rows[4] == ["ai-llm", "unhealthy", "60m", "7", "38s", "HTTP", "500", "from", "/health"]


def test_ps_names_problems_of_the_configuration(address: str) -> None:
    assert "problem: orchestrator.grace: no" in run(address, "ps").output


def test_ps_filters_by_category(address: str) -> None:
    assert [line.split()[0] for line in run(address, "ps", "--category", "ai").output.splitlines()[1:]] == [
        "ai-clip",
        "ai-llm",
    ]


def test_ps_json_is_the_api_s_answer(address: str) -> None:
    document = json.loads(run(address, "ps", "--json").output)
    assert set(document) == {"services", "next_after", "by_category", "timestamp"}


def test_ps_says_on_standard_error_that_the_engine_is_away(address: str, supervisor: FakeSupervisor) -> None:
    away = replace(supervisor.overall.engine, reachable=False, detail="Failed to connect to Docker daemon")
    supervisor.overall = replace(supervisor.overall, status="unhealthy", engine=away)
    result = run(address, "ps")
    assert result.exit_code == 0
    assert result.stderr == "Failed to connect to Docker daemon\n"
    assert result.stdout.startswith("SERVICE")


@pytest.mark.parametrize("command", [("ps",), ("events",), ("show", "ai-clip")])
def test_what_a_container_says_cannot_forge_lines_or_colours(address: str, command: tuple[str, ...]) -> None:
    output = run(address, *command).output
    assert "\x1b" not in output
    assert not any(line.startswith("fake-service") for line in output.splitlines())


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_table_fits_eighty_columns_and_any_encoding(supervisor: FakeSupervisor, encoding: str) -> None:
    document = call(create_app(supervisor, StoppedClock()), "GET", "/api/system/services").json
    written = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_table(document, Console(file=written, width=80, force_terminal=True, color_system=None, highlight=False))
    written.seek(0)
    lines = written.read().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert any("unhealthy" in line and "38s" in line for line in lines)
    assert lines[-1] == "4 services: 2 healthy, 2 unhealthy"


# --- show, events -------------------------------------------------------------------------------------------


def test_show_tells_why_and_what_happened(address: str) -> None:
    output = run(address, "show", "ai-llm").output
    for expected in (
        "unhealthy",
        "HTTP 500 from /health",
        "2 in a row, 2 strikes",
        "demo-ai-llm-1",
        "Health check failed",
    ):
        assert expected in output
    assert "redis" not in output


def test_events_are_told_oldest_first(address: str) -> None:
    lines = run(address, "events").output.splitlines()
    assert ["discovered" in lines[0], "HTTP 500" in lines[1], "recovered" in lines[2]] == [True, True, True]


def test_events_are_limited_and_filtered(address: str) -> None:
    assert len(run(address, "events", "--limit", "1").output.splitlines()) == 1
    assert "redis" not in run(address, "events", "--service", "ai-llm").output
    assert len(json.loads(run(address, "events", "--json").output)["events"]) == 3


def test_a_request_of_no_service_is_told_with_who_asked() -> None:
    requester = Requester("a local user", "127.0.0.1")
    document = reload_document(requester, "1 problem in it", StoppedClock().now(), accepted=False)
    supervisor = FakeSupervisor(events=[EventRecord(1, NO_SERVICE, document)])
    with serving(create_app(supervisor, StoppedClock())) as address:
        (line,) = run(address, "events").output.splitlines()
    assert line.endswith("-  Request refused  reload, asked for by a local user from 127.0.0.1: 1 problem in it")


def test_no_events_are_told_on_standard_error_so_that_a_pipe_stays_empty() -> None:
    with serving(create_app(FakeSupervisor(), StoppedClock())) as address:
        result = run(address, "events")
    assert (result.stdout, result.exit_code) == ("", 0)
    assert "Nothing happened yet" in result.stderr


def test_an_event_that_is_no_services_tells_what_it_is_about() -> None:
    document = host_document("gpu", "GPU driver lost", "NVML says: GPU is lost", NOON)
    supervisor = FakeSupervisor(events=[EventRecord(1, "", {**document, "sequence": 1})])
    with serving(create_app(supervisor, StoppedClock())) as address:
        (line,) = run(address, "events").output.splitlines()
    assert line.split("  ")[1:] == ["gpu", "GPU driver lost", "NVML says: GPU is lost"]


# --- graph --------------------------------------------------------------------------------------------------


def test_the_graph_is_told_phase_by_phase_and_soft_is_not_hard(address: str, supervisor: FakeSupervisor) -> None:
    edges = (EdgeView("ai-llm", "redis", True, "compose"), EdgeView("ai-llm", "ai-clip", False, "label"))
    supervisor.drawn = GraphView((), edges, (("redis", "ai-clip"), ("ai-llm",)), ("a -> b -> a",))
    lines = [line.split() for line in run(address, "graph").output.splitlines()]
    assert lines[:2] == [["phase", "1"], ["redis", "running"]]
    assert lines[3:5] == [
        ["phase", "2"],
        ["ai-llm", "unhealthy", "needs", "redis", "(compose);", "wants", "ai-clip", "(label)"],
    ]
    assert lines[5][-5:] == ["a", "->", "b", "->", "a"]
    drawn = run(address, "graph", "--dot").output
    assert '"ai-llm" -> "redis" [style=solid];' in drawn
    assert '"ai-llm" -> "ai-clip" [style=dashed];' in drawn
    served = json.loads(run(address, "graph", "--json").output)
    assert set(served) == {"nodes", "resources", "edges", "phases", "cycles"}


def test_the_graph_tells_how_a_resource_of_the_host_is(address: str, supervisor: FakeSupervisor) -> None:
    supervisor.drawn = GraphView(
        nodes=(),
        edges=(EdgeView("ai-llm", "gpu", True, "catalog"),),
        phases=(("ai-llm",),),
        cycles=(),
        resources=(
            ResourceView("gpu", Driver.MISSING, "NVML says: GPU is lost"),
            ResourceView("tcp:10.0.0.9:5432", Presence.THERE, "connected"),
        ),
    )
    assert run(address, "graph").output.splitlines()[-2:] == [
        "gpu, a resource of the host: missing: NVML says: GPU is lost",
        "tcp:10.0.0.9:5432, a resource of the host: there: connected",
    ]
    assert '"gpu" [shape=box, label="gpu (missing)"];' in run(address, "graph", "--dot").output


# --- logs ---------------------------------------------------------------------------------------------------


def test_logs_are_the_container_s_own_two_streams(address: str, supervisor: FakeSupervisor) -> None:
    supervisor.written = [LogLine("stdout", NOON, "listening"), LogLine("stderr", None, HOSTILE)]
    result = run(address, "logs", "-f", "ai-llm")
    assert result.exit_code == 0
    assert result.stdout == "listening\n"
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_container_s_words_command_no_terminal_as_json_either(address: str, supervisor: FakeSupervisor) -> None:
    words = "\x1b[2J\x9b2J\u202e\u2028"
    supervisor.shown["ai-llm"] = replace(supervisor.shown["ai-llm"], reason=words)
    supervisor.written = [LogLine("stdout", NOON, words)]
    for command in (("logs", "ai-llm"), ("ps",), ("show", "ai-llm")):
        printed = run(address, *command, "--json").stdout
        assert not set(printed) & {"\x1b", "\x9b", "\u202e", "\u2028"}, command
    (line,) = run(address, "logs", "--json", "ai-llm").stdout.splitlines()
    assert json.loads(line)["line"] == words


def test_logs_are_cut_to_the_newest_and_told_as_json_lines(address: str, supervisor: FakeSupervisor) -> None:
    supervisor.written = [LogLine("stdout", NOON, "one"), LogLine("stderr", None, "two")]
    result = run(address, "logs", "--tail", "1", "--json", "ai-llm")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"stream": "stderr", "timestamp": None, "line": "two"}
    ]
    assert "10:00:00.000Z" in run(address, "logs", "--json", "ai-llm").stdout


def test_no_log_is_exit_code_1_with_the_reason(address: str, supervisor: FakeSupervisor) -> None:
    supervisor.failure = ContainerNotFound("it has no container")
    result = run(address, "logs", "ai-llm")
    assert result.exit_code == 1
    assert "No log of ai-llm: it has no container" in result.stderr
    assert "Did you mean 'ai-llm'" in run(address, "logs", "ai-lm").stderr


# --- commands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("restart", "ai-llm"), Restart(ACTOR)),
        (("restart", "ai-llm", "--reset-failures"), Restart(ACTOR, reset_failures=True)),
        (("start", "ai-llm"), Start(ACTOR)),
        (("stop", "ai-llm"), Stop(ACTOR)),
        (("enable", "ai-llm"), Enable(ACTOR)),
        (("disable", "ai-llm"), Disable(ACTOR)),
    ],
)
def test_a_command_reaches_the_orchestrator(
    address: str, supervisor: FakeSupervisor, arguments: tuple[str, ...], command: object
) -> None:
    supervisor.reply = Reply(accepted=True, message="ai-llm is being restarted")
    result = run(address, *arguments)
    assert result.exit_code == 0
    assert supervisor.commands == [("ai-llm", command)]
    assert result.output == "ai-llm is being restarted (now unhealthy)\n"


def test_a_refused_command_is_exit_code_1_with_the_reason(address: str, supervisor: FakeSupervisor) -> None:
    supervisor.reply = Reply(accepted=False, message="ai-llm is paused", conflict="paused")
    result = run(address, "restart", "ai-llm")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ai-llm is paused" in result.stderr


def test_one_that_is_refused_does_not_keep_the_others(address: str, supervisor: FakeSupervisor) -> None:
    result = run(address, "stop", "nobody", "redis", "ai-llm")
    assert result.exit_code == 1
    assert "nobody" in result.stderr
    assert [name for name, _ in supervisor.commands] == ["redis", "ai-llm"]


def test_waiting_ends_with_what_was_seen(address: str, supervisor: FakeSupervisor) -> None:
    supervisor.ending = Ending(True, "HTTP 200")
    assert run(address, "restart", "--wait", "redis").exit_code == 0
    supervisor.ending = Ending(False, "exited with code 1")
    failed = run(address, "restart", "--wait", "redis")
    assert failed.exit_code == 1
    assert "exited with code 1" in failed.stderr
    supervisor.ending = None
    unverified = run(address, "start", "--wait", "--timeout", "0.05", "redis")
    assert unverified.exit_code == 1


def test_an_unknown_service_is_exit_code_1_with_the_name_that_was_meant(address: str) -> None:
    result = run(address, "show", "ai-lm")
    assert result.exit_code == 1
    assert "Did you mean 'ai-llm'" in result.stderr


def test_a_name_with_odd_characters_stays_one_name(address: str, supervisor: FakeSupervisor) -> None:
    result = run(address, "stop", "../redis?x=1#y")
    assert result.exit_code == 1
    assert supervisor.commands == []


# --- the way there ------------------------------------------------------------------------------------------


def test_nobody_there_is_exit_code_3_with_how_to_start_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        result = run(f"http://127.0.0.1:{taken.getsockname()[1]}", "ps")
    assert result.exit_code == 3
    assert "orchestrator serve" in result.stderr
    assert "ORCHESTRATOR_SERVER" in result.stderr


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[1]", b'{"some": "thing"}'])
def test_another_program_on_that_port_is_exit_code_3(body: bytes) -> None:
    async def stranger(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": body})

    with serving(stranger) as address:
        result = run(address, "ps")
    assert result.exit_code == 3
    assert "no orchestrator" in result.stderr


@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1", "http://", "127.0.0.1:port", "http://127.0.0.1:99999999", "no address"]
)
def test_an_address_that_is_none_is_a_wrong_call(address: str) -> None:
    assert run(address, "ps").exit_code == 2


def test_a_name_that_no_look_up_takes_is_not_known() -> None:
    result = run("http://a..b", "ps")
    assert result.exit_code == 3
    assert "the name is not known" in result.stderr


def test_an_address_without_a_scheme_is_understood(address: str) -> None:
    assert run(address.removeprefix("http://"), "ps").exit_code == 0


def test_the_token_is_sent_and_its_absence_explained(supervisor: FakeSupervisor) -> None:
    with serving(create_app(supervisor, StoppedClock(), Access(token="secret"))) as address:
        assert run(address, "ps", token="secret").exit_code == 0
        refused = run(address, "ps")
    assert refused.exit_code == 1
    assert "ORCHESTRATOR_API_TOKEN" in refused.stderr


def test_a_dry_run_is_said_where_a_pipe_does_not_swallow_it(supervisor: FakeSupervisor) -> None:
    supervisor.overall = replace(supervisor.overall, dry_run=True)
    with serving(create_app(supervisor, StoppedClock())) as address:
        result = CliRunner(env={"ORCHESTRATOR_SERVER": address}).invoke(main, ["ps"])
    assert result.stderr == "Dry run: what would be done is told, and nothing is changed.\n"
    assert result.stdout.startswith("SERVICE")
