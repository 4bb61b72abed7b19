"""The Redis store against real servers: the contract, and every way in which a server fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.stores import lease
from orchestrator.adapters.stores.redis import LEASE, RedisStore
from orchestrator.core.model import Verdict
from orchestrator.errors import StoreInUse, StoreUnavailable
from orchestrator.ports import StateStore
from tests.adapters.stores.contract import DB, WEB, StateStoreContract, event, incident, numbers, sequences
from tests.live.engines import wait_until
from tests.live.podman import Podman
from tests.live.serve import HEAL_TIMEOUT, Serve, service_labels, serving
from tests.live.servers import Redis

Story = Callable[[RedisStore], Awaitable[None]]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.end()


def url(server: Redis, credentials: str = "", database: int = 0) -> str:
    return f"redis://{credentials}127.0.0.1:{server.port}/{database}"


def play(story: Story, address: str) -> None:
    async def played() -> None:
        store = RedisStore(address)
        try:
            async with asyncio.timeout(60):
                await story(store)
        finally:
            with contextlib.suppress(StoreUnavailable):
                await store.close()

    asyncio.run(played())


class TestRedisStore(StateStoreContract):
    @pytest.fixture(autouse=True)
    def medium(self, redis: Redis) -> None:
        redis.start_and_wait()
        self.address = url(redis, database=3)

    def make(self) -> StateStore:
        return RedisStore(self.address)


def test_keys_are_in_the_database_that_was_named(redis: Redis) -> None:
    redis.start_and_wait()

    async def story(store: RedisStore) -> None:
        await store.open()
        await store.write({"web": WEB}, [event(1)])

    play(story, url(redis, database=2))
    assert redis.tell("EXISTS orchestrator:service:web:state").strip() == ":0"
    assert redis.tell("SELECT 2", "EXISTS orchestrator:service:web:state").strip() == ":1"
    assert redis.tell("SELECT 2", f"EXISTS {LEASE}").strip() == ":0", "given back"


def test_a_unix_socket_serves_too(redis: Redis) -> None:
    path = redis.folder / "redis.sock"
    redis.start_and_wait("--unixsocket", str(path))

    async def story(store: RedisStore) -> None:
        await store.open()
        await store.write({"web": WEB}, [])
        assert (await store.open()).services == {"web": WEB}

    play(story, f"unix://{path}?db=1")


def test_a_server_that_is_away_hangs_and_comes_back_is_said_and_used_again(redis: Redis) -> None:
    async def story(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable, match=r"cannot be reached.*Start it"):
            await store.open()
        await asyncio.to_thread(redis.start_and_wait)
        await store.open()
        await store.write({"web": WEB}, [event(1)])
        redis.send(signal.SIGSTOP)
        with pytest.raises(StoreUnavailable, match="does not answer in time"):
            await store.write({"web": DB}, [event(2)])
        redis.send(signal.SIGCONT)
        await store.open()
        await store.write({"web": DB}, [event(2)])
        assert sequences(await store.events(9)) == [2, 1]

    play(story, url(redis))


@pytest.mark.parametrize("loss", ["flushed", "restarted"])
def test_a_server_that_lost_everything_is_read_anew_before_it_is_written_to(redis: Redis, loss: str) -> None:
    redis.start_and_wait()

    async def story(store: RedisStore) -> None:
        await store.open()
        await store.write({"web": WEB}, [event(1)])
        if loss == "flushed":
            redis.tell("FLUSHALL")
        else:
            redis.end()
            await asyncio.to_thread(redis.start_and_wait)
        with pytest.raises(StoreUnavailable):
            await store.write({"db": DB}, [])
        assert (await store.open()).services == {}
        await store.write({"web": WEB, "db": DB}, [event(1)])
        assert (await store.open()).services == {"web": WEB, "db": DB}

    play(story, url(redis))


def test_a_full_server_refuses_the_whole_batch_and_is_read(redis: Redis) -> None:
    redis.start_and_wait("--maxmemory-policy", "noeviction")

    async def story(store: RedisStore) -> None:
        await store.open()
        await store.write({"web": WEB}, [event(1)])
        redis.tell("CONFIG SET maxmemory 1")
        with pytest.raises(StoreUnavailable, match=r"memory is full.*Raise maxmemory"):
            await store.write({"web": DB}, [event(2)])
        assert (await store.open()).services == {"web": WEB}
        redis.tell(f"DEL {LEASE}")
        kept = await store.open()
        assert (kept.services, "nothing can be written" in kept.notice) == ({"web": WEB}, True)
        redis.tell("CONFIG SET maxmemory 0")
        await store.open()
        await store.write({"web": DB}, [event(2)])
        assert sequences(await store.events(9)) == [2, 1]

    play(story, url(redis))


def test_a_replica_is_read_and_never_written_to(redis: Redis) -> None:
    redis.start_and_wait()

    async def story(store: RedisStore) -> None:
        await store.open()
        await store.write({"web": WEB}, [event(1)])
        redis.tell("REPLICAOF 127.0.0.1 1")
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"read-only replica.*Name the primary"):
                await store.write({"web": DB}, [])
            assert (await store.open()).services == {"web": WEB}
        redis.tell("REPLICAOF NO ONE")
        await store.open()
        await store.write({"web": DB}, [])

    play(story, url(redis))


def test_a_wrong_password_is_said_and_not_shown(redis: Redis) -> None:
    redis.start("--requirepass", "right")
    redis.ask_until(Verdict.PASS, "NOAUTH")

    async def story(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable, match="refuses user or password") as caught:
            await store.open()
        assert "hush" not in f"{caught.value} {store.location}"

    play(story, url(redis, ":hush@"))

    async def right(store: RedisStore) -> None:
        await store.open()
        assert "right" not in store.location

    play(right, url(redis, ":right@"))


RIGHTS = (
    "resetkeys ~orchestrator:* -@all +select +get +set +mset +mget +del +pexpire +pttl +sadd +srem +smembers "
    "+xadd +xrevrange +xinfo|stream +watch +unwatch +multi +exec +discard"
)
"""As in docs/configuration.md."""


def test_the_documented_rights_suffice_and_a_missing_one_is_named(redis: Redis) -> None:
    assert RIGHTS in " ".join((Path(__file__).parents[2] / "docs/configuration.md").read_text().split())
    redis.start_and_wait()
    redis.tell(f"ACL SETUSER keeper on >hush {RIGHTS}")

    async def story(store: RedisStore) -> None:
        await store.open()
        told = [incident(1), incident(2, "closed")]
        await store.write({"web": WEB, "db": None}, [event(1)], incidents=told, histories={"web": WEB, "db": None})
        assert sequences(await store.events(9, service="web")) == [1]
        assert numbers(await store.incidents(9)) == [2, 1]
        assert await store.incident(2) == incident(2, "closed")
        redis.tell("ACL SETUSER keeper -xadd")
        with pytest.raises(StoreUnavailable, match=r"lacks a right.*xadd"):
            await store.write({"web": DB}, [event(2)])
        assert (await store.open()).services == {"web": WEB}, "the whole batch was refused"

    play(story, url(redis, "keeper:hush@", 1))


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def test_tls_is_verified_against_the_authority_that_was_named(redis: Redis) -> None:
    folder = redis.folder
    for name in ("authority", "stranger"):
        subject = ("-subj", f"/CN={name}", "-days", "2")
        openssl(
            folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", name, *subject
        )
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "request", "-subj", "/CN=redis")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    signing = ("-CA", "authority", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl(folder, "x509", "-req", "-in", "request", "-out", "certificate", *signing)
    files = ("--tls-cert-file", "certificate", "--tls-key-file", "key", "--tls-ca-cert-file", "authority")
    plain_port = redis.port
    tls_port = Redis(folder).port
    redis.start_and_wait("--tls-port", str(tls_port), "--tls-auth-clients", "no", *files)
    assert plain_port != tls_port

    async def story(store: RedisStore) -> None:
        await store.open()
        await store.write({"web": WEB}, [])

    play(story, f"rediss://127.0.0.1:{tls_port}/0?ssl_ca_certs={folder / 'authority'}")

    async def distrust(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable, match="certificate"):
            await store.open()

    play(distrust, f"rediss://127.0.0.1:{tls_port}/0?ssl_ca_certs={folder / 'stranger'}")


# --- two orchestrators -----------------------------------------------------------------------------------------


def test_a_living_owner_keeps_the_second_out_and_lets_it_in_when_it_closes(redis: Redis) -> None:
    redis.start_and_wait()

    async def story(first: RedisStore) -> None:
        await first.open()

        async def beat() -> None:
            while True:
                await first.write({}, [])
                await asyncio.sleep(0.5)

        beating = asyncio.create_task(beat())
        second = RedisStore(url(redis))
        with pytest.raises(StoreInUse, match=f"process {os.getpid()} on"):
            await second.open()
        beating.cancel()
        await asyncio.wait({beating})
        await first.close()
        await second.open()
        await second.close()

    play(story, url(redis))


def test_who_lost_the_lease_writes_nothing(redis: Redis) -> None:
    redis.start_and_wait()

    async def story(first: RedisStore) -> None:
        await first.open()
        redis.tell(f"DEL {LEASE}")
        second = RedisStore(url(redis))
        await second.open()
        await second.write({"web": WEB}, [event(1)])
        with pytest.raises(StoreInUse):
            await first.write({"web": DB}, [event(1)])
        await first.close()
        await second.write({"db": DB}, [])
        assert (await second.open()).services == {"web": WEB, "db": DB}
        await second.close()

    play(story, url(redis))


def test_the_lease_of_a_killed_process_of_this_machine_is_taken_at_once(redis: Redis) -> None:
    redis.start_and_wait()
    program = (
        "import asyncio, os, signal, sys\n"
        "from orchestrator.adapters.stores.redis import RedisStore\n"
        "asyncio.run(RedisStore(sys.argv[1]).open())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, url(redis)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert redis.tell(f"EXISTS {LEASE}").strip() == ":1"

    async def story(store: RedisStore) -> None:
        async with asyncio.timeout(lease.OBSERVED):
            await store.open()
        await store.write({"web": WEB}, [])

    play(story, url(redis))


def test_the_lease_of_an_owner_elsewhere_that_went_silent_is_taken_when_it_ends(redis: Redis) -> None:
    redis.start_and_wait()
    redis.tell(f'SET {LEASE} "elsewhere 1 other-boot 0" PX {lease.LIFETIME}')

    async def story(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable, match=r"process 1 on elsewhere.*taken over in") as caught:
            await store.open()
        assert not isinstance(caught.value, StoreInUse)
        while True:
            try:
                await store.open()
            except StoreUnavailable:
                continue
            break
        await store.write({"web": WEB}, [])

    play(story, url(redis))


# --- serve -----------------------------------------------------------------------------------------------------


def wait_for_store(serve: Serve, *, healthy: bool, words: str = "") -> None:
    def arrived() -> bool:
        store = serve.get("/health/full")["store"]
        return store["healthy"] is healthy and words in store["detail"]

    wait_until(arrived, 60, f"a store with healthy={healthy} {words}")


def test_serve_heals_while_redis_is_away_hangs_or_is_flushed_and_writes_back(podman: Podman, redis: Redis) -> None:
    with serving(podman.url, redis.folder / "serve", redis_url=url(redis, ":hush@")) as serve:
        container = podman.run("web", *service_labels("web"))
        serve.wait_for("web", status="running")
        wait_for_store(serve, healthy=False, words="cannot be reached")
        podman.kill(container)
        serve.wait_for_event("web", "Restart completed")

        redis.start("--requirepass", "hush")
        wait_for_store(serve, healthy=True)
        redis.tell("AUTH hush", "FLUSHALL")
        wait_until(lambda: redis.tell("AUTH hush", "EXISTS orchestrator:service:web:state").strip() == ":1", 60, "web")

        redis.send(signal.SIGSTOP)
        wait_for_store(serve, healthy=False, words="does not answer in time")
        podman.kill(container)
        serve.wait_for_event("web", "Restart completed", 2, HEAL_TIMEOUT)
        redis.send(signal.SIGCONT)
        wait_for_store(serve, healthy=True)

        serve.order("web", "disable")
        wait_until(lambda: serve.get("/health/full")["store"]["pending_writes"] == 0, 60, "everything written")
        serve.kill()
        serve.start()
        serve.wait_for("web", status="disabled")
        assert "hush" not in serve.log
        assert "hush" not in str(serve.get("/health/full"))
        assert not serve.state.exists()
