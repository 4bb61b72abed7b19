"""``orchestrator plan`` and ``orchestrator explain NAME``: what would be done next, and why things are as they are."""

from __future__ import annotations

from typing import Final

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option, service_path
from orchestrator.cli.columns import Cell, lay_out, status_cell, terminal_width
from orchestrator.cli.completion import service_names
from orchestrator.cli.events import is_short
from orchestrator.cli.words import countdown, local_time, look
from orchestrator.terminal import printable

_INDENT: Final = "  "
_BLOCKERS: Final = {
    "engine_unseen": "the engine cannot be asked",
    "stopped_by_person": "stopped by a person",
    "observe_only": "watched only",
    "queue": "waiting for its turn",
}
"""What is said otherwise to people; the other words are plain enough."""


@click.command()
@server_option
@json_option
def plan(server: Server, as_json: bool) -> None:
    """What would be done next for every service, when, and why; or what keeps it from being done.

    Provided that nothing changes, and that checks go on answering what they answered last.
    """
    document = server.get("/api/system/plan")
    if as_json:
        print_json(document)
        return
    heading = [Cell(word, dim=True) for word in ("SERVICE", "STATUS", "INTENTION", "IN", "WHY")]
    rows = [_row(one, document["timestamp"]) for one in document["entries"]]
    for line in lay_out([heading, *rows], terminal_width()):
        click.echo(line)


@click.command()
@click.argument("name", shell_complete=service_names)
@server_option
@json_option
def explain(name: str, server: Server, as_json: bool) -> None:
    """Why NAME is as it is, what would be done next, and what was decided so far, newest first."""
    document = server.get(service_path(name, "explanation"))
    if as_json:
        print_json(document)
        return
    _tell(document["now"])
    upcoming = document["next"]
    if upcoming is None:
        _tell("next: nothing, unless something changes")
    else:
        when = "" if upcoming["at"] is None else f" at {local_time(upcoming['at'], with_date=True)}"
        _tell(f"next: {upcoming['action']}{when}: {upcoming['cause']}")
    decisions = document["decisions"]
    short_time = is_short([{"timestamp": one["at"]} for one in decisions])
    told = [
        (
            Cell(local_time(one["at"], with_date=not short_time), dim=True),
            Cell(printable(one["message"]), _colour(one["status"])),
            Cell(printable(one["cause"])),
        )
        for one in decisions
    ]
    room = terminal_width()
    for line in lay_out(told, None if room is None else room - len(_INDENT)):
        click.echo(f"{_INDENT}{line}")


def _tell(text: str) -> None:
    click.echo("\n".join(lay_out([[Cell(printable(text))]], terminal_width())))


def _colour(status: str | None) -> str | None:
    style = look(status or "").style
    return style if style not in ("", "dim") else None


def _row(entry: Document, now: str) -> list[Cell]:
    cause = entry["cause"]
    blockers = map(_in_words, entry["blocked_by"])
    held = [words for words in blockers if not cause.startswith(" ".join(words.split()[:2]))]  # the cause says it too
    why = "; ".join(part for part in (*held, cause) if part)
    return [
        Cell(printable(entry["service"]), bold=True),
        status_cell(entry["status"]),
        Cell(entry["intention"]),
        Cell(countdown(entry["at"], now) or "-", right=True),
        Cell(printable(why)),
    ]


def _in_words(blocker: str) -> str:
    """``waiting_on:db`` is for programs."""
    kind, _, name = blocker.partition(":")
    return f"waiting for {name}" if name else _BLOCKERS.get(kind, kind)
