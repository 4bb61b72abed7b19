"""Whether somebody is updating a compose project, from what changes in it: small arithmetic about one project.

Containers that are made, removed or renamed tell it for certain. One that was stopped tells it when another follows;
alone it may be no more than that, and is waited for only until more would have come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

QUIET: Final = 10.0
"""Seconds without a change after which an update is over: a slow tool pauses that long between two containers."""

SUSPICION: Final = 3.0
"""Seconds after a single stop in which whoever updates the project has gone on."""

LONGEST: Final = 300.0
"""Seconds after which nobody waits for an update any longer, however much goes on changing."""


@dataclass(frozen=True, slots=True)
class Update:
    """The changes of one project that followed one another closely. Times are moments."""

    begun: float
    changed: float
    stopped: str = ""
    """The only container that was touched so far, and it was stopped; empty: there was more."""

    @property
    def certain(self) -> bool:
        return not self.stopped

    @property
    def quiet_at(self) -> float:
        """When it is over, unless something changes until then."""
        return self.changed + (QUIET if self.certain else SUSPICION)

    @property
    def overdue_at(self) -> float:
        return self.begun + LONGEST


def changed(update: Update | None, moment: float, stopped: str = "") -> Update:
    """The update after one more change, the first of another one if that before is over; ``stopped``: the container
    that was stopped, where the change is no more than that."""
    if update is None or moment >= update.quiet_at:
        return Update(moment, moment, stopped)
    alone = stopped if stopped == update.stopped else ""
    return replace(update, changed=moment, stopped=alone)


def waited_for(update: Update, moment: float) -> bool:
    return moment < min(update.quiet_at, update.overdue_at)
