"""The commands that change something: each asks the orchestrator, which decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from orchestrator.cli.client import (
    Document,
    Function,
    Refused,
    Server,
    json_option,
    print_json,
    server_option,
    service_path,
)
from orchestrator.cli.completion import service_names
from orchestrator.terminal import printable

_MORE: Final = (
    "Without --wait, accepted is not done: `orchestrator show NAME` tells how it went. Exit code 1: one of them was "
    "refused, failed, or was not verified in time."
)
LONGEST_WAIT: Final = 3600.0
PATIENCE: Final = 120.0


def _outcome_options(command: Function) -> Function:
    """NAMES, ``--wait`` and its ``--timeout``."""
    for decorate in (
        click.option(
            "--timeout",
            type=click.FloatRange(0, LONGEST_WAIT, min_open=True),
            default=PATIENCE,
            show_default=True,
            help="With --wait: so many seconds for each at the most.",
        ),
        click.option("--wait", is_flag=True, help="Until it was seen to work, or not to."),
        click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=service_names),
    ):
        command = decorate(command)
    return command


@click.command(epilog=_MORE)
@_outcome_options
@click.option("--reset-failures", is_flag=True, help="Also forget the failures counted so far.")
@server_option
@json_option
def restart(
    *, names: Sequence[str], wait: bool, timeout: float, reset_failures: bool, server: Server, as_json: bool
) -> None:
    """Restart each NAME now, one after another. Never counts as a failure."""
    query = {"reset_failures": "true"} if reset_failures else {}
    _command(server, "restart", names, timeout if wait else None, query, as_json=as_json)


@click.command(epilog=_MORE)
@_outcome_options
@server_option
@json_option
def start(*, names: Sequence[str], wait: bool, timeout: float, server: Server, as_json: bool) -> None:
    """Start each NAME, and heal it again if it was stopped with `stop`."""
    _command(server, "start", names, timeout if wait else None, {}, as_json=as_json)


@click.command(epilog=_MORE)
@_outcome_options
@server_option
@json_option
def stop(*, names: Sequence[str], wait: bool, timeout: float, server: Server, as_json: bool) -> None:
    """Stop each NAME and keep it stopped until `start`, across restarts of the orchestrator."""
    _command(server, "stop", names, timeout if wait else None, {}, as_json=as_json)


@click.command()
@click.argument("name", shell_complete=service_names)
@server_option
@json_option
def enable(name: str, server: Server, as_json: bool) -> None:
    """Heal NAME automatically again; its failures so far are forgotten."""
    _tell(server.post(service_path(name, "enable")), as_json)


@click.command()
@click.argument("name", shell_complete=service_names)
@server_option
@json_option
def disable(name: str, server: Server, as_json: bool) -> None:
    """Watch NAME, but never act on it until `enable`."""
    _tell(server.post(service_path(name, "disable")), as_json)


def _tell(answer: Document, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    click.echo(f"{printable(answer['message'])} (now {answer['service']['status']})")


def _command(
    server: Server, verb: str, names: Sequence[str], wait: float | None, query: dict[str, str], *, as_json: bool
) -> None:
    """Ask for each in turn; one that is refused does not keep the others from being asked for."""
    asked = query if wait is None else {**query, "wait": "true", "timeout": f"{wait:g}"}
    refused = False
    for name in names:
        try:
            _tell(server.post(service_path(name, verb), patience=wait or 0.0, **asked), as_json)
        except Refused as error:
            refused = True
            error.show()
    if refused:
        raise click.exceptions.Exit(Refused.exit_code)
