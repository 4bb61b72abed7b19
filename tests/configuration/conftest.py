from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the developer's variables nor files in the working directory or at home reach these tests."""
    for variable in list(os.environ):
        if variable.startswith("ORCHESTRATOR_"):
            monkeypatch.delenv(variable)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
