"""``orchestrator hold`` and ``orchestrator release``: maintenance, which ends by itself."""

from __future__ import annotations

from collections.abc import Sequence

import click

from orchestrator.cli.client import (
    Document,
    Function,
    Refused,
    Server,
    json_option,
    print_json,
    project_path,
    server_option,
    service_path,
)
from orchestrator.cli.completion import service_names
from orchestrator.terminal import printable


def _whom(command: Function) -> Function:
    """NAMES or ``--project``."""
    option = click.option("--project", metavar="P", help="Every service that compose project P has now.")
    return option(click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=service_names)(command))


@click.command()
@_whom
@click.option("--for", "duration", metavar="TIME", default="1h", show_default=True, help="30m, 1h30m; at most 7d.")
@click.option("--why", metavar="TEXT", default="", help="For the others, and for yourself tomorrow.")
@server_option
@json_option
def hold(*, names: Sequence[str], project: str | None, duration: str, why: str, server: Server, as_json: bool) -> None:
    """Leave each NAME alone for a while: it is observed, nothing is done to it by itself and nothing counted.

    The hold ends by itself, or with `release`. What you ask for meanwhile (`stop`, `start`, `restart`) is done.
    """
    query = {"for": duration, "why": why} if why else {"for": duration}
    _ask(server, "hold", names, project, query, as_json=as_json)


@click.command()
@_whom
@server_option
@json_option
def release(*, names: Sequence[str], project: str | None, server: Server, as_json: bool) -> None:
    """End the hold of each NAME: it is healed again, at once where that is due."""
    _ask(server, "release", names, project, {}, as_json=as_json)


def _ask(
    server: Server, verb: str, names: Sequence[str], project: str | None, query: dict[str, str], *, as_json: bool
) -> None:
    """For each in turn; one that is refused does not keep the others from being asked for."""
    if bool(names) == (project is not None):
        raise click.UsageError("Name services, or a project with --project.")
    paths = [service_path(name, verb) for name in names] if project is None else [project_path(project, verb)]
    refused = False
    for path in paths:
        try:
            _tell(server.post(path, patience=0.0, **query), as_json)
        except Refused as error:
            refused = True
            error.show()
    if refused:
        raise click.exceptions.Exit(Refused.exit_code)


def _tell(answer: Document, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(printable(answer["message"]))
