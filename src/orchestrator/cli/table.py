"""The table of ``orchestrator ps`` on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.client import Document
from orchestrator.cli.listing import HEADINGS, cells, in_order, summary
from orchestrator.cli.words import look


def print_table(document: Document, console: Console | None = None) -> None:
    """Colour and symbols, a gap between categories; reasons wrap beneath themselves."""
    console = console or Console(highlight=False)
    if document["services"]:
        console.print(draw(in_order(document["services"]), document["timestamp"], fancy=is_fancy(console)))
        console.print()
    console.print(Text(summary(document), "dim"))


def is_fancy(console: Console) -> bool:
    """Whether it can show the symbols."""
    return console.encoding.lower().startswith("utf")


def draw(services: Sequence[Document], now: str, *, fancy: bool, wrap: bool = True) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in HEADINGS:
        numeric = heading in ("AGE", "RESTARTS", "NEXT")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=not wrap or heading != "REASON")
    category = None
    for one in services:
        if category is not None and one["category"] != category:
            table.add_row()
        category = one["category"]
        name, status, age, restarts, due, reason = cells(one, now)
        seen = look(status, at_rest=one["at_rest"])
        shown = Text(f"{seen.symbol if fancy else seen.plain} {status}", style=seen.style)
        quiet = "dim" if restarts == "0" else ""
        table.add_row(Text(name, "bold"), shown, age, Text(restarts, quiet), Text(due, "bold"), Text(reason))
    return table
