"""The commands that change something: each asks the orchestrator, which decides."""

from __future__ import annotations

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option, service_path
from orchestrator.terminal import printable

_MORE = "Accepted is not done: `orchestrator show NAME` tells how it went. Refused is exit code 1."


@click.command(epilog=_MORE)
@click.argument("name")
@click.option("--reset-failures", is_flag=True, help="Also forget the failures counted so far.")
@server_option
@json_option
def restart(name: str, reset_failures: bool, server: Server, as_json: bool) -> None:
    """Restart NAME now. Never counts as a failure."""
    query = {"reset_failures": "true"} if reset_failures else {}
    _tell(server.post(service_path(name, "restart"), **query), as_json)


@click.command(epilog=_MORE)
@click.argument("name")
@server_option
@json_option
def start(name: str, server: Server, as_json: bool) -> None:
    """Start NAME, and heal it again if it was stopped with `stop`."""
    _tell(server.post(service_path(name, "start")), as_json)


@click.command(epilog=_MORE)
@click.argument("name")
@server_option
@json_option
def stop(name: str, server: Server, as_json: bool) -> None:
    """Stop NAME and keep it stopped until `start`, across restarts of the orchestrator."""
    _tell(server.post(service_path(name, "stop")), as_json)


@click.command()
@click.argument("name")
@server_option
@json_option
def enable(name: str, server: Server, as_json: bool) -> None:
    """Heal NAME automatically again; its failures so far are forgotten."""
    _tell(server.post(service_path(name, "enable")), as_json)


@click.command()
@click.argument("name")
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
