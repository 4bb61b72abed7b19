"""Rows of words in columns: on a terminal within its width, redirected a plain line each."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import click

from orchestrator.cli.words import Look, look

_GAP: Final = "  "
_MARGIN: Final = "    "
_READABLE: Final = 24
"""Characters that the last column needs; where there are fewer, it goes beneath the others."""


class Cell(NamedTuple):
    text: str
    colour: str | None = None
    bold: bool = False
    dim: bool = False
    right: bool = False
    """Aligned by its end, as figures are."""
    strong: int = 0
    """So many of its first characters are bold."""

    def styled(self, text: str) -> str:
        if self.strong:
            text = click.style(text[: self.strong], bold=True) + text[self.strong :]
        if not text or not (self.colour or self.bold or self.dim):
            return text
        return click.style(text, fg=self.colour, bold=self.bold or None, dim=self.dim or None)


Row = Sequence[Cell]


def terminal_width() -> int | None:
    """``None``: standard output is no terminal, and nothing is to be wrapped."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def status_cell(status: str, *, at_rest: bool = False) -> Cell:
    """With its shape on a terminal; a script reads the word alone."""
    seen = look(status, at_rest=at_rest)
    shown = f"{shape(seen)} {status}" if sys.stdout.isatty() else status
    return Cell(shown, seen.style if seen.style not in ("", "dim") else None)


def shape(seen: Look) -> str:
    return seen.symbol if (sys.stdout.encoding or "").lower().startswith("utf") else seen.plain


def lay_out(rows: Sequence[Row], room: int | None, least: Sequence[int] = ()) -> list[str]:
    """One line a row; where that does not fit into ``room``, the last column wraps beneath itself, or beneath all.

    ``least``: widths of the first columns that rows told elsewhere have.
    """
    columns = range(len(rows[0]) - 1 if rows else 0)
    widths = [max([*least[column : column + 1], *(len(row[column].text) for row in rows)]) for column in columns]
    if room is None:
        return [line for row in rows for line in _aligned(row, widths, None)]
    left = room - sum(width + len(_GAP) for width in widths)
    if left >= min(_READABLE, max((len(row[-1].text) for row in rows), default=0)):
        return [line for row in rows for line in _aligned(row, widths, left)]
    while widths and sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        widths.pop()
    return [line for row in rows for line in _beneath(row, widths, room)]


def _aligned(row: Row, widths: Sequence[int], left: int | None) -> Iterator[str]:
    last = row[-1]
    first, *others = [last.text] if left is None else _wrapped(last.text, left)
    yield _GAP.join([*map(_padded, row, widths), last.styled(first)]).rstrip()
    margin = " " * sum(width + len(_GAP) for width in widths)
    yield from (f"{margin}{last._replace(strong=0).styled(line)}" for line in others)


def _beneath(row: Row, widths: Sequence[int], room: int) -> Iterator[str]:
    """The columns that fit, and what follows on the same line where all of it does, else on lines of its own."""
    text = _GAP.join(cell.text for cell in row[len(widths) :] if cell.text)
    if not widths:
        yield from _aligned([row[-1]._replace(text=text)], (), room)
        return
    # The last of them is not filled up: what follows fits more often, and has no column any more.
    ragged = [*widths[:-1], len(row[len(widths) - 1].text)]
    if sum(width + len(_GAP) for width in ragged) + len(text) <= room:
        yield from _aligned([*row[: len(widths)], row[-1]._replace(text=text)], ragged, None)
        return
    yield _GAP.join(map(_padded, row, ragged))
    yield from (f"{_MARGIN}{line}" for line in _wrapped(text, room - len(_MARGIN)))


def _wrapped(text: str, room: int) -> list[str]:
    """Never inside a name."""
    return textwrap.wrap(text, max(room, 1), break_on_hyphens=False) or [""]


def _padded(cell: Cell, width: int) -> str:
    blank = " " * (width - len(cell.text))
    return f"{blank}{cell.styled(cell.text)}" if cell.right else f"{cell.styled(cell.text)}{blank}"
