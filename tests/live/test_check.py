"""``orchestrator check`` as a user runs it, against the labels of real containers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.live.engines import Engine


def check(engine: Engine, folder: Path, configuration: str = "services: {}\n") -> tuple[int, str]:
    """Exit code and everything printed."""
    (folder / "orchestrator.yaml").write_text(configuration)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "DOCKER_"))}
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "check"],
        env=kept | {"ORCHESTRATOR_DOCKER_HOST": engine.url, "COLUMNS": "200"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def test_labels_and_a_file_without_fault_pass(engine: Engine, tmp_path: Path) -> None:
    engine.run("well", "--label=orchestrator.service=well", "--label=orchestrator.health.interval=5s")

    code, printed = check(engine, tmp_path)

    assert (code, "1 container" in printed) == (0, True), printed


def test_every_problem_of_file_and_labels_is_told_at_once_with_its_source(engine: Engine, tmp_path: Path) -> None:
    engine.run(
        "ill",
        "--label=orchestrator.service=ill",
        "--label=orchestrator.health.interval=5 parsecs",
        "--label=orchestrator.port=70000",
        "--label=orchestrator.requires=nobody",
    )
    twin_labels = ("--label=orchestrator.service=twin",)
    engine.run("twin-a", *twin_labels)
    engine.run("twin-b", *twin_labels)

    code, printed = check(
        engine,
        tmp_path,
        "services:\n"
        "  api:\n    requires: [web]\n    helth: {}\n"
        "  web:\n    requires: [api]\n    recovery: {backoff_base: 5s, backoff_max: 3s}\n",
    )

    assert code == 1, printed
    assert "Traceback" not in printed
    for fragment in (
        f"label of container {engine.full_name('ill')}: orchestrator.health.interval: '5 parsecs'",
        "orchestrator.port: '70000' is no valid port",
        "nobody",
        "twin-a",
        "twin-b",
        "services.api.helth: unknown key",
        "services.web.recovery.backoff_max: 3 s is below backoff_base 5 s",
        "closes a dependency cycle: web -> api -> web",
    ):
        assert fragment in printed, f"{fragment!r} is missing in:\n{printed}"


def test_a_malformed_file_is_told_by_line_and_the_labels_are_checked_all_the_same(
    engine: Engine, tmp_path: Path
) -> None:
    engine.run("ill", "--label=orchestrator.service=ill", "--label=orchestrator.grace=soon")

    code, printed = check(engine, tmp_path, "services:\n  web: {port: 80\n")

    assert code == 1, printed
    assert "orchestrator.yaml" in printed
    assert "line 3" in printed
    assert "orchestrator.grace: 'soon'" in printed
    assert "Traceback" not in printed
