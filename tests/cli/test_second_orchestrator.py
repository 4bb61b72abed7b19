"""Two brains must not share a state: the second ``serve`` ends with the remedy."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from orchestrator.adapters.stores import SqliteStore
from orchestrator.runtime.clock import SystemClock


def test_a_second_serve_on_one_state_file_is_refused_and_names_the_first(tmp_path: Path) -> None:
    async def story() -> subprocess.CompletedProcess[str]:
        first = SqliteStore(tmp_path / "state.db", SystemClock())
        await first.open()
        try:
            return await asyncio.to_thread(second_serve, tmp_path)
        finally:
            await first.close()

    done = asyncio.run(story())

    assert done.returncode == 1, done.stderr
    assert f"another orchestrator (process {os.getpid()}) uses it" in done.stderr
    assert "--state" in done.stderr
    assert "Traceback" not in done.stderr


def second_serve(folder: Path) -> subprocess.CompletedProcess[str]:
    options = ("--port=0", f"--state={folder / 'state.db'}", f"--endpoint=unix://{folder / 'nobody.sock'}")
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", "serve", *options],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
