"""An image with the machine's own redis-server: the program and the libraries that it loads, nothing else.

It keeps nothing across a restart, and asks nobody for a password.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.live.engines import COMMAND_TIMEOUT, Engine

REDIS_IMAGE = "localhost/orchestrator-redis:latest"
PORT = 6379


def import_redis(engine: Engine) -> None:
    program = shutil.which("redis-server") or pytest.fail("apt-get install redis-server", pytrace=False)
    subprocess.run(
        [
            *engine.client,
            "import",
            "--change",
            f'CMD ["{program}", "--save", "", "--protected-mode", "no"]',
            "-",
            REDIS_IMAGE,
        ],
        input=_archive(Path(program)),
        env=dict(engine.environment),
        check=True,
        capture_output=True,
        timeout=COMMAND_TIMEOUT,
    )


def _archive(program: Path) -> bytes:
    listed = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT)
    libraries = [Path(word) for word in listed.stdout.split() if word.startswith("/")]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add("/tmp", "tmp", recursive=False)
        for file in (program, *libraries):
            tar.add(file.resolve(), str(file).lstrip("/"))
    return archive.getvalue()
