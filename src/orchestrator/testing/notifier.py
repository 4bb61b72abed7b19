"""A notification channel in memory that passes the real ones' contract suite, and fails when told to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from orchestrator.core.notification import Notification
from orchestrator.ports import Receipt


@dataclass
class FakeNotifier:
    """Implements :class:`orchestrator.ports.Notifier`; outlives the orchestrator's process, as a receiver does."""

    address: str = "memory://"
    refuses: str = ""
    """Why it takes no message; empty: it does."""
    hangs: bool = False
    deaf: bool = False
    """Takes a message, and its answer is lost."""
    received: list[Notification] = field(default_factory=list)
    """Every message that it took, also those that it had before."""
    closed: int = 0

    @property
    def told(self) -> list[tuple[str, list[object]]]:
        """The kind and the incidents' numbers of each message, those once that came under one key."""
        once = {each.key: each.document for each in self.received}
        return [(str(each["kind"]), [one["id"] for one in _incidents(each)]) for each in once.values()]

    async def send(self, notification: Notification, timeout: float) -> Receipt:
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.sleep(timeout)
            return Receipt(False, f"no answer within {timeout:g} s")
        if self.refuses:
            return Receipt(False, self.refuses)
        self.received.append(notification)
        return Receipt(False, "the answer was lost") if self.deaf else Receipt(True, "taken")

    async def close(self) -> None:
        self.closed += 1


def _incidents(document: object) -> list[dict[str, object]]:
    found = document.get("incidents") if isinstance(document, dict) else None
    return found if isinstance(found, list) else []
