"""``orchestrator playbooks``: what is tried for whom; and ``playbooks run``, or a look at what that would do."""

from __future__ import annotations

from typing import Final

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option, service_path
from orchestrator.cli.columns import Cell, lay_out, terminal_width
from orchestrator.cli.completion import service_names
from orchestrator.terminal import printable

_INDENT: Final = "  "


@click.group(invoke_without_command=True)
@server_option
@json_option
@click.pass_context
def playbooks(context: click.Context, server: Server, as_json: bool) -> None:
    """What is tried for which service before a restart, or instead of one; `run` runs one now."""
    if context.invoked_subcommand is not None:
        return
    document = server.get("/api/system/playbooks")
    if as_json:
        print_json(document)
        return
    if not document["playbooks"]:
        click.echo("No service has a playbook.", err=True)
        return
    heading = [Cell(word, dim=True) for word in ("SERVICE", "PLAYBOOK", "FROM", "WHEN", "STEPS")]
    for line in lay_out([heading, *map(_row, document["playbooks"])], terminal_width()):
        click.echo(line)


@playbooks.command()
@click.argument("service", shell_complete=service_names)
@click.argument("playbook")
@click.option("--dry-run", is_flag=True, help="Show every step as it would be done now, and do nothing.")
@server_option
@json_option
def run(*, service: str, playbook: str, dry_run: bool, server: Server, as_json: bool) -> None:
    """Run PLAYBOOK for SERVICE now, whatever its condition says. `orchestrator events SERVICE` tells how it goes."""
    path = service_path(service, f"playbooks/{playbook}")
    document = server.get(path) if dry_run else server.post(f"{path}/run")
    if as_json:
        print_json(document)
    elif dry_run:
        _show(document)
    else:
        click.echo(printable(document["message"]))


def _row(one: Document) -> list[Cell]:
    running = one["running"]
    steps = "; ".join(one["steps"])
    if running is not None:
        steps = f"step {running['step']} is under way; {steps}"
    return [
        Cell(printable(one["service"]), bold=True),
        Cell(printable(one["name"]), None if running is None else "cyan"),
        Cell(printable(one["source"]), dim=True),
        Cell(printable(_condition(one))),
        Cell(printable(steps)),
    ]


def _condition(one: Document) -> str:
    said = [f'"{text}"' for text in one["texts"]]
    return " or ".join([*said, *one["rules"]]) or "always"


def _show(document: Document) -> None:
    room = terminal_width()
    click.echo(printable(f"{document['playbook']} for {document['service']}: nothing is done, this is a look at it"))
    for number, step in enumerate(document["steps"], start=1):
        head = [Cell(f"{number}", bold=True), Cell(printable(step["text"]))]
        for line in lay_out([head], room):
            click.echo(line)
        facts = [[Cell(key, dim=True), Cell(printable(value))] for key, value in _facts(step)]
        for line in lay_out(facts, None if room is None else room - len(_INDENT)):
            click.echo(f"{_INDENT}{line}")


def _facts(step: Document) -> list[tuple[str, str]]:
    known = [
        ("touches", ", ".join(step["services"])),
        ("container", step["container_id"]),
        ("command", step["command"]),
        ("time-out", "" if step["timeout"] is None else f"{step['timeout']:g} s"),
        ("verified", "" if step["verify"] is None else f"by its own check, within {step['verify']:g} s; else the next"),
        ("not now", step["refusal"]),
    ]
    return [(key, value) for key, value in known if value]
