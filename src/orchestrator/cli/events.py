"""``orchestrator events``: the journal, oldest first, so that the newest is beside the prompt."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Final

import click

from orchestrator.cli.client import Document, Server, print_json, server_option
from orchestrator.cli.completion import service_names
from orchestrator.cli.stream import INTERRUPTED, messages
from orchestrator.cli.words import local_time, look
from orchestrator.terminal import printable

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
    for one in lines(newest_first, short_time=sys.stdout.isatty()):
        click.echo(one)


def _follow(server: Server, limit: int, service: str | None, as_json: bool) -> None:
    name_width, message_width = 0, 0
    begun = False
    for message in messages(server):
        match message:
            case {"type": "snapshot", "sequence": newest} if not begun:
                begun = True
                known = server.get(EVENTS, limit=limit, service=service)["events"]
                told = [one for one in reversed(known) if one["sequence"] <= newest]
            case {"type": "service_status", "data": {"name": name}} if service in (None, name):
                told = [message]
            case _:
                continue
        for one in told:
            if as_json:
                click.echo(json.dumps(one, ensure_ascii=False))
                continue
            name_width = max(name_width, len(_name(one)))
            message_width = max(message_width, len(printable(one["message"])))
            click.echo(_line(one, name_width, message_width, sys.stdout.isatty()))


def lines(newest_first: Sequence[Document], *, short_time: bool) -> list[str]:
    """Oldest first, in columns; colours are for a terminal (click takes them out of a pipe)."""
    name_width = max((len(_name(one)) for one in newest_first), default=0)
    message_width = max((len(printable(one["message"])) for one in newest_first), default=0)
    return [_line(one, name_width, message_width, short_time) for one in reversed(newest_first)]


def _line(event: Document, name_width: int, message_width: int, short_time: bool) -> str:
    seen = look(str(event["data"].get("status", "")))
    colour = seen.style if seen.style not in ("", "dim") else None
    time = click.style(local_time(event["timestamp"], with_date=not short_time), dim=True)
    cause = printable(_cause(event))
    text = printable(event["message"])
    message = click.style(text.ljust(message_width) if cause else text, fg=colour)
    return f"{time}  {click.style(_name(event).ljust(name_width), bold=True)}  {message}  {cause}".rstrip()


def _cause(event: Document) -> str:
    if event.get("type") != "request":
        return str(event["cause"])
    asked = event["data"]
    words = f"{asked.get('verb', '?')}, asked for by {event['cause']}"
    return words if asked.get("outcome") == "accepted" else f"{words}: {asked.get('detail', '')}"


def _name(event: Document) -> str:
    return printable(str(event["data"].get("name", "?")))
