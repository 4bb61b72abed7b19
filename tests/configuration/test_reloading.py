"""What is read anew is usable whole, or refused with everything that is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator.configuration import Configuration, load
from orchestrator.configuration.reloading import needs_restart, read_anew
from orchestrator.errors import ConfigurationError

GOOD = "services:\n  web: {port: 80}\n"


def anew(in_force: Configuration) -> Configuration:
    return asyncio.run(read_anew(in_force, {}))


def refused(in_force: Configuration) -> str:
    with pytest.raises(ConfigurationError) as error:
        anew(in_force)
    return str(error.value)


def test_a_bad_file_is_refused_with_all_its_problems() -> None:
    file = Path("orchestrator.yaml")
    file.write_text(GOOD)
    in_force = load()
    file.write_text("services:\n  web: {port: 0}\n  api: {helth: 1}\n")
    told = refused(in_force)
    assert "services.web.port" in told
    assert "services.api.helth" in told


def test_a_file_that_is_gone_empty_or_broken_off_is_refused() -> None:
    file = Path("orchestrator.yaml")
    file.write_text(GOOD)
    in_force = load()
    file.write_text("")
    assert "is empty" in refused(in_force)
    file.write_text("services:\n  web: {port: ")
    assert "line " in refused(in_force)
    file.unlink()
    assert "put it back" in refused(in_force)


def test_a_problem_that_the_environment_had_before_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_REDIS_PORT", "many")
    file = Path("orchestrator.yaml")
    file.write_text(GOOD)
    in_force = load()
    file.write_text(GOOD.replace("80", "81"))
    assert anew(in_force).services["web"].settings["port"].value == 81


def test_what_is_built_in_at_the_start_is_named() -> None:
    file = Path("orchestrator.yaml")
    file.write_text(GOOD)
    in_force = load()
    file.write_text("port: 9000\ndiscovery: all\n" + GOOD)
    assert needs_restart(in_force.settings, anew(in_force).settings) == ("port",)
