"""Who is told of incidents, and when: the rules, as they are configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.core.incidents import Severity
from orchestrator.core.model import Category
from orchestrator.core.windows import Window

RANKS: Final[Mapping[Severity, int]] = {"warning": 0, "critical": 1}


@dataclass(frozen=True, slots=True)
class Route:
    """Who is told of what. An incident is told to the channels of every route that it fits."""

    channels: tuple[str, ...]
    severity: Severity = "warning"
    """The least."""
    categories: frozenset[Category] = frozenset()
    """Of its members, any; empty: every one."""

    def fits(self, severity: Severity, categories: frozenset[Category]) -> bool:
        severe = RANKS[severity] >= RANKS[self.severity]
        return severe and (not self.categories or not self.categories.isdisjoint(categories))


@dataclass(frozen=True, slots=True)
class QuietHours:
    window: Window
    channels: frozenset[str] = frozenset()
    """Empty: every one's."""
    critical_breaks_through: bool = False

    def concern(self, channel: str) -> bool:
        return not self.channels or channel in self.channels


@dataclass(frozen=True, slots=True)
class Digest:
    """So many messages to one channel in so many seconds go out one by one."""

    after: int = 5
    within: float = 300.0


@dataclass(frozen=True, slots=True)
class Rules:
    channels: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    """Without any, every channel is told everything."""
    quiet_hours: tuple[QuietHours, ...] = ()
    settle: float = 30.0
    """Seconds; what is over before is told to nobody."""
    reminder: float = 4 * 3600.0
    """Seconds; 0: never."""
    digest: Digest = Digest()

    def concern(self, channel: str, severity: Severity, categories: frozenset[Category]) -> bool:
        """Whether the channel is told of an incident of this kind."""
        fitting = (route for route in self.routes if route.fits(severity, categories))
        return not self.routes or any(channel in route.channels for route in fitting)


NO_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours of one channel that are on now."""

    until: float
    """The moment of their end."""
    critical_breaks_through: bool
