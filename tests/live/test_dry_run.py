"""``serve --dry-run`` on a real engine: everything is seen and told, and a proxy that counts finds no changing call."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import HEAL_TIMEOUT, Serve, serving
from tests.live.socket_proxy import Rule, SocketProxy
from tests.live.ward import Ward

EVERYTHING = tuple(Rule(method, r"/.*", frozenset()) for method in ("GET", "HEAD", "POST", "PUT", "DELETE"))
"""Nothing is refused: what does not come was not asked for."""
COMMAND = {"health__http": "", "port": "", "health__command": "test ! -e /switch/sick"}


@contextmanager
def dry_run(engine: Engine, folder: Path) -> Iterator[tuple[Ward, SocketProxy]]:
    with (
        SocketProxy(engine.socket, EVERYTHING, folder / "e.sock") as proxy,
        serving(proxy.url, folder, health_check_interval="2", dry_run="true") as serve,
        engine.events() as journal,
    ):
        serve.wait_for_engine(reachable=True)
        yield Ward(engine, serve, journal), proxy


def orchestrator(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def changing(proxy: SocketProxy) -> list[tuple[str, str]]:
    """A health command is run as it was configured: it asks, and is the one thing that is run."""
    return [(method, path) for method, path in proxy.passed if method not in ("GET", "HEAD") and "/exec" not in path]


def test_containers_die_and_freeze_and_people_ask_and_nothing_is_changed(engine: Engine, tmp_path: Path) -> None:
    with dry_run(engine, tmp_path) as (ward, proxy):
        dead, frozen = ward.admit("dead"), ward.admit("frozen")
        commanded = ward.admit("commanded", **COMMAND)
        child = ward.admit("child", requires="dead")
        first_process = engine.pid(frozen)

        engine.kill(dead)
        engine.freeze(frozen)
        engine.switch(commanded, "sick")
        ward.serve.wait_for_event("dead", "Would start")
        ward.serve.wait_for_event("frozen", "Would restart")
        ward.serve.wait_for_event("commanded", "Would restart")
        people_are_refused(ward.serve)
        engine.kill(child)
        ward.serve.wait_for("child", container_state="exited")
        wait_until(lambda: "waiting for dead" in ward.serve.service("child")["reason"], HEAL_TIMEOUT, "a reason")

        assert changing(proxy) == []
        assert any("/exec" in path for _, path in proxy.passed), "the health command was asked"
        assert [engine.state(one) for one in (dead, child)] == ["exited", "exited"]
        assert engine.pid(frozen) == first_process
        assert all(len(ward.starts(one)) == 1 for one in (dead, frozen, commanded, child))
        would = [message for name in ("dead", "frozen", "commanded", "child") for message in ward.serve.told(name)]
        assert sorted(one for one in would if one.startswith("Would")) == [
            "Would restart",
            "Would restart",
            "Would start",
        ]
        assert all(ward.serve.service(one)["restart_count"] == 0 for one in ("dead", "frozen", "commanded"))
        everybody_is_told(ward.serve)
    recorded_and_replayed(tmp_path)


def people_are_refused(serve: Serve) -> None:
    for verb in ("restart", "stop", "start"):
        answer = serve.ask("POST", f"/services/frozen/{verb}")
        assert (answer.status, answer.body["code"]) == (409, "dry_run"), answer
    asked = serve.post("/up?name=dead")["services"]
    assert [(one["name"], one["code"]) for one in asked] == [("dead", "dry_run")]


def everybody_is_told(serve: Serve) -> None:
    assert serve.get("/health/full")["dry_run"] is True
    assert "Dry run: what would be done is told, and nothing is changed" in serve.log
    server = f"--server=127.0.0.1:{serve.port}"
    assert "Dry run: " in orchestrator("ps", server).stderr
    explained = orchestrator("explain", "dead", server).stdout
    assert "dry run, would start: exited with code 137 (SIGKILL)" in explained.splitlines()[0]
    assert "Would start" in explained


def recorded_and_replayed(folder: Path) -> None:
    """Of a dry run, too: a policy can be tried on what was only watched."""
    recording = str(folder / "state.decisions.jsonl")
    same = orchestrator("replay", recording)
    assert same.returncode == 0, same
    assert "Nothing would have differed." in same.stdout
    patient = orchestrator("replay", recording, "--set", "recovery.backoff_base=30s")
    assert patient.returncode == 1, patient
    assert re.search(r"frozen +would restart [0-9.]+ s later", patient.stdout), patient
