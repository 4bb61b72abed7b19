"""The live commands as a user runs them, against a served orchestrator and a real container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from tests.live.engines import Engine
from tests.live.serve import HEAL_TIMEOUT, Serve, port_in, service_labels, serving


def test_a_user_watches_a_death_and_its_healing(engine: Engine, tmp_path: Path) -> None:
    container = engine.run("web", *service_labels("web"))
    with serving(engine.url, tmp_path / "serve") as serve:
        serve.wait_for("web", status="running")
        with following(serve, "watch") as watched, following(serve, "events", "-f") as happened:
            read_until(watched, "running")
            engine.kill(container)
            read_until(watched, "stopped")
            read_until(watched, "running")
            told = read_until(happened, "Restart completed")
    assert any("Container stopped" in line for line in told)


@contextmanager
def following(serve: Serve, *arguments: str) -> Iterator[Popen[str]]:
    """Ended by Ctrl-C, quietly."""
    # A shell's background job, as a test run may be, ignores SIGINT, and what it starts inherits that.
    terminal = ("env", "--default-signal=INT")
    process = subprocess.Popen(
        [*terminal, sys.executable, "-m", "orchestrator", *arguments, f"--server=127.0.0.1:{port_in(serve.log)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with process:
        try:
            yield process
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=HEAL_TIMEOUT)
        finally:
            process.kill()
    assert (process.returncode, stderr) == (130, "")


def read_until(process: Popen[str], word: str) -> list[str]:
    """The lines up to the first one with it."""
    reader = process.stdout
    assert reader is not None
    timer = threading.Timer(HEAL_TIMEOUT, process.kill)
    timer.start()
    heard = [""]
    while word not in heard[-1]:
        line = reader.readline()
        assert line, f"it ended or told nothing of {word!r}: {heard}"
        heard.append(line)
    timer.cancel()
    return heard
