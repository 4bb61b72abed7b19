"""``orchestrator events``: the journal, oldest first, so that the newest is beside the prompt."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import click

from orchestrator.cli.client import Document, Server, print_json, server_option
from orchestrator.cli.columns import Cell, lay_out, terminal_width
from orchestrator.cli.completion import service_names
from orchestrator.cli.stream import INTERRUPTED, messages
from orchestrator.cli.words import local_time, look
from orchestrator.terminal import printable, printable_json

EVENTS: Final = "/api/system/health/events"


@click.command()
@server_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The newest so many.")
@click.option("--service", metavar="NAME", shell_complete=service_names, help="Only those of this service.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The API's own answer; with --follow, an event a line.")
def events(*, server: Server, limit: int, service: str | None, follow: bool, as_json: bool) -> None:
    """What happened, and why: the newest events, oldest of them first, in local time."""
    if follow:
        try:
            _follow(server, limit, service, as_json)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        return
    document = server.get(EVENTS, limit=limit, service=service)
    if as_json:
        print_json(document)
        return
    newest_first = document["events"]
    if not newest_first:
        click.echo("Nothing happened yet.", err=True)
    for one in lines(newest_first, short_time=is_short(newest_first), room=terminal_width()):
        click.echo(one)


def _follow(server: Server, limit: int, service: str | None, as_json: bool) -> None:
    widths, short_time, begun = [0, 0, 0], False, False
    for message in messages(server):
        match message:
            case {"type": "snapshot", "sequence": newest} if not begun:
                begun = True
                known = server.get(EVENTS, limit=limit, service=service)["events"]
                told = [one for one in reversed(known) if one["sequence"] <= newest]
                short_time = is_short(told)
            case {"type": "service_status", "data": {"name": name}} if service in (None, name):
                told = [message]
            case {"type": "host"} if service is None:
                told = [message]
            case _:
                continue
        for one in told:
            if as_json:
                click.echo(printable_json(json.dumps(one, ensure_ascii=False)))
                continue
            row = _row(one, short_time)
            widths = [max(width, len(cell.text)) for width, cell in zip(widths, row, strict=False)]
            click.echo("\n".join(lay_out([row], terminal_width(), widths)))


def lines(newest_first: Sequence[Document], *, short_time: bool, room: int | None) -> list[str]:
    """Oldest first, in columns; colours are for a terminal (click takes them out of a pipe)."""
    return lay_out([_row(one, short_time) for one in reversed(newest_first)], room)


def is_short(events: Sequence[Document]) -> bool:
    """Whether the time alone says when: for somebody at a terminal, of what happened today."""
    today = datetime.now().astimezone().date()
    days = (datetime.fromisoformat(one["timestamp"]).astimezone().date() for one in events)
    return sys.stdout.isatty() and all(day == today for day in days)


def _row(event: Document, short_time: bool) -> list[Cell]:
    seen = look(str(event["data"].get("status", "")))
    return [
        Cell(local_time(event["timestamp"], with_date=not short_time), dim=True),
        Cell(_name(event), bold=True),
        Cell(printable(event["message"]), seen.style if seen.style not in ("", "dim") else None),
        Cell(printable(_cause(event))),
    ]


def _cause(event: Document) -> str:
    if event.get("type") != "request":
        return str(event["cause"])
    asked = event["data"]
    words = f"{asked.get('verb', '?')}, asked for by {event['cause']}"
    return words if asked.get("outcome") == "accepted" else f"{words}: {asked.get('detail', '')}"


def _name(event: Document) -> str:
    """What concerns no service has a subject instead, and a request such as a reload has neither."""
    concerned = event["data"]
    return printable(str(concerned.get("name") or concerned.get("subject") or "-"))
