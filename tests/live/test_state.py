"""State moved from the file to a real Redis and back, by the command that a user types."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from orchestrator.adapters.stores import SqliteStore
from orchestrator.ports import EventRecord
from orchestrator.runtime.clock import SystemClock
from tests.live.servers import Redis

EVENTS = [EventRecord(n, "web", {"message": f"m{n}", "sequence": n}) for n in range(1, 1203)]


def state(*words: str, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "state", *words],
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_state_goes_to_redis_and_comes_back(tmp_path: Path) -> None:
    async def fill() -> None:
        store = SqliteStore(tmp_path / "a.db", SystemClock())
        await store.open()
        await store.write({"web": {"status": "running"}, "db": {"status": "disabled"}}, EVENTS)
        await store.close()

    asyncio.run(fill())
    there, back = tmp_path / "there", tmp_path / "back"
    server = Redis(tmp_path)
    try:
        server.start_and_wait()
        address = f"redis://127.0.0.1:{server.port}/5"
        state("export", str(there), f"--state={tmp_path / 'a.db'}")
        assert (
            state("import", str(there), ORCHESTRATOR_REDIS_URL=address)
            == "2 services, 1202 events and 0 incidents imported\n"
        )
        state("export", str(back), ORCHESTRATOR_REDIS_URL=address)
    finally:
        server.end()
    assert back.read_text() == there.read_text()
