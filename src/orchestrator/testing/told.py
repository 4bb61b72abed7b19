"""The events that the orchestrator told of, read from the store's medium."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.testing.store import Medium


@dataclass(frozen=True, slots=True)
class Told:
    sequence: int
    service: str
    message: str
    status: str
    """Empty: not a change of the service, but somebody's request."""
    cause: str
    wall: float

    def __str__(self) -> str:
        return f"  #{self.sequence} {self.service}: {self.message} ({self.status}): {self.cause}"


def read_told(medium: Medium) -> Sequence[Told]:
    """Oldest first."""
    told = []
    for sequence, (service, text) in sorted(medium.events.items()):
        document = json.loads(text)
        wall = datetime.fromisoformat(document["timestamp"]).timestamp()
        told.append(
            Told(sequence, service, document["message"], document["data"].get("status", ""), document["cause"], wall)
        )
    return told
