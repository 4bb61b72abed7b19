"""The webhook: what a receiver gets, how it checks it, and where a message never goes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.notifiers.webhook import WebhookNotifier
from orchestrator.core.model import Instant
from orchestrator.core.notification import Notification, Tone
from orchestrator.ports import Receipt
from orchestrator.runtime.clock import SystemClock
from tests.adapters.notifiers.receiver import listening

SECRET = "correct-horse-battery-staple"
MESSAGE = Notification("k1", Tone.BAD, "s", "t", "m", {"subject": "[büro] db is down", "incidents": []})


class Noon:
    def now(self) -> Instant:
        return Instant(0.0, 1_700_000_000.9)


def send(url: str, secret: str | None = None, timeout: float = 20.0) -> Receipt:
    return asyncio.run(WebhookNotifier(url, secret, Noon()).send(MESSAGE, timeout))


def test_a_receiver_can_check_what_it_got_with_the_standard_library_alone() -> None:
    with listening() as receiver:
        assert send(f"http://{receiver.address}/hook?a=b", SECRET) == Receipt(True, "HTTP 204")
    (got,) = receiver.received
    assert got.path == "/hook?a=b"
    assert json.loads(got.body) == MESSAGE.document
    assert got.headers["content-type"] == "application/json"
    assert got.headers["idempotency-key"] == "k1"
    timestamp = got.headers["x-orchestrator-timestamp"]
    assert timestamp == "1700000000"
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-orchestrator-signature"] == f"sha256={expected}"


def test_the_check_in_the_documentation_takes_what_is_sent_and_nothing_else() -> None:
    words = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```python\n(.*?)```", words, re.DOTALL)
    documented: dict[str, Any] = {}
    exec(written, documented)
    with listening() as receiver:
        asyncio.run(WebhookNotifier(f"http://{receiver.address}/", SECRET, SystemClock()).send(MESSAGE, 20.0))
    (got,) = receiver.received
    headers = {name.title(): value for name, value in got.headers.items()}
    assert documented["is_genuine"](SECRET, headers, got.body)
    assert not documented["is_genuine"](SECRET, headers, got.body + b" ")
    assert not documented["is_genuine"]("another secret, as long", headers, got.body)
    old = {**headers, "X-Orchestrator-Timestamp": "1700000000"}
    assert not documented["is_genuine"](SECRET, old, got.body)


def test_without_a_secret_nothing_is_signed() -> None:
    with listening() as receiver:
        send(f"http://{receiver.address}/")
    assert "x-orchestrator-signature" not in receiver.received[0].headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with listening() as elsewhere, listening() as receiver:
        receiver.status, receiver.headers = status, {"Location": f"http://{elsewhere.address}/"}
        receipt = send(f"http://{receiver.address}/", SECRET)
    assert not receipt.accepted
    assert receipt.detail == f"HTTP {status}: a redirect, which is not followed; configure where it leads"
    assert elsewhere.received == []


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    with listening() as receiver:
        receiver.status, receiver.endless = 200, True
        assert send(f"http://{receiver.address}/") == Receipt(True, "HTTP 200")


def test_a_proxy_of_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy, listening() as receiver:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        assert send(f"http://{receiver.address}/").accepted
    assert proxy.received == []


def test_why_nobody_could_be_told_is_said_without_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert send(f"http://127.0.0.1:{port}/t0ken") == Receipt(False, "connection refused")
    assert send("http://nobody.invalid/t0ken") == Receipt(False, "its name is not resolved")
    assert send("http://[::1%25nowhere]:1/t0ken").accepted is False


def test_what_does_not_speak_http_is_told_as_such() -> None:
    async def story() -> Receipt:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.com ESMTP\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await WebhookNotifier(f"http://127.0.0.1:{port}/", None, Noon()).send(MESSAGE, 20.0)

    receipt = asyncio.run(story())
    assert not receipt.accepted
    assert "not HTTP" in receipt.detail


def test_its_address_is_shown_without_user_password_and_path() -> None:
    assert WebhookNotifier("HTTPS://u:p@hooks.example.com:8443/t0ken?k=v", None, Noon()).address == (
        "https://hooks.example.com:8443"
    )
