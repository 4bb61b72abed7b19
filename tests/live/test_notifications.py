"""People told, for real: a signed webhook and Apprise, a receiver that was away, and our own death in between."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.adapters.notifiers.receiver import Received, Receiver, listening
from tests.live.engines import Engine, wait_until
from tests.live.serve import Serve
from tests.live.ward import opened

SECRET = "correct-horse-battery-staple"
TOKEN = "t0ken-t0ken-t0ken"
PATIENCE = 120.0

LINES = {"ops was told (opened)", "ops was told (resolved)", "phone was told (resolved)"}
"""Of the story, at the least: our death may have come between a message and its line."""

CONFIGURATION = """
notifications:
  channels:
    ops: {url: "http://${OPS_HOST}/hook/${TOKEN}", secret: "${SECRET}"}
    phone: {url: "json://user:${TOKEN}@${PHONE_HOST}/"}
  settle: 0s
  sender: test-box
"""


def test_the_beginning_and_the_end_arrive_once_though_a_receiver_was_away_and_we_died(
    engine: Engine, tmp_path: Path
) -> None:
    with listening() as ops, listening() as phone:
        ops.status, phone.status = 503, 200
        (tmp_path / "orchestrator.yaml").write_text(CONFIGURATION)
        variables = {"OPS_HOST": ops.address, "PHONE_HOST": phone.address, "TOKEN": TOKEN, "SECRET": SECRET}
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        with opened(engine, tmp_path) as ward:
            stubborn = {"recovery__max_failures": "99", "recovery__backoff_max": "1", "recovery__stable_after": "1"}
            web = ward.admit("web", **stubborn)

            ward.engine.switch(web, "sick")
            wait_until(lambda: bool(ops.received and phone.received), PATIENCE, "an attempt at each receiver")
            wait_until(lambda: not _channel(ward.serve, "ops")["working"], PATIENCE, "a channel that is seen to fail")
            assert _channel(ward.serve, "ops")["detail"] == "HTTP 503"
            wait_until(lambda: _is_kept(ward.serve, "phone"), PATIENCE, "a message that is known to have arrived")

            ward.serve.kill()
            refused, ops.status = len(ops.received), 204
            ward.serve.start()
            wait_until(lambda: len(ops.received) > refused, PATIENCE, "the message that was refused, after our death")
            ward.engine.switch_off(web, "sick")
            ward.serve.wait_for("web", timeout=PATIENCE, status="running")
            taken = ops.received[refused:]
            wait_until(lambda: _kinds(ops.received[refused:]) == ["opened", "resolved"], PATIENCE, "the end")
            wait_until(lambda: len(phone.received) == 2, PATIENCE, "the end, by the other way")

            assert all(map(_genuine, ops.received))
            assert {each.headers["idempotency-key"] for each in ops.received[:refused]} == {
                taken[0].headers["idempotency-key"]
            }
            document = json.loads(taken[0].body)
            assert document["subject"].startswith("[test-box] web ")
            assert document["incidents"][0]["cause"]["service"] == "web"
            told = [json.loads(each.body) for each in phone.received]
            assert [each["type"] for each in told] == ["warning", "success"]
            assert [each["title"] for each in told] == [json.loads(each.body)["subject"] for each in ops.received[-2:]]
            number = document["incidents"][0]["id"]
            wait_until(lambda: _told_of(ward.serve, number) >= LINES, PATIENCE, "the messages, in the incident's story")
            shown = ward.serve.log + json.dumps(ward.serve.get("/health/full"))
            assert SECRET not in shown
            assert TOKEN not in shown
            _try_them(ward.serve, ops, phone)


def _try_them(serve: Serve, ops: Receiver, phone: Receiver) -> None:
    """As a person does."""
    well = _notify(serve, "--test")
    assert well.returncode == 0, well
    assert [line.split()[1] for line in well.stdout.splitlines()] == ["ops", "phone"]
    assert json.loads(ops.received[-1].body)["kind"] == "test"
    assert json.loads(phone.received[-1].body)["title"] == "[test-box] a test message, nothing has happened"
    ops.status = 403
    failing = _notify(serve, "--test", "ops")
    assert failing.returncode == 1
    assert "HTTP 403" in failing.stdout


def _notify(serve: Serve, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestrator", "notify", *words, "--server", f"http://127.0.0.1:{serve.port}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def _channel(serve: Serve, name: str) -> dict[str, object]:
    (found,) = [each for each in serve.get("/health/full")["notifications"] if each["name"] == name]
    assert isinstance(found, dict)
    return found


def _told_of(serve: Serve, incident: int) -> set[str]:
    timeline = serve.get(f"/incidents/{incident}")["timeline"]
    return {entry["text"] for entry in timeline if entry["kind"] == "notified"}


def _is_kept(serve: Serve, channel: str) -> bool:
    """That one message was accepted; what is not kept yet when we die is sent again."""
    return _channel(serve, channel)["delivered"] == 1 and serve.get("/health/full")["store"]["pending_writes"] == 0


def _kinds(received: Sequence[Received]) -> list[str]:
    return [json.loads(each.body)["kind"] for each in received]


def _genuine(received: Received) -> bool:
    """As docs/notifications.md says."""
    timestamp = received.headers["x-orchestrator-timestamp"]
    digest = hmac.new(SECRET.encode(), timestamp.encode() + b"." + received.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={digest}", received.headers["x-orchestrator-signature"])
