"""Apprise, the real one, against a real local receiver (its ``json://``), and where it is not installed."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import pytest

from orchestrator.adapters.notifiers.apprise import MISSING, AppriseNotifier
from orchestrator.core.notification import Notification, Tone
from orchestrator.ports import Receipt
from tests.adapters.notifiers.receiver import listening

MESSAGE = Notification("k1", Tone.BAD, "[box] db is down", "Cause: <b> & db\nDone: nothing", "- **Cause**: db", {})


def send(url: str, timeout: float = 30.0) -> Receipt:
    async def story() -> Receipt:
        notifier = AppriseNotifier(url)
        try:
            return await notifier.send(MESSAGE, timeout)
        finally:
            await notifier.close()

    return asyncio.run(story())


def test_a_message_arrives_with_its_subject_its_words_and_how_bad_it_is() -> None:
    with listening() as receiver:
        receiver.status = 200
        assert send(f"json://{receiver.address}/hook") == Receipt(True, "Apprise handed it to JSON")
    (got,) = receiver.received
    document = json.loads(got.body)
    assert (document["title"], document["message"], document["type"]) == (MESSAGE.subject, MESSAGE.text, "failure")


@pytest.mark.parametrize("markup", ["html", "markdown"])
def test_what_a_container_wrote_becomes_no_markup(markup: str) -> None:
    with listening() as receiver:
        receiver.status = 200
        assert send(f"json://{receiver.address}/hook?format={markup}").accepted
    message = json.loads(receiver.received[0].body)["message"]
    assert "db" in message
    assert "<b>" not in message.replace("<b\\>", "")


def test_why_a_message_failed_is_said_and_what_apprise_logs_is_not_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with listening() as receiver, caplog.at_level(logging.CRITICAL, "nobody"):
        receiver.status = 403
        receipt = send(f"json://user:hunter2hunter2@{receiver.address}/t0ken-t0ken")
    assert not receipt.accepted
    assert "403" in receipt.detail
    assert "hunter2" not in receipt.detail
    assert "t0ken" not in receipt.detail


def test_an_address_that_it_does_not_know_is_told_as_such() -> None:
    assert send("nowhere://x") == Receipt(False, "Apprise knows no such nowhere:// address")


def test_where_it_is_not_installed_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert send("json://localhost") == Receipt(False, MISSING)
    assert "pip install 'container-orchestrator[notifications]'" in MISSING


def test_nothing_waits_behind_a_message_that_hangs() -> None:
    async def story(url: str) -> Receipt:
        notifier = AppriseNotifier(url)
        await notifier.send(MESSAGE, 0.2)
        try:
            return await notifier.send(MESSAGE, 30.0)
        finally:
            await notifier.close()

    with listening() as receiver:
        receiver.hangs = True
        receipt = asyncio.run(story(f"json://{receiver.address}/"))
        receiver.release()
    assert receipt == Receipt(False, "the message before still hangs")


def test_nobody_imports_it_before_it_is_used() -> None:
    import subprocess  # noqa: PLC0415

    code = "import orchestrator.bootstrap, sys; print('apprise' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert loaded.stdout.strip() == "False"
