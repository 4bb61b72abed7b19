"""What services require of the host: there, unless a story takes it away."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from orchestrator.core.model import Verdict
from orchestrator.ports import Reading


@dataclass(slots=True)
class FakeResources:
    """Implements :class:`orchestrator.ports.ResourceProbe`."""

    missing: dict[str, str] = field(default_factory=dict)
    """Why it is not there, by name."""
    unaskable: dict[str, str] = field(default_factory=dict)
    """Why it cannot be asked."""
    hanging: set[str] = field(default_factory=set)
    """Those that do not answer, as a path on a file server that is gone."""
    asked: Counter[str] = field(default_factory=Counter)

    async def ask(self, name: str, timeout: float) -> Reading:
        self.asked[name] += 1
        if name in self.hanging:
            await asyncio.sleep(timeout)
            return Reading(Verdict.FAIL, f"it has not answered within {timeout:g} s")
        if name in self.unaskable:
            return Reading(Verdict.UNKNOWN, self.unaskable[name])
        if name in self.missing:
            return Reading(Verdict.FAIL, self.missing[name])
        return Reading(Verdict.PASS, "there")

    async def close(self) -> None:
        return
