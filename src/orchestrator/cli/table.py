"""The table of ``orchestrator ps`` on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrator.cli.client import Document
from orchestrator.cli.listing import HEADINGS, cells, in_order, summary
from orchestrator.cli.words import look

_GAP = "  "
_READABLE = 24
"""Characters that reasons need to be read."""


def print_table(document: Document, console: Console | None = None) -> None:
    """Colour and symbols, a gap between categories; reasons wrap beneath themselves."""
    console = console or Console(highlight=False)
    if document["services"]:
        console.print(
            draw(in_order(document["services"]), document["timestamp"], fancy=is_fancy(console), width=console.width)
        )
        console.print()
    console.print(Text(summary(document), "dim"))


def is_fancy(console: Console) -> bool:
    """Whether it can show the symbols."""
    return console.encoding.lower().startswith("utf")


def draw(services: Sequence[Document], now: str, *, fancy: bool, width: int, wrap: bool = True) -> Table:
    """Only the reason gives way where ``width`` is short: it wraps, or is cut; where that is not enough, it goes
    beneath, and what a person looks for first is left."""
    rows = [_row(one, now, fancy) for one in services]
    room = width - _taken(rows)
    if room < min(_READABLE, max((len(row[-1]) for row in rows), default=0)):
        return _narrow(rows, wrap)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, len(_GAP), 0, 0))
    for heading in HEADINGS[:-1]:
        right = heading in ("AGE", "RESTARTS", "NEXT")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    table.add_column(HEADINGS[-1], no_wrap=not wrap, overflow="fold" if wrap else "ellipsis", max_width=max(room, 1))
    category = None
    for one, row in zip(services, rows, strict=True):
        if category is not None and one["category"] != category:
            table.add_row()
        category = one["category"]
        table.add_row(*row)
    return table


def _row(service: Document, now: str, fancy: bool) -> list[Text]:
    name, status, age, restarts, due, reason = cells(service, now)
    seen = look(status, at_rest=service["at_rest"])
    return [
        Text(name, "bold"),
        Text(f"{seen.symbol if fancy else seen.plain} {status}", seen.style),
        Text(age),
        Text(restarts, "dim" if restarts == "0" else ""),
        Text(due, "bold"),
        Text(reason),
    ]


def _taken(rows: Sequence[Sequence[Text]]) -> int:
    """By all columns but the last."""
    return sum(max([len(HEADINGS[at]), *(len(row[at]) for row in rows)]) + len(_GAP) for at in range(len(HEADINGS) - 1))


def _narrow(rows: Sequence[Sequence[Text]], wrap: bool) -> Table:
    """Name, status and next attempt on one line, the reason beneath."""
    table = Table.grid()
    table.add_column(no_wrap=not wrap, overflow="fold" if wrap else "ellipsis")
    for name, status, _, _, due, reason in rows:
        head = [name, status, *([Text.assemble("next in ", due)] if due.plain not in ("", "now") else [])]
        table.add_row(Text(_GAP).join(head))
        if reason:
            table.add_row(Padding(reason, (0, 0, 0, 4)))
    return table
