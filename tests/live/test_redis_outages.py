"""``orchestrator serve`` with its state in a real Redis that fails in every way: it heals on, says so, writes back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.stores.redis import EVENTS, LEASE, state_key
from orchestrator.core.model import Verdict
from tests.live.engines import Engine, wait_until
from tests.live.podman import Podman
from tests.live.redis_image import PORT, REDIS_IMAGE, import_redis
from tests.live.serve import END_TIMEOUT, START_TIMEOUT, Serve, service_labels, serving
from tests.live.servers import Redis

MENDED_WITHIN = 60.0
"""Seconds: the store is tried every 30 at the least."""
PASSWORD = "right"
RELAPSED = "5"
"""Seconds of backoff, which a second death waits twice: long enough for another service to be healed meanwhile."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.end()


@pytest.fixture
def web(podman: Podman) -> str:
    return podman.run("web", *service_labels("web"))


def url(port: int, credentials: str = "") -> str:
    return f"redis://{credentials}127.0.0.1:{port}/0"


def store(serve: Serve) -> dict[str, Any]:
    found: dict[str, Any] = serve.get("/health/full")["store"]
    return found


def wait_for_store(serve: Serve, *, healthy: bool, words: tuple[str, ...] = ()) -> None:
    def arrived() -> bool:
        seen = store(serve)
        return seen["healthy"] is healthy and all(word in seen["detail"] for word in words)

    try:
        wait_until(arrived, MENDED_WITHIN, f"a store with healthy={healthy} {words}")
    except TimeoutError as error:
        raise TimeoutError(f"{error}; it was {store(serve)}") from None


def kept(server: Redis, service: str, login: str = "PING") -> dict[str, Any]:
    """The service's document there; empty: none."""
    _, _, text = server.tell(login, f"GET {state_key(service)}").partition("\r\n")
    return json.loads(text) if text else {}


def see_written(serve: Serve, server: Redis, login: str = "PING") -> None:
    """What memory knows is there: the service as it is, and the newest event."""
    wait_until(lambda: store(serve)["pending_writes"] == 0, MENDED_WITHIN, "everything written")
    assert kept(server, "web", login)["restart_count"] == serve.service("web")["restart_count"]
    newest = serve.get("/health/events?limit=1")["events"][0]["sequence"]
    assert f"{newest}-0" in server.tell(login, f"XREVRANGE {EVENTS} + - COUNT 1")


# --- Redis fails -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """What is done to the server while the orchestrator uses it, and undone."""

    harm: Callable[[Redis], object]
    mend: Callable[[Redis], object]
    words: tuple[str, ...]
    """The fact and the remedy."""
    credentials: str = ""


def told(*commands: str) -> Callable[[Redis], object]:
    return lambda server: server.tell(*commands)


