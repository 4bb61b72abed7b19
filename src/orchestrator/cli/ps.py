"""``orchestrator ps``: the table one looks at first."""

from __future__ import annotations

import sys

import click

from orchestrator.cli.client import Server, json_option, print_json, server_option
from orchestrator.cli.listing import plain_lines
from orchestrator.cli.words import CATEGORIES, DRY_RUN
from orchestrator.terminal import printable


@click.command()
@server_option
@click.option("--category", type=click.Choice(CATEGORIES), help="Only services of this one.")
@json_option
def ps(server: Server, category: str | None, as_json: bool) -> None:
    """How the services are: status, age of the run, restarts, time to the next attempt, and why.

    Redirected, it is one plain line a service.
    """
    document = server.get("/api/system/services", category=category)
    if as_json:
        print_json(document)
        return
    health = server.health()
    if not health["engine_reachable"]:
        # What is shown is what was seen last; said where a pipe does not swallow it.
        click.echo(printable(health["engine_detail"]), err=True)
    if health["dry_run"]:
        click.echo(DRY_RUN, err=True)
    if sys.stdout.isatty():
        from orchestrator.cli.table import print_table  # noqa: PLC0415 - rich is worth its time on a terminal only

        print_table(document)
    else:
        click.echo("\n".join(plain_lines(document)))
