"""Arithmetic of the figures: medians with their range, ratios of what was measured side by side, tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the same thing measured several times: the median and the range."""

    middle: float
    least: float
    most: float
    count: int

    def shown(self, unit: float = 1.0, digits: int = 0) -> str:
        """``352 (340 to 371)``; ``unit`` is what one measured unit is multiplied with."""
        middle, least, most = (f"{unit * value:.{digits}f}" for value in (self.middle, self.least, self.most))
        return f"{middle} ({least} to {most})"


def spread(values: Sequence[float]) -> Spread:
    if not values:
        raise ValueError("nothing was measured")
    return Spread(median(values), min(values), max(values), len(values))


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios within each round: what slows the machine down slows both sides of a round.

    Raises :class:`ValueError` where the two were not measured in the same rounds.
    """
    if len(values) != len(others):
        raise ValueError(f"{len(values)} rounds beside {len(others)}: a ratio needs both sides of each")
    return spread([value / other for value, other in zip(values, others, strict=True)]).middle


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown that reads well as plain text: the first column to the left, all others to the right."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (headings, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
    return f"| {' | '.join(padded)} |"
