"""``orchestrator doctor`` as a user runs it: real engines, real sockets, a real Redis, with and without ``serve``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.engines import Engine
from tests.live.serve import service_labels, serving
from tests.live.servers import Redis, free_port

NOBODY = 65534
# It may read everything, for the interpreter can lie in a closed home: it is writing to the socket that is refused.
READING = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search")
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *READING)


class Told:
    """What it printed with ``--json``, by level."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert "Traceback" not in done.stderr, done.stderr
        self.code = done.returncode
        self.document = json.loads(done.stdout)

    def of(self, level: str, thing: str) -> str:
        """The only finding of that level about that thing, in words."""
        found = [each for each in self.document["findings"] if each["level"] == level and each["thing"] == thing]
        assert len(found) == 1, self.document
        return f"{found[0]['fact']}. {found[0]['remedy']}"

    def things(self, level: str) -> set[str]:
        return {each["thing"] for each in self.document["findings"] if each["level"] == level}


def doctor(folder: Path, *options: str, under: tuple[str, ...] = (), **settings: str) -> Told:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "DOCKER_"))}
    set_here = {"STATE": str(folder / "state.db"), "SERVER": f"http://127.0.0.1:{free_port()}", **settings}
    done = subprocess.run(
        [*under, sys.executable, "-m", "orchestrator", "doctor", "--json", *options],
        env=kept | {f"ORCHESTRATOR_{name}": value for name, value in set_here.items()},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Told(done)


# --- through the engine -------------------------------------------------------------------------------------


def test_a_stack_without_fault_is_told_so_and_is_exit_code_0(engine: Engine, tmp_path: Path) -> None:
    engine.run("well", *service_labels("well"))

    told = doctor(tmp_path, f"--endpoint={engine.url}")

    assert (told.code, told.things("failed")) == (0, set()), told.document
    assert f"{engine.kind.capitalize()} " in told.of("ok", f"engine {engine.url}")
    assert "1 of 1 that were asked pass: well" in told.of("ok", "checks")


def test_a_name_that_matches_nothing_is_told_with_the_label_to_set(engine: Engine, tmp_path: Path) -> None:
    engine.run("redis-cache")

    told = doctor(tmp_path, f"--endpoint={engine.url}")

    words = told.of("warning", f"container {engine.full_name('redis-cache')}")
    assert "it looks like redis and is not taken for it" in words
    assert "orchestrator.service=redis" in words


def test_two_containers_for_one_service_are_told(engine: Engine, tmp_path: Path) -> None:
    engine.run("a-loki-1", "--env=PORT=3100")
    engine.run("b-loki-1", "--env=PORT=3100")

    told = doctor(tmp_path, f"--endpoint={engine.url}")

    words = told.of("warning", "containers")
    assert "two containers for service loki" in words
    assert engine.full_name("a-loki-1") in words


def test_a_port_nobody_listens_on_is_told_with_the_one_that_is_meant(engine: Engine, tmp_path: Path) -> None:
    engine.run("web", *service_labels("web", port="9999", grace="0"))

    told = doctor(tmp_path, f"--endpoint={engine.url}")

    assert told.code == 1
    words = told.of("failed", "service web")
    assert "nobody listens on port 9999 in the container, which listens on 8080" in words
    assert "orchestrator.port=8080" in words


def test_a_published_port_behind_which_nobody_listens_is_told(engine: Engine, tmp_path: Path) -> None:
    engine.run("web", *service_labels("web", port="9999", grace="0"), "--publish=127.0.0.1::9999")

    told = doctor(tmp_path, f"--endpoint={engine.url}")

    assert "nobody listens on port 9999 in the container, which listens on 8080" in told.of("failed", "service web")


def test_a_command_that_the_image_lacks_is_told(engine: Engine, tmp_path: Path) -> None:
    command = service_labels("web", health__http="", health__command="no-such-program", grace="0")
    engine.run("web", *command)

    told = doctor(tmp_path, f"--endpoint={engine.url}")

    words = told.of("failed", "service web")
    assert "exit code 127" in words
    assert "health.http" in words, words


def test_a_check_that_only_takes_long_is_told_apart_from_one_that_fails(engine: Engine, tmp_path: Path) -> None:
    slow = engine.run("slow", *service_labels("slow", health__timeout="0.5", grace="0"))
    engine.switch(slow, "slow", "1.5")

    told = doctor(tmp_path, f"--endpoint={engine.url}")

    assert "its check passes after" in told.of("failed", "service slow")


def test_an_engine_that_hangs_ends_it_all_the_same(engine: Engine, tmp_path: Path) -> None:
    engine.freeze_daemon()
    try:
        told = doctor(tmp_path, f"--endpoint={engine.url}")
    finally:
        engine.thaw_daemon()

    assert told.code == 1
    assert "did not answer within" in told.of("failed", f"engine {engine.url}")


# --- with a running orchestrator ----------------------------------------------------------------------------


def test_a_running_orchestrator_says_what_it_waits_for_and_whom_it_left_alone(engine: Engine, tmp_path: Path) -> None:
    engine.run("idle", *service_labels("idle", health__timeout="1"))
    sick = engine.run(
        "sick", *service_labels("sick", health__timeout="1", recovery__backoff_base="300", recovery__backoff_max="300")
    )
    with serving(engine.url, tmp_path / "serve") as serve:
        serve.wait_for("idle", status="running")
        serve.wait_for("sick", status="running")
        serve.order("idle", "disable")
        engine.switch(sick, "sick")
        serve.wait_for("sick", status="unhealthy")

        told = doctor(
            tmp_path,
            f"--endpoint={engine.url}",
            f"--server=http://127.0.0.1:{serve.port}",
            f"--state={serve.state}",
        )
        untold = doctor(tmp_path, f"--server=http://127.0.0.1:{serve.port}", STATE="")

    address = f"orchestrator http://127.0.0.1:{serve.port}"
    assert address not in told.things("failed") | told.things("warning"), told.document
    assert "in use by process" in told.of("ok", f"state file {serve.state}")
    assert "orchestrator enable idle" in told.of("warning", "service idle")
    assert "s remaining" in told.of("warning", "service sick")
    assert f"{engine.kind.capitalize()} " in untold.of("ok", f"engine {engine.url}"), "the one that is served"
    assert "in use by process" in untold.of("ok", f"state file {serve.state}")


def test_what_was_disabled_is_told_when_nobody_serves_any_more(engine: Engine, tmp_path: Path) -> None:
    engine.run("idle", *service_labels("idle", health__timeout="1"))
    with serving(engine.url, tmp_path / "serve") as serve:
        serve.wait_for("idle", status="running")
        serve.order("idle", "disable")
        serve.stop()

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "serve").glob("state.db*")}
    told = doctor(tmp_path, f"--endpoint={engine.url}", f"--state={serve.state}")

    assert "orchestrator enable idle" in told.of("warning", "service idle")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "serve").glob("state.db*")} == before


