"""The unit, read by systemd's own reader, and what ``serve`` tells a service manager's socket."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.engines import Engine
from tests.live.serve import serving

UNIT = Path(__file__).parents[2] / "examples" / "systemd" / "container-orchestrator.service"
INSTALLED = "/opt/orchestrator/bin/orchestrator"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("the live tests need: apt-get install --no-install-recommends systemd", pytrace=False)
    text = UNIT.read_text()
    assert text.count(INSTALLED) == 1
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(INSTALLED, f"{sys.executable} -m orchestrator"))
    done = subprocess.run(
        [program, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in done.stderr.splitlines() if UNIT.name in line or str(unit) in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_serve_says_when_it_is_ready_and_when_it_ends(engine: Engine, tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(address))
        ear.settimeout(30)
        under = ("env", f"NOTIFY_SOCKET={address}", "WATCHDOG_USEC=4000000")
        with serving(engine.url, tmp_path / "serve", under=under) as serve:
            first = ear.recv(4096).decode().splitlines()
            assert first[:2] == ["READY=1", "WATCHDOG=1"]
            while "WATCHDOG=1" not in ear.recv(4096).decode().splitlines():
                pass
            serve.stop()
        heard: list[str] = []
        while "STOPPING=1" not in heard:
            heard += ear.recv(4096).decode().splitlines()
