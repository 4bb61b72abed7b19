"""One request to somebody else's server, as webhooks and the dead-man ping make it.

Neither redirects nor proxies of the environment are followed: what is told goes where it was configured to go. No words
of a failure hold the address, which may be a secret from end to end.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

import aiohttp

from orchestrator.ports import Receipt

_ANSWER_LIMIT: Final = 4096
"""Bytes of the answer that are read, so that a small one is not cut off; nothing of it is used but the status."""
_AGENT: Final = {"User-Agent": "container-orchestrator"}


def public_address(url: str) -> str:
    """What may be shown of it: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2]}"


async def request(
    method: Literal["GET", "POST"],
    url: str,
    timeout: float,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Receipt:
    """Over a connection of its own; accepted is an answer 2xx within ``timeout`` seconds. Never raises but for
    cancellation."""
    try:
        async with asyncio.timeout(timeout):
            return await _made(method, url, body, {**_AGENT, **(headers or {})})
    except TimeoutError:
        return Receipt(False, f"no answer within {timeout:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Receipt(False, _in_words(error))


async def _made(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Receipt:
    connector = aiohttp.TCPConnector(force_close=True, use_dns_cache=False)
    async with (
        aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False) as session,
        session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        await answer.content.read(_ANSWER_LIMIT)
        told = f"HTTP {answer.status}"
        if 300 <= answer.status < 400:
            return Receipt(False, f"{told}: a redirect, which is not followed; configure where it leads")
        return Receipt(200 <= answer.status < 300, told)


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
