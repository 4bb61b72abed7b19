"""The command line as a user runs it, against a served orchestrator and a real container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import HEAL_TIMEOUT, Serve, port_in, service_labels, serving


def orchestrator(serve: Serve, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *arguments, f"--server=127.0.0.1:{port_in(serve.log)}"],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_a_user_restarts_reads_the_log_and_sees_the_graph(engine: Engine, tmp_path: Path) -> None:
    speaks = 'echo hello; echo alas >&2; trap "exit 0" TERM; while true; do sleep 0.2; done'
    labels = service_labels("speaker", health__http="", port="")
    container = engine.run("speaker", *labels, "--stop-signal=SIGTERM", command=("sh", "-c", speaks))
    with serving(engine.url, tmp_path / "serve") as serve:
        serve.wait_for("speaker", status="running")
        restarted = orchestrator(serve, "restart", "--wait", "--timeout=100", "speaker")
        assert restarted.returncode == 0, restarted
        said = ["alas", "alas", "hello", "hello"]  # that it runs says nothing of what it has written yet
        wait_until(lambda: sorted(engine.logs(container).split()) == said, HEAL_TIMEOUT, "the words of both runs")
        written = orchestrator(serve, "logs", "--tail=50", "speaker")
        assert written.stdout.splitlines() == ["hello", "hello"]
        assert written.stderr.splitlines() == ["alas", "alas"]
        assert "speaker  running" in orchestrator(serve, "graph").stdout
        refused = orchestrator(serve, "stop", "--wait", "nobody", "speaker")
        assert refused.returncode == 1
        assert serve.service("speaker")["status"] == "stopped"


def test_bash_completes_the_names_of_what_runs(engine: Engine, tmp_path: Path) -> None:
    for name in ("web-a", "web-b"):
        engine.run(name, *service_labels(name))
    with serving(engine.url, tmp_path / "serve") as serve:
        serve.wait_for("web-a", status="running")
        serve.wait_for("web-b", status="running")
        program = Path(sys.executable).with_name("orchestrator")
        script = f"""
            eval "$(_ORCHESTRATOR_COMPLETE=bash_source {program})"
            COMP_WORDS=({program} restart web-a we) COMP_CWORD=3
            _orchestrator_completion {program}
            echo "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(
            ["bash", "--norc", "-c", script],
            env=os.environ | {"ORCHESTRATOR_SERVER": f"127.0.0.1:{port_in(serve.log)}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout.split()) == (0, ["web-b"]), done
