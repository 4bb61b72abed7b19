"""The recovery procedures on a real PostgreSQL and a real Redis that really have run full."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.data_image import DATA_IMAGE, import_data, start_postgres
from tests.live.engines import CommandFailed, wait_until
from tests.live.serve import service_labels
from tests.live.test_commands import orchestrator
from tests.live.ward import Ward, engine_of, lent, opened

HELPED = "Playbook helped"
READY_TIMEOUT = 90.0
HEAL_TIMEOUT = 90.0
PORT = "18481"
CONFIGURATION = """
services:
  redis: {cache_keys: ["cache:*"]}
playbooks:
  unnamed-cache:
    for: {services: [bare]}
    when: {texts: [OOM command not allowed]}
    steps: [purge, {hold: {for: 1h, why: nothing is configured as cache}}]
  reload:
    for: {services: [reloaded]}
    steps: [{signal: {signal: USR1, verify: 60s}}]
"""
WRITES = 'answer=$(redis-cli SET probe 1); echo "$answer"; [ "$answer" = OK ]'
"""A check as of a program that has to write: a PING is answered all the same."""
FILL = (
    "for i = 1, 200 do local reply = redis.pcall('SET', 'cache:' .. (ARGV[1] * 200 + i), string.rep('x', 2000)) "
    "if reply.err then return reply.err end end return 'not full yet'"
)
"""200 keys: within one script the server looks at its memory only at the beginning."""
REDIS = ("redis-server", "--save", "", "--protected-mode", "no", "--maxmemory", "4mb", "--maxmemory-policy",
         "noeviction")  # fmt: skip


@pytest.fixture(scope="module", params=["podman", "docker"])
def ward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("playbooks")
    (folder / "orchestrator.yaml").write_text(CONFIGURATION)
    with lent(engine_of(request, request.param)) as engine:
        import_data(engine)
        with opened(engine, folder) as ward:
            yield ward


def run(ward: Ward, service: str, *options: str, command: tuple[str, ...], **settings: str) -> str:
    unchecked = {"port": "", "health__http": "", "grace": "60"}
    labels = service_labels(service, **{**unchecked, **settings})
    return ward.engine.run(service, *labels, *options, command=command, image=DATA_IMAGE)


def run_redis(ward: Ward, service: str) -> str:
    """Running, and full of what is cache but for one key, by the server's own words."""
    container = run(ward, service, command=REDIS, port="6379", health__command=WRITES)
    ward.serve.wait_for(service, READY_TIMEOUT, status="running", container_id=container[:12])
    ward.engine.execute(container, "redis-cli", "SET", "state:orders", "42")
    answers = (ward.engine.execute(container, "redis-cli", "EVAL", FILL, "0", str(part)) for part in range(50))
    assert any(said.startswith("OOM command not allowed") for said in answers), "it never ran full"
    return container


def story(ward: Ward, service: str) -> list[str]:
    """What the newest incident tells of the service's playbook."""
    (listed, *_) = ward.serve.get(f"/incidents?service={service}")["incidents"]
    timeline = ward.serve.get(f"/incidents/{listed['id']}")["timeline"]
    return [entry["text"] for entry in timeline if entry["kind"] == "playbook" and entry["service"] == service]


def test_a_redis_at_its_limit_loses_what_is_cache_and_nothing_else(ward: Ward) -> None:
    container = run_redis(ward, "redis")
    helped = ward.serve.wait_for_event("redis", HELPED, timeout=HEAL_TIMEOUT)
    assert helped["cause"].startswith("redis-memory, step 1 of 2: verified")
    ward.serve.wait_for("redis", HEAL_TIMEOUT, status="running", failure_count=0)
    assert ward.engine.execute(container, "redis-cli", "GET", "state:orders") == "42"
    assert ward.engine.execute(container, "redis-cli", "--scan", "--pattern", "cache:*") == ""
    assert len(ward.starts(container)) == 1, "it was not restarted"
    lines = story(ward, "redis")
    assert lines[0].startswith("Playbook started: redis-memory (2 steps)")
    assert "OOM command not allowed" in lines[0]
    assert lines[1] == "Playbook step: redis-memory, step 1 of 2: purge the cache of redis"


