"""What a look found, as a value: the thing, the fact, the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    FAILED = "failed"
    """Something does not work until somebody does something."""
    WARNING = "warning"
    """It works, or waits, and a person should know."""
    OK = "ok"


_WORST_FIRST: Final = tuple(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    thing: str
    fact: str
    """Without a full stop."""
    remedy: str = ""
    """What to do, as a sentence without its full stop; empty: nothing has to be done."""

    def __str__(self) -> str:
        return f"{self.thing}: {self.fact}." + (f" {self.remedy}." if self.remedy else "")


def failed(thing: str, fact: str, remedy: str) -> Finding:
    return Finding(Level.FAILED, thing, fact, remedy)


def warning(thing: str, fact: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, thing, fact, remedy)


def well(thing: str, fact: str) -> Finding:
    return Finding(Level.OK, thing, fact)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Among equals in the order of the looks; none twice."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: _WORST_FIRST.index(finding.level)))


def listed(names: Iterable[str], most: int = 5) -> str:
    """``a, b and 3 more``."""
    every = list(names)
    shown = ", ".join(every[:most])
    return shown if len(every) <= most else f"{shown} and {len(every) - most} more"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
