"""Recurring maintenance, as it is configured: when, and of what. When that is by the clock is reckoned elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.core.model import Category

EVERY_DAY: Final = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Window:
    """Naming neither service, project nor category, it is everything's."""

    begins: int
    """Minutes after midnight, by the clock on the wall."""
    ends: int
    """The same; not after ``begins``: on the next day."""
    days: frozenset[int] = EVERY_DAY
    """On which it begins; 0 is Monday."""
    timezone: str | None = None
    """``Europe/Berlin``; ``None``: the machine's own."""
    why: str = ""
    services: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    categories: frozenset[Category] = frozenset()

    def concerns(self, service: str, category: Category, project: str | None) -> bool:
        named = self.services or self.projects or self.categories
        return not named or service in self.services or project in self.projects or category in self.categories
