"""Rows in columns: whole in a pipe, within the width of a terminal, and never cut inside a name."""

from __future__ import annotations

import io

import pytest
from click import unstyle
from click.testing import CliRunner
from rich.console import Console

from orchestrator.api.app import create_app
from orchestrator.cli import main
from orchestrator.cli.columns import Cell, lay_out
from orchestrator.cli.table import print_table
from tests.api.asgi import call
from tests.api.fakes import StoppedClock
from tests.cli.served import serving
from tests.cli.test_client_commands import a_supervisor, run

LONG = "no answer within 1 s; confirmed by 1 more check in 1.1 s"
ROWS = [
    [Cell("20:36:18", dim=True), Cell("ai-llm", bold=True), Cell("Restart initiated", "red"), Cell(LONG)],
    [Cell("20:36:19"), Cell("db"), Cell("Service disabled - max failures reached"), Cell("")],
    [Cell("20:36:20"), Cell("ai-yolo26"), Cell("Container started"), Cell("by hand")],
]


def laid_out(room: int | None) -> list[str]:
    return [unstyle(line) for line in lay_out(ROWS, room)]


def test_redirected_every_row_is_a_line_in_columns() -> None:
    lines = laid_out(None)
    assert len(lines) == len(ROWS)
    assert lines[0].index(LONG) == lines[2].index("by hand")


@pytest.mark.parametrize("room", [200, 100, 80, 60, 40, 20])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_lost(room: int) -> None:
    lines = laid_out(room)
    assert max(len(line) for line in lines) <= room
    words = " ".join(lines).split()
    assert words == [word for row in ROWS for cell in row for word in cell.text.split()]


def test_the_last_column_wraps_beneath_itself_while_it_can_be_read() -> None:
    first, second, *_ = laid_out(100)
    assert second.startswith(" " * first.index("no answer"))


def test_where_it_cannot_it_goes_beneath_and_short_rows_stay_in_columns() -> None:
    lines = laid_out(80)
    assert lines[0] == "20:36:18  ai-llm     Restart initiated"
    assert lines[1] == f"    {LONG}"
    assert lines[3].split() == ["20:36:20", "ai-yolo26", "Container", "started", "by", "hand"]


def test_a_name_is_not_cut_at_its_hyphen() -> None:
    (line, other) = lay_out([[Cell("wants ai-florence")]], 12)
    assert (line, other) == ("wants", "ai-florence")


def test_figures_end_beneath_each_other_and_a_strong_beginning_is_bold() -> None:
    lines = lay_out([[Cell("5s", right=True), Cell("x")], [Cell("100s", right=True), Cell("y: z", strong=1)]], None)
    assert lines[0] == "  5s" + lines[0][4:]
    assert unstyle(lines[0]) == "  5s  x"
    assert "\x1b[1my" in lines[1]


def test_no_rows_are_no_lines() -> None:
    assert lay_out([], 80) == []


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_table_of_services_keeps_names_and_statuses_whole_at_any_width(width: int) -> None:
    document = call(create_app(a_supervisor(), StoppedClock()), "GET", "/api/system/services").json
    written = io.StringIO()
    print_table(document, Console(file=written, width=width, force_terminal=True, color_system=None, highlight=False))
    lines = written.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    for name, status in (("frontend", "stopped"), ("ai-llm", "unhealthy"), ("ai-clip", "disabled")):
        assert any(line.startswith(name) and status in line for line in lines), lines
    assert "38s" in written.getvalue()


@pytest.mark.parametrize(
    "command",
    [("ps",), ("show", "ai-llm"), ("events",), ("plan",), ("explain", "ai-llm"), ("graph",)],
)
def test_redirected_there_is_neither_colour_nor_a_wrapped_line(command: tuple[str, ...]) -> None:
    with serving(create_app(a_supervisor(), StoppedClock())) as address:
        output = run(address, *command).output
    assert "\x1b" not in output
    assert not any(line.startswith("    ") for line in output.splitlines())


def test_no_color_takes_the_colours_from_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(create_app(a_supervisor(), StoppedClock())) as address:
        monkeypatch.setenv("ORCHESTRATOR_SERVER", address)
        assert "\x1b" in CliRunner().invoke(main, ["show", "ai-llm"], color=True).output
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b" not in CliRunner().invoke(main, ["show", "ai-llm"], color=True).output
