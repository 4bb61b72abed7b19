"""``orchestrator graph``: who needs whom, as text or for Graphviz."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option
from orchestrator.cli.words import look
from orchestrator.terminal import printable

_ARROWS: Final = {"hard": "needs", "soft": "wants"}


@click.command()
@click.option("--dot", is_flag=True, help="For Graphviz: pipe it to `dot -Tsvg`.")
@server_option
@json_option
def graph(dot: bool, server: Server, as_json: bool) -> None:
    """Who needs whom, in the order in which they can start: one phase after the other.

    `needs` is hard: nothing is done for a service while what it needs does not run. `wants` only orders the start.
    """
    document = server.get("/api/system/graph")
    if as_json:
        print_json(document)
        return
    for line in _dot(document) if dot else _text(document):
        click.echo(line)


def _text(document: Document) -> Iterator[str]:
    nodes = {one["name"]: one for one in document["nodes"]}
    width = max((len(printable(name)) for name in nodes), default=0)
    for number, phase in enumerate(document["phases"], 1):
        yield click.style(f"phase {number}", dim=True)
        for name in phase:
            status = str(nodes[name]["status"]) if name in nodes else ""
            needs = "; ".join(
                f"{word} {', '.join(names)}"
                for kind, word in _ARROWS.items()
                if (names := [printable(one["to"]) for one in document["edges"] if _is(one, name, kind)])
            )
            colour = look(status).style if status else None
            shown = click.style(status.ljust(9), fg=colour)
            yield f"  {click.style(printable(name).ljust(width), bold=True)}  {shown}  {needs}".rstrip()
    for cycle in document["cycles"]:
        yield click.style(f"A cycle, whose last step is not waited for: {printable(cycle)}", fg="red")


def _is(edge: Document, dependent: str, kind: str) -> bool:
    return bool(edge["from"] == dependent and edge["kind"] == kind)


def _dot(document: Document) -> Iterator[str]:
    yield "digraph services {"
    yield "  rankdir=LR;"
    for one in document["nodes"]:
        label = json.dumps(f"{printable(one['name'])} ({one['status']})")
        yield f"  {json.dumps(one['name'])} [label={label}];"
    for edge in document["edges"]:
        style = "solid" if edge["kind"] == "hard" else "dashed"
        yield f"  {json.dumps(edge['from'])} -> {json.dumps(edge['to'])} [style={style}];"
    yield "}"
