"""A webhook: one signed POST of a JSON document.

The signature is ``HMAC-SHA256(secret, timestamp + "." + body)``, in hexadecimal, over the bytes of the body as they
were sent; ``timestamp`` is seconds since the epoch, so that a receiver can refuse what was recorded and sent again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import ssl
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from orchestrator.core.notification import Notification
from orchestrator.ports import Clock, Receipt

TIMESTAMP: Final = "X-Orchestrator-Timestamp"
SIGNATURE: Final = "X-Orchestrator-Signature"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"

_ANSWER_LIMIT: Final = 4096
"""Bytes of the answer that are read, so that a small one is not cut off; nothing of it is used but the status."""


class WebhookNotifier:
    """Implements :class:`orchestrator.ports.Notifier`. Keeps nothing between messages: a connection each.

    Neither redirects nor proxies of the environment are followed: what is told goes where it was configured to go.
    """

    def __init__(self, url: str, secret: str | None, clock: Clock) -> None:
        self._url = url
        self._secret = None if secret is None else secret.encode()
        self._clock = clock
        parts = urlsplit(url)
        self._address = f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2]}"

    @property
    def address(self) -> str:
        return self._address

    async def send(self, notification: Notification, timeout: float) -> Receipt:
        body = json.dumps(notification.document, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "container-orchestrator",
            IDEMPOTENCY_KEY: notification.key,
            **self._signature(body),
        }
        try:
            async with asyncio.timeout(timeout):
                return await self._post(body, headers)
        except TimeoutError:
            return Receipt(False, f"no answer within {timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Receipt(False, _in_words(error))

    async def _post(self, body: bytes, headers: dict[str, str]) -> Receipt:
        connector = aiohttp.TCPConnector(force_close=True, use_dns_cache=False)
        async with (
            aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False) as session,
            session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            await answer.content.read(_ANSWER_LIMIT)
            told = f"HTTP {answer.status}"
            if 300 <= answer.status < 400:
                return Receipt(False, f"{told}: a redirect, which is not followed; configure where it leads")
            return Receipt(200 <= answer.status < 300, told)

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


def _in_words(error: Exception) -> str:
    """Without the address, which may be a secret from end to end."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not accepted: {error.certificate_error}"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not resolved"
        case aiohttp.ClientConnectorError():
            return os.strerror(error.os_error.errno).lower() if error.os_error.errno else "no connection"
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return "no TLS connection"
        case aiohttp.ServerDisconnectedError():
            return "connection closed without an answer"
        case OSError():
            return os.strerror(error.errno).lower() if error.errno else "connection broken"
        case aiohttp.InvalidURL() | ValueError():
            return "its address cannot be used"
        case _:
            return f"the answer is not HTTP ({type(error).__name__})"