# --- without --------------------------------------------------------------------------------------------------


def test_no_engine_is_told_with_how_to_start_one(tmp_path: Path) -> None:
    told = doctor(tmp_path, f"--endpoint=unix://{tmp_path}/none.sock")
    assert told.code == 1
    words = told.of("failed", f"engine unix://{tmp_path}/none.sock")
    assert "there is no such socket. Start the engine there" in words


def test_a_socket_without_permission_is_told_with_who_has_it(engine: Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    told = doctor(tmp_path, f"--endpoint={engine.url}", under=AS_NOBODY)
    words = told.of("failed", f"engine {engine.url}")
    assert "permission denied" in words
    assert "Run as root" in words or "usermod -aG" in words


def test_a_port_that_another_program_has_is_told_with_its_process(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "--bind=127.0.0.1", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().split(" port ")[1].split()[0]
        told = doctor(tmp_path, f"--server=http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.communicate()
    words = told.of("failed", f"orchestrator http://127.0.0.1:{port}")
    assert "it is no orchestrator" in words
    assert f"process {server.pid} (" in words


# --- Redis --------------------------------------------------------------------------------------------------


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = Redis(folder)
    yield server
    server.end()


def of_redis(folder: Path, server: Redis, credentials: str = "") -> str:
    told = doctor(folder, REDIS_URL=f"redis://{credentials}127.0.0.1:{server.port}/0")
    return told.of("failed", f"Redis redis://127.0.0.1:{server.port}/0")


def test_a_redis_that_refuses_is_told(tmp_path: Path, redis: Redis) -> None:
    assert "it cannot be reached" in of_redis(tmp_path, redis)


def test_a_wrong_password_of_redis_is_told_and_never_shown(tmp_path: Path, redis: Redis) -> None:
    redis.start_and_wait("--requirepass", "right")
    words = of_redis(tmp_path, redis, ":wrong@")
    assert "it refuses user or password" in words
    assert "wrong@" not in words


def test_a_full_redis_is_told_without_writing_to_it(tmp_path: Path, redis: Redis) -> None:
    redis.start_and_wait("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    assert "its memory is full" in of_redis(tmp_path, redis)


def test_a_replica_is_told(tmp_path: Path, redis: Redis) -> None:
    redis.start_and_wait("--replicaof", "127.0.0.1", str(free_port()))
    assert "read-only replica" in of_redis(tmp_path, redis)


def test_a_redis_that_does_well_is_left_as_it_was(tmp_path: Path, redis: Redis) -> None:
    redis.start_and_wait()
    told = doctor(tmp_path, REDIS_URL=f"redis://127.0.0.1:{redis.port}/0")
    assert "can be read and written" in told.of("ok", f"Redis redis://127.0.0.1:{redis.port}/0")
    assert redis.tell("DBSIZE").strip() == ":0"
