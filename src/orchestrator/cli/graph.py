"""``orchestrator graph``: who needs whom, as text or for Graphviz."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option
from orchestrator.cli.columns import Cell, lay_out, status_cell, terminal_width
from orchestrator.terminal import printable

_ARROWS: Final = {"hard": "needs", "soft": "wants"}
_INDENT: Final = "  "


@click.command()
@click.option("--dot", is_flag=True, help="For Graphviz: pipe it to `dot -Tsvg`.")
@server_option
@json_option
def graph(dot: bool, server: Server, as_json: bool) -> None:
    """Who needs whom, and who says so, in the order in which they can start: one phase after the other.

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
    rows = {name: _row(name, nodes.get(name, {}), document["edges"]) for phase in document["phases"] for name in phase}
    widths = [max((len(row[column].text) for row in rows.values()), default=0) for column in (0, 1)]
    room = terminal_width()
    within = None if room is None else room - len(_INDENT)
    for number, phase in enumerate(document["phases"], 1):
        yield click.style(f"phase {number}", dim=True)
        yield from (f"{_INDENT}{line}" for line in lay_out([rows[name] for name in phase], within, widths))
    for one in document["resources"]:
        detail = f": {printable(one['detail'])}" if one["detail"] else ""
        yield f"{click.style(printable(one['name']), bold=True)}, a resource of the host: {one['state']}{detail}"
    for cycle in document["cycles"]:
        yield click.style(f"A cycle, whose last step is not waited for: {printable(cycle)}", fg="red")


def _row(name: str, node: Document, edges: list[Document]) -> list[Cell]:
    needs = "; ".join(
        f"{word} {', '.join(names)}"
        for kind, word in _ARROWS.items()
        if (names := [_named(one) for one in edges if _is(one, name, kind)])
    )
    status = Cell("") if not node else status_cell(node["status"], at_rest=node.get("at_rest", False))
    return [Cell(printable(name), bold=True), status, Cell(needs)]


def _named(edge: Document) -> str:
    return f"{printable(edge['to'])} ({edge['origin']})"


def _is(edge: Document, dependent: str, kind: str) -> bool:
    return bool(edge["from"] == dependent and edge["kind"] == kind)


def _dot(document: Document) -> Iterator[str]:
    yield "digraph services {"
    yield "  rankdir=LR;"
    for one in document["nodes"]:
        label = json.dumps(f"{printable(one['name'])} ({one['status']})")
        yield f"  {json.dumps(one['name'])} [label={label}];"
    for one in document["resources"]:
        label = json.dumps(f"{printable(one['name'])} ({one['state']})")
        yield f"  {json.dumps(one['name'])} [shape=box, label={label}];"
    for edge in document["edges"]:
        style = "solid" if edge["kind"] == "hard" else "dashed"
        yield f"  {json.dumps(edge['from'])} -> {json.dumps(edge['to'])} [style={style}];"
    yield "}"
