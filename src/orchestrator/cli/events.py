"""``orchestrator events``: the journal, oldest first, so that the newest is beside the prompt."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option
from orchestrator.cli.words import local_time, look
from orchestrator.terminal import printable


@click.command()
@server_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The newest so many.")
@click.option("--service", metavar="NAME", help="Only those of this service.")
@json_option
def events(server: Server, limit: int, service: str | None, as_json: bool) -> None:
    """What happened, and why: the newest events, oldest of them first, in local time."""
    document = server.get("/api/system/health/events", limit=limit, service=service)
    if as_json:
        print_json(document)
        return
    newest_first = document["events"]
    if not newest_first:
        click.echo("Nothing happened yet.", err=True)
    for one in lines(newest_first, short_time=sys.stdout.isatty()):
        click.echo(one)


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
