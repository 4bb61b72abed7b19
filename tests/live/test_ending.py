"""SIGTERM at bad moments: the process ends within ten seconds, and the next one takes over what was under way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import HEAL_TIMEOUT, Serve
from tests.live.test_survival import HEARS_AND_STAYS
from tests.live.ward import SECOND_THOUGHTS, Ward, opened

LONGEST = 20.0
"""Seconds from SIGTERM to the end of the process: 10 are promised, and a busy machine takes its time with the rest."""
SLOW_STOP = "30"


def test_a_restart_that_takes_longer_than_we_have_is_handed_over(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        container = _being_stopped(ward)
        _ends_in_time(ward.serve)
        assert _kept(ward.serve, "web").count('"attempt":{') == 1
        assert engine.state(container) in ("running", "stopping"), "the engine still stops it"
        ward.serve.start()
        ward.serve.wait_for_event("web", "Restart completed", timeout=float(SLOW_STOP) + HEAL_TIMEOUT)
        ward.serve.wait_for("web", status="running", restart_count=1)
        time.sleep(SECOND_THOUGHTS)
        told = ward.serve.told("web")
        assert len(ward.starts(container)) == 2, told
        assert told.count("Manual restart initiated") == 1, told
        assert (told.count("Restart completed"), told.count("Restart failed")) == (1, 0), told


def test_a_restart_that_ends_in_time_is_finished_before_the_process(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        container = _being_stopped(ward, stop_timeout="2")
        _ends_in_time(ward.serve)
        ward.wait_for_starts(container, 2)  # the restart was finished first; Podman's news of it may be late
        ward.serve.start()
        ward.serve.wait_for_event("web", "Restart completed")
        ward.serve.wait_for("web", status="running", restart_count=1)
        time.sleep(SECOND_THOUGHTS)
        told = ward.serve.told("web")
        assert len(ward.starts(container)) == 2, told
        assert (told.count("Restart completed"), told.count("Restart failed")) == (1, 0), told


def test_checks_that_nobody_answers_do_not_delay_the_end(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        ward.admit("mute", health__timeout="25", health__interval="1")
        container = ward.engine.run(
            "exec",
            "--label=orchestrator.service=exec",
            "--label=orchestrator.health.command=touch /switch/asked; sleep 60",
            "--label=orchestrator.health.interval=1",
            "--label=orchestrator.health.timeout=60",
        )
        process = engine.pid(container)
        engine.freeze(engine.inspect(engine.full_name("mute"))["Id"])
        wait_until(Path(f"/proc/{process}/root/switch/asked").exists, HEAL_TIMEOUT, "the exec of a check")
        _ends_in_time(ward.serve)
        engine.thaw(engine.inspect(engine.full_name("mute"))["Id"])


def test_an_engine_that_hangs_does_not_delay_the_end(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        _being_stopped(ward)
        engine.freeze_daemon()
        _ends_in_time(ward.serve)
        engine.thaw_daemon()


def test_a_state_file_that_somebody_has_locked_does_not_delay_the_end(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        _being_stopped(ward)
        with _locked(ward.serve.state):
            _ends_in_time(ward.serve)


def _being_stopped(ward: Ward, stop_timeout: str = SLOW_STOP) -> str:
    """A container in the stop half of a restart, deaf to SIGTERM."""
    container = ward.admit("web", "--stop-signal=SIGTERM", command=HEARS_AND_STAYS, recovery__stop_timeout=stop_timeout)
    mark = Path(f"/proc/{ward.engine.pid(container)}/root/switch/told")
    ward.serve.order("web", "restart")
    wait_until(mark.exists, HEAL_TIMEOUT, "the engine's SIGTERM")
    return container


def _ends_in_time(serve: Serve) -> None:
    begun = time.monotonic()
    serve.stop()
    took = time.monotonic() - begun
    print(f"ended after {took:.1f} s")
    assert took < LONGEST, serve.log


def _kept(serve: Serve, service: str) -> str:
    """What the state file holds of a service."""
    connection = sqlite3.connect(f"{serve.state.as_uri()}?mode=ro", uri=True)
    try:
        (document,) = connection.execute("SELECT document FROM services WHERE name = ?", (service,)).fetchone()
        return str(document)
    finally:
        connection.close()


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    connection = sqlite3.connect(state, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()
