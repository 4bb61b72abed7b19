"""A webhook: one signed POST of a JSON document.

The signature is ``HMAC-SHA256(secret, timestamp + "." + body)``, in hexadecimal, over the bytes of the body as they
were sent; ``timestamp`` is seconds since the epoch, so that a receiver can refuse what was recorded and sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Final

from orchestrator.adapters.outbound import public_address, request
from orchestrator.core.notification import Notification
from orchestrator.ports import Clock, Receipt

TIMESTAMP: Final = "X-Orchestrator-Timestamp"
SIGNATURE: Final = "X-Orchestrator-Signature"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


class WebhookNotifier:
    """Implements :class:`orchestrator.ports.Notifier`. Keeps nothing between messages: a connection each."""

    def __init__(self, url: str, secret: str | None, clock: Clock) -> None:
        self._url = url
        self._secret = None if secret is None else secret.encode()
        self._clock = clock
        self._address = public_address(url)

    @property
    def address(self) -> str:
        return self._address

    async def send(self, notification: Notification, timeout: float) -> Receipt:
        body = json.dumps(notification.document, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            IDEMPOTENCY_KEY: notification.key,
            **self._signature(body),
        }
        return await request("POST", self._url, timeout, body=body, headers=headers)

    def _signature(self, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now().wall))
        if self._secret is None:
            return {TIMESTAMP: timestamp}
        return {TIMESTAMP: timestamp, SIGNATURE: f"sha256={sign(self._secret, timestamp, body)}"}

    async def close(self) -> None:
        """Nothing is kept between messages."""


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Hexadecimal."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
