"""Who asked for a change, as causes, journal and log carry it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from orchestrator.core.messages import Command, Reply
from orchestrator.core.model import Instant
from orchestrator.ports import Document
from orchestrator.runtime.views import timestamp

NO_SERVICE: Final = ""
"""What an event that is no service's is kept under; no service is named so."""


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
    verb = type(command).__name__.lower()
    return _document(service, verb, requester, reply.message, now, accepted=reply.accepted)


def reload_document(requester: Requester, detail: str, now: Instant, *, accepted: bool) -> Document:
    """The same for another configuration, which is asked of no service."""
    return _document(None, "reload", requester, detail, now, accepted=accepted)


def test_document(requester: Requester, detail: str, now: Instant) -> Document:
    """The same for test messages through the notification channels."""
    return _document(None, "test-notifications", requester, detail, now, accepted=True)


def _document(
    service: str | None, verb: str, requester: Requester, detail: str, now: Instant, *, accepted: bool
) -> Document:
    outcome: Literal["accepted", "refused"] = "accepted" if accepted else "refused"
    return {
        "type": "request",
        "data": {
            "name": service,
            "verb": verb,
            "actor": requester.actor,
            "client": requester.client,
            "outcome": outcome,
            "detail": detail,
        },
        "message": f"Request {outcome}",
        "cause": str(requester),
        "timestamp": timestamp(now.wall),
    }
