"""Who asked for a change, as causes, journal and log carry it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.core.messages import Command, Reply
from orchestrator.core.model import Instant
from orchestrator.ports import Document
from orchestrator.runtime.views import timestamp


@dataclass(frozen=True, slots=True)
class Requester:
    """Never a name that somebody typed: what let them in, and the address that the connection came from."""

    actor: str
    """``the admin token``, ``a local user``, ``the embedding application``."""
    client: str = ""

    def __str__(self) -> str:
        return f"{self.actor} from {self.client}" if self.client else self.actor


def request_document(service: str, command: Command, requester: Requester, reply: Reply, now: Instant) -> Document:
    """The audit's event: who wanted what of which service, and what the answer was."""
    outcome: Literal["accepted", "refused"] = "accepted" if reply.accepted else "refused"
    return {
        "type": "request",
        "data": {
            "name": service,
            "verb": type(command).__name__.lower(),
            "actor": requester.actor,
            "client": requester.client,
            "outcome": outcome,
            "detail": reply.message,
        },
        "message": f"Request {outcome}",
        "cause": str(requester),
        "timestamp": timestamp(now.wall),
    }
