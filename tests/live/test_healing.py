"""What falls ill is healed, once, and says why: each illness in a container of its own, one orchestrator for all."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.live.ward import SECOND_THOUGHTS, Ward, engine_of, lent, opened

OOM_WHEN_TOLD = (
    "sh",
    "-c",
    "/srv/serve & while [ ! -e /switch/oom ]; do sleep 0.1; done; rm /switch/oom; exec tail /dev/zero",
)
NEXT_LIST = 30.0
"""Seconds between two lists of all containers, unless configured."""
HANGS_WHEN_UPSET = "if [ -e /switch/upset ]; then exec /bin/hang; fi"
"""The switch is cleared by the next start."""


@pytest.fixture(scope="module", params=["podman", "docker"])
def ward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("healing")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        yield ward


def test_a_killed_process_is_started_again(ward: Ward) -> None:
    container = ward.admit("killed")
    ward.engine.kill(container)
    ward.healed("killed", container)
    assert "SIGKILL" in ward.serve.wait_for_event("killed", "Container stopped")["cause"]
    assert ward.serve.service("killed")["restart_count"] == 1


def test_a_frozen_process_is_restarted_without_waiting_for_a_stop_that_it_cannot_hear(ward: Ward) -> None:
    container = ward.admit("frozen", "--stop-signal=SIGTERM", "--stop-timeout=1", recovery__stop_timeout="60")
    ward.engine.freeze(container)
    ward.healed("frozen", container)
    assert "no answer" in ward.serve.wait_for_event("frozen", "Health check failed")["cause"]
    assert "killed at once" in ward.serve.wait_for_event("frozen", "Restart completed")["cause"]


def test_a_service_that_answers_500_is_restarted(ward: Ward) -> None:
    container = ward.admit("sick")
    ward.engine.switch(container, "upset")
    ward.healed("sick", container)
    assert "500" in ward.serve.wait_for_event("sick", "Health check failed")["cause"]
    assert "500" in ward.serve.wait_for_event("sick", "Restart completed")["cause"]


def test_a_blip_is_told_and_restarts_nothing(ward: Ward) -> None:
    container = ward.admit("blip", recovery__backoff_base="30")
    ward.engine.switch(container, "sick")
    ward.serve.wait_for("blip", status="unhealthy")
    ward.engine.switch_off(container, "sick")
    ward.serve.wait_for_event("blip", "Service recovered")
    assert ward.serve.service("blip")["status"] == "running"
    assert len(ward.starts(container)) == 1


def test_a_command_that_never_returns_is_a_failed_check(ward: Ward) -> None:
    container = ward.admit("hanging", health__http="", health__command=HANGS_WHEN_UPSET)
    ward.engine.switch(container, "upset")
    ward.healed("hanging", container)
    assert "did not end within 3 s" in ward.serve.wait_for_event("hanging", "Health check failed")["cause"]


def test_a_container_out_of_memory_is_started_again_and_says_so(ward: Ward) -> None:
    container = ward.admit("greedy", "--memory=16m", command=OOM_WHEN_TOLD)
    ward.engine.switch(container, "oom")
    ward.healed("greedy", container)
    assert "SIGKILL" in ward.serve.wait_for_event("greedy", "Container stopped")["cause"]


def test_a_crash_loop_is_slowed_down_and_given_up(ward: Ward) -> None:
    container = ward.admit("looping", recovery__max_failures="4", recovery__backoff_base="0.4")
    ward.engine.switch(container, "crash", "99")
    ward.engine.kill(container)
    service = ward.serve.wait_for("looping", status="disabled")
    assert service["strikes"] == 4
    assert ward.serve.told("looping").count("Service disabled - max failures reached") == 1
    ward.wait_for_death(container, 4)
    deaths = [event.at for event in ward.deaths(container)]
    starts = [event.at for event in ward.starts(container)][1:]
    pauses = [start - death for death, start in zip(deaths, starts, strict=False)]
    assert len(starts) == 3, "one after each failure but the last"
    assert pauses[1] >= 0.8
    assert pauses[2] >= 1.6


def test_a_failed_start_is_told_in_the_engines_words_and_healed_when_its_cause_is_gone(
    ward: Ward, tmp_path: Path
) -> None:
    source = tmp_path / "models"
    source.mkdir()
    container = ward.admit("unmounted", f"--mount=type=bind,source={source},target=/models")
    source.rename(tmp_path / "away")
    ward.engine.kill(container)
    assert str(source) in ward.serve.wait_for_event("unmounted", "Restart failed")["cause"]
    assert ward.serve.service("unmounted")["status"] == "stopped"
    shutil.move(tmp_path / "away", source)
    ward.healed("unmounted", container)


def test_a_recreated_container_keeps_its_history(ward: Ward) -> None:
    first = ward.admit("recreated")
    ward.engine.kill(first)
    ward.healed("recreated", first)
    ward.engine.remove(first)
    ward.serve.wait_for("recreated", status="not_found")
    second = ward.admit("recreated")
    assert ward.serve.service("recreated")["restart_count"] == 1
    ward.engine.kill(second)
    ward.wait_for_starts(second, 2)
    assert ward.serve.wait_for("recreated", status="running", restart_count=2)["container_id"] == second[:12]


def test_a_container_with_a_restart_policy_is_left_to_the_engine(ward: Ward) -> None:
    container = ward.admit("policed", "--restart=always")
    ward.engine.kill(container)
    ward.wait_for_starts(container, 2)
    # the strike tells that the death was seen: it ran and was well before it, too
    service = ward.serve.wait_for("policed", status="running", failure_count=0, strikes=1)
    assert service["restart_count"] == 0, "the engine's restart is a failure, and not ours"


def test_a_new_container_is_seen_without_waiting_for_the_next_list(ward: Ward) -> None:
    delays = []
    for number in range(3):
        name = f"new{number}"
        container = ward.admit(name)
        seen = ward.serve.events(name)[0]
        assert seen["message"] == "Service discovered"
        ward.wait_for_starts(container, 1)
        delays.append(_wall(seen["timestamp"]) - ward.starts(container)[0].at)
    assert min(delays) < NEXT_LIST / 2, delays


def test_nothing_was_healed_twice(ward: Ward) -> None:
    """Last: what the tests above left running is watched together for a while."""
    before = {event.container_id: event.at for event in ward.journal.seen if event.action == "start"}
    time.sleep(SECOND_THOUGHTS)
    after = {event.container_id: event.at for event in ward.journal.seen if event.action == "start"}
    assert after == before
    listed = ward.serve.get("/services")["services"]
    assert not [one["name"] for one in listed if one["status"] not in ("running", "disabled")]


def _wall(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
