"""Help costs nothing: it imports none of what serving needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = frozenset(
    [
        "fastapi",
        "starlette",
        "uvicorn",
        "aiohttp",
        "aiodocker",
        "pydantic",
        "pydantic_settings",
        "structlog",
        "rich",
        "websockets",
        "yaml",
        "redis",
        "asyncio",
        "http",
        "email",
        "ssl",
        "sqlite3",
        "logging",
    ]
)
COMMANDS = (
    "serve",
    "check",
    "doctor",
    "ps",
    "watch",
    "show",
    "start",
    "stop",
    "restart",
    "enable",
    "disable",
    "events",
    "logs",
    "graph",
    "plan",
    "explain",
    "reload",
    "state",
)
PROGRAM = """
import json, sys
from orchestrator.cli import main
try:
    main(json.loads(sys.argv[1]))
except SystemExit as end:
    assert end.code == 0, end.code
print("LOADED", json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([command, "--help"] for command in COMMANDS),
    ],
)
def test_help_imports_none_of_the_heavy_packages(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments)], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(json.loads(done.stdout.rpartition("LOADED ")[2]))
    assert loaded.isdisjoint(HEAVY)


def test_help_lists_every_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout
