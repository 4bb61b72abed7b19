"""The orchestrator watches itself on a real engine, is missed when it is dead, and says for how long it was."""

from __future__ import annotations

from pathlib import Path

from tests.adapters.notifiers.receiver import listening
from tests.live.engines import Engine, wait_until
from tests.live.serve import HEAL_TIMEOUT
from tests.live.ward import opened


def test_it_tells_how_it_keeps_up_and_pings_whoever_misses_it(engine: Engine, tmp_path: Path) -> None:
    with (
        listening() as receiver,
        opened(engine, tmp_path, dead_man_url=f"http://{receiver.address}/ping/secret-uuid") as ward,
    ):
        ward.admit("web")
        wait_until(lambda: bool(receiver.received), HEAL_TIMEOUT, "a ping")
        assert receiver.received[0].path == "/ping/secret-uuid"

        def pinged() -> bool:
            return bool(ward.serve.get("/health/full")["own"]["dead_man"]["last_ping_at"])

        wait_until(pinged, HEAL_TIMEOUT, "a ping that was taken")
        own = ward.serve.get("/health/full")["own"]
        assert own["dead_man"]["address"] == f"http://{receiver.address}", "its path is a secret"
        assert own["dead_man"]["detail"] == ""
        assert own["stream_connected"]
        assert own["stream_age_seconds"] >= 0.0
        assert own["worst_loop_lag_seconds"] >= own["loop_lag_seconds"] >= 0.0
