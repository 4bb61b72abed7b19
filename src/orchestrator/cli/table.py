"""The table of ``orchestrator ps`` on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.client import Document
from orchestrator.cli.listing import HEADINGS, cells, in_order, summary
from orchestrator.cli.words import look


def print_table(document: Document, console: Console | None = None) -> None:
    """Colour and symbols, a gap between categories; reasons wrap beneath themselves."""
    console = console or Console(highlight=False)
    fancy = console.encoding.lower().startswith("utf")
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in HEADINGS:
        numeric = heading in ("AGE", "RESTARTS", "NEXT")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=heading != "REASON")
    category = None
    for one in in_order(document["services"]):
        if category is not None and one["category"] != category:
            table.add_row()
        category = one["category"]
        name, status, age, restarts, due, reason = cells(one, document["timestamp"])
        seen = look(status, at_rest=one["at_rest"])
        shown = Text(f"{seen.symbol if fancy else seen.plain} {status}", style=seen.style)
        quiet = "dim" if restarts == "0" else ""
        table.add_row(Text(name, "bold"), shown, age, Text(restarts, quiet), Text(due, "bold"), Text(reason))
    if document["services"]:
        console.print(table)
        console.print()
    console.print(Text(summary(document), "dim"))
