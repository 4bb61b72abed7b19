"""How the channels are doing, and test messages: what is answered, to whom, and that nothing secret is in it."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.api.app import create_app
from orchestrator.api.security import Access
from orchestrator.ports import Receipt
from orchestrator.runtime.notifier import Trial
from orchestrator.runtime.requests import Requester
from orchestrator.runtime.views import ChannelView
from tests.api.asgi import call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock

PATH = "/api/system/notifications"
OPS = ChannelView("ops", "https://hooks.example.com", True, "", 0, None, NOON - 60, 3, 0)
DOWN = ChannelView("phone", "ntfys://", False, "HTTP 403", 2, NOON + 30, None, 0, 4)


def a_supervisor() -> FakeSupervisor:
    supervisor = FakeSupervisor()
    supervisor.overall = replace(supervisor.overall, notifications=(OPS, DOWN))
    supervisor.tested = [
        Trial("ops", OPS.address, Receipt(True, "HTTP 204"), 0.0351),
        Trial("phone", DOWN.address, Receipt(False, "HTTP 403"), 1.5),
    ]
    return supervisor


def test_every_channel_is_shown_with_what_it_does_not_know() -> None:
    app = create_app(a_supervisor(), StoppedClock())
    channels = call(app, "GET", PATH).json["channels"]
    assert channels == call(app, "GET", "/api/system/health/full").json["notifications"]
    assert channels[1] == {
        "name": "phone",
        "address": "ntfys://",
        "working": False,
        "detail": "HTTP 403",
        "undelivered": 2,
        "retry_at": "2024-01-15T10:00:30.000Z",
        "delivered_at": None,
        "delivered": 0,
        "failed": 4,
    }
    assert channels[0]["delivered_at"] == "2024-01-15T09:59:00.000Z"


def test_how_each_test_message_ended_is_answered_and_who_asked_is_known() -> None:
    supervisor = a_supervisor()
    app = create_app(supervisor, StoppedClock())
    answer = call(app, "POST", f"{PATH}/test")
    assert answer.status == 200
    ops, phone = answer.json["results"]
    assert ops == {
        "channel": "ops",
        "address": "https://hooks.example.com",
        "accepted": True,
        "detail": "HTTP 204",
        "seconds": 0.035,
    }
    assert (phone["accepted"], phone["detail"]) == (False, "HTTP 403")
    assert [each["channel"] for each in call(app, "POST", f"{PATH}/test?channel=ops").json["results"]] == ["ops"]
    assert supervisor.requesters == [Requester("a local user", "127.0.0.1")] * 2


def test_an_unknown_channel_is_named_with_those_there_are() -> None:
    answer = call(create_app(a_supervisor(), StoppedClock()), "POST", f"{PATH}/test?channel=https://elsewhere")
    assert (answer.status, answer.json["code"]) == (404, "unknown_channel")
    assert answer.json["detail"] == ("No notification channel is named 'https://elsewhere'. There are: ops, phone.")


def test_who_may_only_read_sends_no_test_message() -> None:
    supervisor = a_supervisor()
    access = Access("127.0.0.1", token="a" * 20, read_token="r" * 20)
    app = create_app(supervisor, StoppedClock(), access)
    reader = {"Authorization": f"Bearer {'r' * 20}"}
    assert call(app, "GET", PATH, reader).status == 200
    assert call(app, "POST", f"{PATH}/test", reader).status == 403
    assert supervisor.requesters == []
