"""``orchestrator logs NAME``: what its container writes, each stream to its own."""

from __future__ import annotations

import json

import click

from orchestrator.cli.client import Server, server_option, service_path
from orchestrator.cli.completion import service_names
from orchestrator.cli.words import local_time
from orchestrator.terminal import printable, printable_json

INTERRUPTED = 130


@click.command()
@click.argument("name", shell_complete=service_names)
@click.option("-f", "--follow", is_flag=True, help="Go on with what it writes, until its container ends.")
@click.option(
    "--tail", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Begin with the newest so many."
)
@click.option("-t", "--timestamps", is_flag=True, help="Each line with its time, in local time.")
@server_option
@click.option("--json", "as_json", is_flag=True, help="A document a line: {stream, timestamp, line}.")
def logs(*, name: str, follow: bool, tail: int, timestamps: bool, server: Server, as_json: bool) -> None:
    """What the container of NAME wrote, oldest first; its stderr comes on stderr. Ctrl-C ends following."""
    query = {"tail": tail, "follow": "true" if follow else None}
    try:
        for one in server.lines(service_path(name, "logs"), patient=follow, **query):
            if as_json:
                click.echo(printable_json(json.dumps(one, ensure_ascii=False)))
                continue
            at = f"{local_time(one['timestamp'], with_date=True)}  " if timestamps and one["timestamp"] else ""
            click.echo(f"{at}{printable(one['line'])}", err=one["stream"] == "stderr")
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None
