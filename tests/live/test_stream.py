"""The live view on real engines: what happens to a container, and what is left of the stream after SIGKILL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.live.engines import Engine
from tests.live.serve import HEAL_TIMEOUT, Serve
from tests.live.ward import opened

Message = dict[str, Any]


def stream(serve: Serve, since: int | None = None) -> ClientConnection:
    query = "" if since is None else f"?since={since}"
    return connect(f"ws://127.0.0.1:{serve.port}/ws/events{query}", proxy=None)


def read_until(client: ClientConnection, wanted: Callable[[Message], bool]) -> list[Message]:
    heard: list[Message] = []
    while not heard or not wanted(heard[-1]):
        heard.append(json.loads(client.recv(timeout=HEAL_TIMEOUT)))
    return heard


def recovered(message: Message) -> bool:
    return bool(message["type"] == "service_status" and message["message"] == "Restart completed")


def numbers(messages: list[Message]) -> list[int]:
    return [one["sequence"] for one in messages if one["type"] == "service_status"]


def test_a_death_and_its_healing_are_streamed_and_resumed_after_sigkill(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        container = ward.admit("web")
        ward.serve.wait_for("web", status="running")
        with stream(ward.serve, since=0) as client:
            snapshot = read_until(client, lambda one: True)[0]
            assert [one["status"] for one in snapshot["data"]["services"]] == ["running"]
            engine.kill(container)
            heard = read_until(client, recovered)
        told = [one["message"] for one in heard if one["type"] == "service_status"]
        assert told[told.index("Health check passed") + 1] == "Container stopped"
        assert any(one["type"] == "service" and one["data"]["status"] == "stopped" for one in heard)
        seen = numbers(heard)

        ward.serve.kill()
        engine.kill(container)
        ward.serve.start()
        ward.serve.wait_for_event("web", "Restart completed", count=2)
        newest = ward.serve.events("web")[-1]["sequence"]
        with stream(ward.serve, since=seen[-1]) as client:
            again = read_until(client, lambda one: one.get("sequence") == newest and one["type"] != "snapshot")
        assert again[0]["resumed"]
        seen += numbers(again)
        assert seen == list(range(1, newest + 1)), "nothing missed, nothing doubled"
        documents = {one["sequence"]: one for one in ward.serve.events("web")}
        assert [one for one in again if one["type"] == "service_status"] == [documents[n] for n in numbers(again)]
