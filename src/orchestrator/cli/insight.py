"""``orchestrator plan`` and ``orchestrator explain NAME``: what would be done next, and why things are as they are."""

from __future__ import annotations

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option, service_path
from orchestrator.cli.completion import service_names
from orchestrator.cli.words import countdown, local_time
from orchestrator.terminal import printable


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
    rows = [("SERVICE", "STATUS", "INTENTION", "IN", "WHY")]
    rows += [_row(one, document["timestamp"]) for one in document["entries"]]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[4]]).rstrip())


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
    click.echo(printable(document["now"]))
    upcoming = document["next"]
    if upcoming is None:
        click.echo("next: nothing, unless something changes")
    else:
        when = "" if upcoming["at"] is None else f" at {local_time(upcoming['at'], with_date=True)}"
        click.echo(printable(f"next: {upcoming['action']}{when}: {upcoming['cause']}"))
    for one in document["decisions"]:
        cause = f": {one['cause']}" if one["cause"] else ""
        click.echo(printable(f"  {local_time(one['at'], with_date=True)}  {one['message']}{cause}"))


def _row(entry: Document, now: str) -> tuple[str, str, str, str, str]:
    why = "; ".join(part for part in (", ".join(entry["blocked_by"]), entry["cause"]) if part)
    due = countdown(entry["at"], now) or "-"
    return printable(entry["service"]), entry["status"], entry["intention"], due, printable(why)
