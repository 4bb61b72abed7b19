"""Whether the orchestrator itself keeps up, from its own figures: what is late or waits, and when that is too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STALLED_AFTER: Final = 60.0
"""Seconds without a turn of the brain, which turns every 5 s at the least: past that it is not alive."""
LATE: Final = 1.0
"""Seconds by which the loop may run late: past that, time-outs of checks measure us and not the service."""
UNHEARD: Final = 15.0
"""Seconds without the engine's events, though it answers: three of the longest pauses between two attempts."""
UNWRITTEN: Final = 10.0
"""Seconds for which what was told may be in memory alone."""


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """Durations in seconds."""

    loop_lag: float
    """By how much the loop was late at worst, in the minute past."""
    unheard: float | None
    """For how long the engine's events have not been followed, though the engine is reached; ``None``: they are."""
    store_lag: float
    """Since the oldest of what the store does not have yet was told."""


def strains(figures: OwnFigures) -> tuple[str, ...]:
    """What is too much, each in words with what it means; empty: it keeps up."""
    found = []
    if figures.loop_lag > LATE:
        found.append(f"the loop ran {figures.loop_lag:.1f} s late: checks may fail for our own slowness")
    if figures.unheard is not None and figures.unheard > UNHEARD:
        found.append(
            f"the engine's events were not heard for {figures.unheard:.0f} s: a death is seen at the next list"
        )
    if figures.store_lag > UNWRITTEN:
        found.append(f"{figures.store_lag:.0f} s of news are not written: a crash of ours would lose them")
    return tuple(found)
