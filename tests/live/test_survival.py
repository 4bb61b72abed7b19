"""The orchestrator dies at the worst moment, or forgets: nothing is done twice, and nothing is left undone."""

from __future__ import annotations

import time
from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.podman import Podman
from tests.live.ward import SECOND_THOUGHTS, Ward, opened

HEARS_AND_STAYS = ("sh", "-c", "trap 'touch /switch/told' TERM; /srv/serve & while :; do wait; sleep 0.1; done")
"""SIGTERM leaves a mark, and the container runs on until its stop time-out."""


def test_killed_while_the_engine_restarts_a_container_it_leaves_one_restart(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        container, _ = _being_restarted(ward, stop_timeout="2")
        ward.serve.kill()
        ward.wait_for_death(container)
        ward.serve.start()
        _finished(ward, container, starts=2)


def test_killed_with_the_engine_between_stop_and_start_it_finishes_the_restart(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        container, process = _being_restarted(ward, stop_timeout="60")
        ward.serve.kill()
        engine.crash_daemon()
        engine.kill(process)
        back = time.time()
        engine.start_daemon()
        wait_until(lambda: engine.state(container) == "exited", 30, "the container stopped half way")
        with engine.events(since=back) as journal:
            ward.serve.start()
            _finished(Ward(engine, ward.serve, journal), container, starts=1)


def _being_restarted(ward: Ward, stop_timeout: str) -> tuple[str, int]:
    """A container that is in the stop half of a restart, and its first process."""
    options = ("--stop-signal=SIGTERM", "--stop-timeout=1")
    container = ward.admit("web", *options, command=HEARS_AND_STAYS, recovery__stop_timeout=stop_timeout)
    process = ward.engine.pid(container)
    mark = Path(f"/proc/{process}/root/switch/told")  # by the host's way: Podman locks a container that it stops
    ward.serve.order("web", "restart")
    wait_until(mark.exists, 30, "the engine's SIGTERM")
    return container, process


def _finished(ward: Ward, container: str, starts: int) -> None:
    ward.serve.wait_for_event("web", "Restart completed")
    ward.serve.wait_for("web", status="running", restart_count=1)
    time.sleep(SECOND_THOUGHTS)
    told = ward.serve.told("web")
    assert len(ward.starts(container)) == starts, told
    assert (told.count("Restart completed"), told.count("Restart failed")) == (1, 0), told


def test_a_damaged_state_file_is_set_aside_and_healing_goes_on(podman: Podman, tmp_path: Path) -> None:
    with opened(podman, tmp_path) as ward:
        container = ward.admit("web")
        ward.serve.kill()
        damaged = b"no database" * 1000
        ward.serve.state.write_bytes(damaged)
        ward.serve.state.with_name(f"{ward.serve.state.name}-wal").unlink(missing_ok=True)
        ward.serve.start()
        ward.serve.wait_for("web", status="running")
        podman.kill(container)
        ward.healed("web", container)
        aside = [path for path in ward.serve.folder.iterdir() if path.is_file() and path.read_bytes() == damaged]
        assert len(aside) == 1
        assert aside[0].name in ward.serve.log