def test_without_a_word_of_what_is_cache_nothing_is_deleted(ward: Ward) -> None:
    container = run_redis(ward, "bare")
    skipped = ward.serve.wait_for_event("bare", "Playbook step did not help", timeout=HEAL_TIMEOUT)
    assert "no key of bare is configured as cache; name them in services.bare.cache_keys" in skipped["cause"]
    held = ward.serve.wait_for_event("bare", "Service held", timeout=HEAL_TIMEOUT)
    assert "by playbook unnamed-cache: nothing is configured as cache" in held["cause"]
    assert ward.engine.execute(container, "redis-cli", "GET", "state:orders") == "42"
    assert ward.engine.execute(container, "redis-cli", "GET", "cache:1") == "x" * 2000
    assert len(ward.starts(container)) == 1


def psql(ward: Ward, container: str, user: str, query: str) -> str:
    return ward.engine.execute(container, "psql", "-XAt", "-U", user, "-d", "postgres", "-c", query)


def test_idle_sessions_are_ended_when_the_database_has_no_connection_left(ward: Ward) -> None:
    """By a superuser, for whom the server keeps some: nobody else gets in any more."""
    settings = (f"port={PORT}", "max_connections=6", "superuser_reserved_connections=3", "fsync=off")
    container = run(
        ward, "postgres", "--network=host", f"--env=PGPORT={PORT}", command=start_postgres(*settings),
        port=PORT, health__postgres="postgres",
    )  # fmt: skip
    ward.serve.wait_for("postgres", READY_TIMEOUT, status="running", container_id=container[:12])
    psql(ward, container, "postgres", "CREATE ROLE app LOGIN")
    connect = f"psql -X -h 127.0.0.1 -p {PORT} -U app -d postgres"
    backend = run(
        ward, "backend", "--network=host", command=("sleep", "infinity"), requires="postgres", wants="",
        health__command=f'{connect} -c "SELECT 1"',
    )  # fmt: skip
    ward.serve.wait_for("backend", READY_TIMEOUT, status="running", container_id=backend[:12])
    client = f"for each in 1 2 3; do (sleep infinity | {connect}) & done; wait"
    ward.engine.run("client", "--network=host", command=("/bin/sh", "-c", client), image=DATA_IMAGE)
    wait_until(lambda: not lets_in(ward, container), READY_TIMEOUT, "a database without a connection to give")
    helped = ward.serve.wait_for_event("backend", HELPED, timeout=HEAL_TIMEOUT)
    assert helped["cause"].startswith("database-connections, step 1 of 2: verified")
    ward.serve.wait_for("backend", HEAL_TIMEOUT, status="running", failure_count=0)
    assert len(ward.starts(backend)) == len(ward.starts(container)) == 1, "neither was restarted"
    lines = story(ward, "backend")
    assert "FATAL:  remaining connection slots are reserved" in lines[0]
    assert lines[1].startswith("Playbook step: database-connections, step 1 of 2: exec in postgres: psql")


def lets_in(ward: Ward, container: str) -> bool:
    idle = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
    if int(psql(ward, container, "postgres", idle)) < 3:
        return True
    try:
        psql(ward, container, "app", "SELECT 1")
    except CommandFailed as error:
        assert "remaining connection slots are reserved" in str(error)
        return False
    return True


def test_a_playbook_is_looked_at_and_run_by_hand(ward: Ward) -> None:
    """A signal to a process that notes it: what was asked for is done, and what was looked at is not."""
    notes = "trap 'echo heard' USR1; while :; do sleep 0.2; done"
    container = ward.admit("reloaded", port="", health__http="", command=("sh", "-c", notes))
    look = orchestrator(ward.serve, "playbooks", "run", "reloaded", "reload", "--dry-run")
    assert look.returncode == 0, look
    assert "SIGUSR1 to reloaded" in look.stdout
    assert container[:12] in look.stdout
    assert "heard" not in ward.engine.logs(container)
    assert orchestrator(ward.serve, "playbooks", "run", "reloaded", "no-such").returncode == 1
    done = orchestrator(ward.serve, "playbooks", "run", "reloaded", "reload")
    assert done.returncode == 0, done
    wait_until(lambda: "heard" in ward.engine.logs(container), HEAL_TIMEOUT, "the signal")
    ward.serve.wait_for_event("reloaded", HELPED, timeout=HEAL_TIMEOUT)
    listed = orchestrator(ward.serve, "playbooks").stdout
    assert "unnamed-cache" in listed
    assert "the catalog" in listed
