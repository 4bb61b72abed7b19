"""HTTP: one GET on a fresh connection, judged by its status alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import cast
from urllib.parse import quote

import httptools

from orchestrator.adapters.probes.exchange import Dialogue, converse
from orchestrator.core.model import Check, HttpCheck, Verdict
from orchestrator.ports import Reading, Target

BODY_LIMIT = 64 * 1024
"""Bytes of a health endpoint's body that are read."""
HEAD_LIMIT = 64 * 1024
EXCERPT_LENGTH = 100
"""Characters of a failed answer's text that are shown."""
_PATH_CHARACTERS = "/?&=%:@!$'()*+,;~[]"
_INFORMATIONAL = range(100, 200)


class HttpProbe:
    """GET without keep-alive, redirects, proxies or compression: what a service says for itself.

    ``body_limit``: bytes of the body that are read; what follows is not waited for.
    """

    def __init__(self, body_limit: int = BODY_LIMIT) -> None:
        self._body_limit = body_limit

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        wanted = cast(HttpCheck, check)
        return await converse(_HttpDialogue(wanted, target, self._body_limit), target, timeout)

    async def close(self) -> None:
        """Nothing is kept between probes."""


@lru_cache(maxsize=4096)
def _request(path: str, host: str | None, port: int | None) -> bytes:
    name = (host or "").partition("%")[0]
    authority = f"[{name}]" if ":" in name else name
    if port != 80:
        authority = f"{authority}:{port}"
    lines = (
        f"GET {quote('/' + path.lstrip('/'), safe=_PATH_CHARACTERS)} HTTP/1.1",
        f"Host: {quote(authority, safe=':[]')}",
        "User-Agent: container-orchestrator",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class _HttpDialogue(Dialogue):
    """The ``on_`` methods are called by the parser, from within :meth:`feed`."""

    def __init__(self, check: HttpCheck, target: Target, body_limit: int) -> None:
        self.opening = _request(check.path, target.host, target.port)
        self._expect = check.expect_status
        self._parser = httptools.HttpResponseParser(self)
        self._status: int | None = None
        self._body = bytearray()
        self._body_limit = body_limit
        self._received = 0
        self._delimited = False
        self._complete = False

    def feed(self, received: bytes) -> Reading | None:
        self._received += len(received)
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserUpgrade:
            return Reading(Verdict.FAIL, f"HTTP {self._parser.get_status_code()}: it wants another protocol")
        except httptools.HttpParserError as error:
            if not self._complete:
                return Reading(Verdict.FAIL, f"the answer is not HTTP: {error}")
        if self._complete or len(self._body) >= self._body_limit:
            return self._judge()
        if self._status is None and self._received > HEAD_LIMIT:
            return Reading(Verdict.FAIL, "the answer is not HTTP: headers without end")
        return None

    def hung_up(self, words: str) -> Reading:
        if self._status is None:
            return Reading(Verdict.FAIL, words)
        if self._delimited:
            return Reading(Verdict.FAIL, f"HTTP {self._status}, but the connection broke off in the body")
        return self._judge()

    def late(self, timeout: float) -> Reading:
        if self._status is None:
            return super().late(timeout)
        return Reading(Verdict.FAIL, f"HTTP {self._status}, but the body did not end within {timeout:g} s")

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._delimited = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status not in _INFORMATIONAL and self._status is None:
            self._status = status

    def on_body(self, body: bytes) -> None:
        self._body += body[: self._body_limit - len(self._body)]

    def on_message_complete(self) -> None:
        self._complete = self._status is not None

    def _judge(self) -> Reading:
        status = self._status
        if status in self._expect:
            return Reading(Verdict.PASS, f"HTTP {status}", json_object(self._body))
        excerpt = text_excerpt(self._body)
        detail = f"HTTP {status}: {excerpt}" if excerpt else f"HTTP {status}"
        return Reading(Verdict.FAIL, detail, json_object(self._body))


def json_object(body: bytes | bytearray) -> Mapping[str, object] | None:
    """The body as a JSON object; ``None`` when it is anything else."""
    if body.lstrip()[:1] != b"{":
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, object], value)


def text_excerpt(body: bytes | bytearray) -> str:
    """The beginning of a text for people, on one line; empty for markup and for what is no text."""
    text = " ".join(body[: 4 * EXCERPT_LENGTH].decode("utf-8", "replace").split())
    if text.startswith("<") or not text.replace("�", "").isprintable():
        return ""
    return text if len(text) <= EXCERPT_LENGTH else text[: EXCERPT_LENGTH - 1] + "…"