FAILURES = {
    "away": Failure(
        lambda server: server.end(),
        lambda server: server.start_and_wait(),
        ("cannot be reached", "Start it, or correct ORCHESTRATOR_REDIS_URL"),
    ),
    "hung": Failure(
        lambda server: server.send(signal.SIGSTOP),
        lambda server: server.send(signal.SIGCONT),
        ("does not answer in time", "See whether it hangs"),
    ),
    "full": Failure(
        told("CONFIG SET maxmemory 1"),
        told("CONFIG SET maxmemory 0"),
        ("its memory is full (maxmemory)", "Raise maxmemory"),
    ),
    "a replica": Failure(
        told("REPLICAOF 127.0.0.1 1"),
        told("REPLICAOF NO ONE"),
        ("it is a read-only replica", "Name the primary"),
    ),
    "without the right to write": Failure(
        told("ACL SETUSER keeper -@write"),
        told("ACL SETUSER keeper +@write"),
        ("the user lacks a right", "docs/configuration.md"),
        "keeper:hush@",
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_while_redis_is_no_use_healing_goes_on_and_what_happened_is_written_afterwards(
    podman: Podman, web: str, redis: Redis, failure: Failure
) -> None:
    redis.start_and_wait("--maxmemory-policy", "noeviction")
    redis.tell("ACL SETUSER keeper on >hush ~* +@all")
    with serving(podman.url, redis.folder / "serve", redis_url=url(redis.port, failure.credentials)) as serve:
        serve.wait_for("web", status="running")
        wait_for_store(serve, healthy=True)
        failure.harm(redis)
        podman.kill(web)
        serve.wait_for_event("web", "Restart completed")
        wait_for_store(serve, healthy=False, words=failure.words)
        assert store(serve)["pending_writes"] > 0
        failure.mend(redis)
        wait_for_store(serve, healthy=True)
        see_written(serve, redis)
        assert "hush" not in f"{serve.log} {store(serve)}"


def start_nothing(_: Redis) -> None:
    return


def start_full(server: Redis) -> None:
    server.start_and_wait("--maxmemory", "1", "--maxmemory-policy", "noeviction")


def start_with_password(server: Redis) -> None:
    server.start("--requirepass", "another")
    server.ask_until(Verdict.PASS, "NOAUTH")


STARTS = {
    "away": Failure(start_nothing, lambda server: server.start_and_wait(), ("cannot be reached", "Start it")),
    "full": Failure(start_full, told("CONFIG SET maxmemory 0"), ("its memory is full (maxmemory)", "Raise maxmemory")),
    "refusing the password": Failure(
        start_with_password,
        told("AUTH another", f"CONFIG SET requirepass {PASSWORD}"),
        ("refuses user or password", "Correct both in ORCHESTRATOR_REDIS_URL"),
        f":{PASSWORD}@",
    ),
}


@pytest.mark.parametrize("failure", STARTS.values(), ids=STARTS)
def test_a_start_without_a_redis_of_use_heals_and_what_happened_is_written_afterwards(
    podman: Podman, web: str, redis: Redis, failure: Failure
) -> None:
    failure.harm(redis)
    with serving(podman.url, redis.folder / "serve", redis_url=url(redis.port, failure.credentials)) as serve:
        serve.wait_for("web", status="running")
        podman.kill(web)
        serve.wait_for_event("web", "Restart completed")
        wait_for_store(serve, healthy=False, words=failure.words)
        failure.mend(redis)
        wait_for_store(serve, healthy=True)
        see_written(serve, redis, f"AUTH {PASSWORD}" if failure.credentials else "PING")


def test_a_redis_that_was_flushed_gets_everything_again(podman: Podman, web: str, redis: Redis) -> None:
    redis.start_and_wait()
    with serving(podman.url, redis.folder / "serve", redis_url=url(redis.port)) as serve:
        serve.wait_for("web", status="running")
        wait_for_store(serve, healthy=True)
        wait_until(lambda: kept(redis, "web") != {}, MENDED_WITHIN, "a document of web")
        redis.tell("FLUSHALL")
        podman.kill(web)
        serve.wait_for_event("web", "Restart completed")
        wait_until(lambda: kept(redis, "web") != {}, MENDED_WITHIN, "a document of web again")
        see_written(serve, redis)
        assert "its lease was gone: it was flushed" in serve.log
        wait_for_store(serve, healthy=True)


# --- two orchestrators -----------------------------------------------------------------------------------------


def test_of_two_that_began_while_no_lease_could_be_taken_one_ends_when_it_can(podman: Podman, redis: Redis) -> None:
    start_full(redis)
    command = [sys.executable, "-m", "orchestrator", "serve", "--port=0", f"--endpoint={podman.url}"]
    environment = {"ORCHESTRATOR_REDIS_URL": url(redis.port), "PATH": "/usr/bin:/bin"}
    logs = [redis.folder / f"serve-{number}.log" for number in (1, 2)]
    both = []
    for log in logs:
        with log.open("wb") as sink:
            both.append(subprocess.Popen(command, env=environment, cwd=redis.folder, stdout=sink, stderr=sink))
    try:
        wait_until(lambda: all("memory is full" in log.read_text() for log in logs), START_TIMEOUT, "two full stores")
        assert [one.poll() for one in both] == [None, None], "a full Redis keeps nobody out"
        redis.tell("CONFIG SET maxmemory 0")
        wait_until(lambda: any(one.poll() is not None for one in both), MENDED_WITHIN, "an end of one of the two")
        ended = next(index for index, one in enumerate(both) if one.poll() is not None)
        stays = both[1 - ended]
        assert both[ended].returncode == 1
        assert f"another orchestrator (process {stays.pid} on" in logs[ended].read_text().splitlines()[-1]
        assert "Traceback" not in logs[ended].read_text()
        assert stays.poll() is None
        assert f" {stays.pid} " in redis.tell(f"GET {LEASE}")
    finally:
        for one in both:
            one.terminate()
            one.wait(END_TIMEOUT)


# --- Redis in a container that is healed -----------------------------------------------------------------------


def test_the_redis_that_keeps_the_state_is_healed_like_any_other_and_gets_it_back(
    engine: Engine, tmp_path: Path
) -> None:
    """Its second death waits for its turn, and another service is healed meanwhile. It comes back empty."""
    import_redis(engine)
    server = Redis(tmp_path)
    checked = {"port": str(PORT), "health__http": "", "health__redis": "true", "recovery__backoff_base": RELAPSED}
    labels = service_labels("redis", **checked)
    publish = f"--publish=127.0.0.1:{server.port}:{PORT}"
    container = engine.run("redis", *labels, publish, image=REDIS_IMAGE)
    web = engine.run("web", *service_labels("web"))
    server.ask_until(Verdict.PASS)
    with serving(engine.url, tmp_path / "serve", redis_url=url(server.port)) as serve:
        serve.wait_for("redis", status="running")
        serve.wait_for("web", status="running")
        wait_for_store(serve, healthy=True)
        engine.kill(container)
        serve.wait_for_event("redis", "Restart completed")
        wait_for_store(serve, healthy=True)

        engine.kill(container)
        wait_for_store(serve, healthy=False, words=("cannot be reached", "Start it"))
        engine.kill(web)
        serve.wait_for_event("web", "Restart completed")
        assert serve.told("redis").count("Restart completed") == 1, "healed without the store"

        serve.wait_for_event("redis", "Restart completed", 2)
        wait_for_store(serve, healthy=True)
        see_written(serve, server)
        assert kept(server, "redis")["restart_count"] == 2
