"""The native Redis and PostgreSQL probes against the real servers, beside ``pg_isready``."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.core.model import Verdict
from orchestrator.ports import Reading
from tests.live.servers import Postgres, Redis

NO_ANSWER = Reading(Verdict.FAIL, "no answer within 0.5 s")
REFUSED = Reading(Verdict.FAIL, "connection refused")
MANY_KEYS = 5000


@contextmanager
def new_folder() -> Iterator[Path]:
    """Not pytest's: its parents are closed to the user postgres."""
    path = Path(tempfile.mkdtemp(prefix="orchestrator-servers-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def folder() -> Iterator[Path]:
    with new_folder() as path:
        yield path


@pytest.fixture(scope="module")
def fresh_cluster() -> Iterator[Path]:
    """The data of a PostgreSQL that never ran; made once, because it takes seconds."""
    with new_folder() as path:
        cluster = Postgres(path)
        cluster.initialize()
        yield cluster.data


@pytest.fixture
def redis(folder: Path) -> Iterator[Redis]:
    server = Redis(folder)
    yield server
    server.end()


@pytest.fixture
def postgres(folder: Path, fresh_cluster: Path) -> Iterator[Postgres]:
    server = Postgres(folder)
    server.adopt(fresh_cluster)
    yield server
    server.end()


# --- Redis -----------------------------------------------------------------------------------------------------


def test_redis_runs_freezes_thaws_and_goes(redis: Redis) -> None:
    assert redis.ask() == REFUSED
    redis.start_and_wait()
    assert redis.ask() == Reading(Verdict.PASS, "PONG")
    redis.send(signal.SIGSTOP)
    assert redis.ask(timeout=0.5) == NO_ANSWER
    redis.send(signal.SIGCONT)
    assert redis.ask().verdict is Verdict.PASS
    redis.end()
    assert redis.ask() == REFUSED


def test_redis_that_wants_a_password_is_alive(redis: Redis) -> None:
    redis.start_and_wait("--requirepass", "secret")
    assert redis.ask() == Reading(Verdict.PASS, "answers: NOAUTH Authentication required.")


def test_redis_that_loads_its_data_is_not_ready(redis: Redis) -> None:
    redis.start_and_wait("--enable-debug-command", "yes")
    redis.tell(f"DEBUG POPULATE {MANY_KEYS}", "SAVE")
    redis.end()
    redis.start("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
    redis.ask_until(Verdict.FAIL, "LOADING")
    redis.ask_until(Verdict.PASS, "PONG")


def test_redis_that_cannot_save_fails_with_its_words(redis: Redis) -> None:
    saves = redis.folder / "saves"
    saves.mkdir()
    redis.start_and_wait("--save", "3600 1", "--dir", str(saves))
    saves.rmdir()
    redis.tell("SET key value", "BGSAVE")
    redis.ask_until(Verdict.FAIL, "MISCONF")


def test_redis_with_all_its_clients_fails_with_its_words(redis: Redis) -> None:
    redis.start_and_wait("--maxclients", "1")
    with redis.client():
        redis.ask_until(Verdict.FAIL, "max number of clients")
    redis.ask_until(Verdict.PASS)


# --- PostgreSQL --------------------------------------------------------------------------------------------------


def test_postgres_runs_freezes_thaws_and_goes_as_pg_isready_has_it(postgres: Postgres) -> None:
    assert (postgres.ask(), postgres.pg_isready()) == (REFUSED, 2)
    postgres.start_and_wait()
    assert (postgres.ask(), postgres.pg_isready()) == (Reading(Verdict.PASS, "accepting connections"), 0)
    postgres.send(signal.SIGSTOP)
    assert (postgres.ask(timeout=0.5), postgres.pg_isready()) == (NO_ANSWER, 2)
    postgres.send(signal.SIGCONT)
    assert (postgres.ask().verdict, postgres.pg_isready()) == (Verdict.PASS, 0)
    postgres.end()
    assert (postgres.ask(), postgres.pg_isready()) == (REFUSED, 2)


def test_postgres_that_is_starting_up_is_rejecting(postgres: Postgres) -> None:
    postgres.data.joinpath("recovery.signal").touch()
    postgres.start("restore_command=sleep 60")
    reading = postgres.ask_until(Verdict.FAIL, "starting up")
    assert reading.detail == "the database system is starting up"
    assert postgres.pg_isready() == 1


@pytest.mark.parametrize("method", ["scram-sha-256", "password", "reject"])
def test_postgres_that_does_not_let_us_in_is_accepting(postgres: Postgres, method: str) -> None:
    postgres.data.joinpath("pg_hba.conf").write_text(f"host all all 127.0.0.1/32 {method}\n")
    postgres.start_and_wait()
    assert (postgres.ask().verdict, postgres.pg_isready()) == (Verdict.PASS, 0)


def test_postgres_without_our_user_is_accepting(postgres: Postgres) -> None:
    postgres.start_and_wait()
    reading = postgres.ask(user="nobody")
    assert reading == Reading(Verdict.PASS, 'accepting connections (role "nobody" does not exist)')
    assert postgres.pg_isready("nobody") == 0


def test_postgres_with_all_its_connections_taken_is_accepting(postgres: Postgres) -> None:
    postgres.start_and_wait("max_connections=1", "superuser_reserved_connections=0", "max_wal_senders=0")
    session = postgres.session()
    try:
        reading = postgres.ask_until(Verdict.PASS, "too many clients")
        assert reading.verdict is Verdict.PASS
        assert postgres.pg_isready() == 0
    finally:
        session.terminate()
        session.wait()


@pytest.mark.parametrize("method", ["trust", "scram-sha-256"])
def test_postgres_has_nothing_to_log_about_us(postgres: Postgres, method: str) -> None:
    postgres.data.joinpath("pg_hba.conf").write_text(f"host all all 127.0.0.1/32 {method}\n")
    postgres.start_and_wait()
    before = postgres.log
    for _ in range(20):
        assert postgres.ask().verdict is Verdict.PASS
    time.sleep(0.3)
    assert postgres.log == before
