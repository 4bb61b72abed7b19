"""``serve`` reaches the engine only through a proxy that allows what ``docs/security.md`` lists, call by call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import HEAL_TIMEOUT, serving
from tests.live.socket_proxy import Rule, SocketProxy, documented
from tests.live.ward import Ward

COMMAND = {"health__http": "", "port": "", "health__command": "true"}
ENGINES_OWN = {"health__http": "", "port": ""}
CHECKED = ("--health-cmd=true", "--health-interval=1s")
UNTIL_PINGED = 60.0


TALKS = ("sh", "-c", "echo served; exec /srv/serve")


def everything(engine: Engine) -> tuple[Rule, ...]:
    podman = ("Podman's checks",) if engine.kind == "podman" else ()
    return needed(engine, "seeing", "healing", "evidence", "logs", "commands", *podman)


def needed(engine: Engine, *purposes: str) -> tuple[Rule, ...]:
    return documented(*purposes, *(("Podman's account",) if engine.kind == "podman" else ()))


@contextmanager
def guarded(
    engine: Engine, folder: Path, rules: Sequence[Rule], at: Path | None = None, **settings: str
) -> Iterator[tuple[Ward, SocketProxy]]:
    with (
        SocketProxy(engine.socket, rules, at) as proxy,
        serving(proxy.url, folder, health_check_interval="2", **settings) as serve,
        engine.events() as journal,
    ):
        serve.wait_for_engine(reachable=True)
        yield Ward(engine, serve, journal), proxy


def test_the_listed_calls_are_all_that_is_needed_and_none_is_superfluous(engine: Engine, tmp_path: Path) -> None:
    """Over TCP, where nothing but the engine can tell of processes: there the most is asked of it."""
    published = "--publish=127.0.0.1::8080"
    with guarded(engine, tmp_path, everything(engine)) as (ward, proxy):
        web = ward.admit("web", published, command=TALKS)
        ward.admit("commanded", **COMMAND)
        ward.admit("checked", *CHECKED, **ENGINES_OWN)

        engine.kill(web)
        ward.healed("web", web)
        engine.switch(web, "upset")
        ward.healed("web", web, starts=3, completed=2)
        ward.serve.order("web", "restart")
        ward.healed("web", web, starts=4, completed=3)
        ward.serve.order("web", "stop?wait=true")
        ward.serve.order("web", "start")
        ward.serve.wait_for("web", status="running")
        assert ward.serve.get("/services/web/logs?tail=1")["line"] == "served"
        assert proxy.refused == []
        not_now = {r"/v1\.[0-9]+/_ping", r"/v1\.[0-9]+/info"}
        assert set(proxy.unused) <= not_now, "see the tests of seeing alone, and of a local engine"


def test_what_is_listed_for_seeing_is_enough_to_observe(engine: Engine, tmp_path: Path) -> None:
    with guarded(engine, tmp_path, needed(engine, "seeing"), tmp_path / "e.sock", enabled="false") as (ward, proxy):
        web = ward.admit("web")
        engine.kill(web)
        ward.serve.wait_for("web", container_state="exited")
        wait_until(lambda: not proxy.unused, UNTIL_PINGED, "every listed call")
        assert len(ward.starts(web)) == 1
        assert proxy.refused == []


def test_without_commands_nothing_is_executed_and_nothing_is_missed(engine: Engine, tmp_path: Path) -> None:
    rules = needed(engine, "seeing", "healing", "evidence")
    with guarded(engine, tmp_path, rules, tmp_path / "e.sock") as (ward, proxy):
        web = ward.admit("web")
        engine.kill(web)
        ward.healed("web", web)
        assert proxy.refused == []
        wait_until(lambda: any(path.endswith("/info") for _, path in proxy.passed), HEAL_TIMEOUT, "a look at the host")
        assert not any("exec" in path for _, path in proxy.passed)


def test_without_evidence_everything_is_healed_and_what_is_missing_says_why(engine: Engine, tmp_path: Path) -> None:
    rules = needed(engine, "seeing", "healing")
    with guarded(engine, tmp_path, rules, tmp_path / "e.sock") as (ward, proxy):
        web = ward.admit("web")
        engine.kill(web)
        ward.healed("web", web)
        (log,) = [piece["log"] for piece in ward.evidence("web")]
        assert "docs/security.md" in log["unread"]
        assert any(path.endswith("/logs") for _, path in proxy.refused)


def test_a_check_that_is_refused_is_unknown_and_nothing_is_done(engine: Engine, tmp_path: Path) -> None:
    with guarded(engine, tmp_path, needed(engine, "seeing", "healing"), tmp_path / "e.sock") as (ward, proxy):
        container = ward.admit("commanded", status="starting", **COMMAND)
        wait_until(lambda: len(proxy.refused) >= 3, HEAL_TIMEOUT, "three checks that are refused")
        health = ward.serve.service("commanded")["health"]
        assert health["verdict"] == "unknown"
        assert "Request forbidden by administrative rules" in health["detail"]
        assert "docs/security.md" in health["detail"]
        assert len(ward.starts(container)) == 1


def test_a_restart_that_is_refused_failed_in_the_proxy_s_words(engine: Engine, tmp_path: Path) -> None:
    seeing = needed(engine, "seeing")
    with guarded(engine, tmp_path, seeing, tmp_path / "e.sock") as (ward, _):
        web = ward.admit("web")
        ward.serve.order("web", "restart")
        cause = ward.serve.wait_for_event("web", "Restart failed")["cause"]
        assert "Request forbidden by administrative rules" in cause
        assert "docs/security.md" in cause
        assert len(ward.starts(web)) == 1


def test_a_proxy_that_refuses_everything_makes_the_engine_forbidden_and_nothing_is_done(
    engine: Engine, tmp_path: Path
) -> None:
    with guarded(engine, tmp_path, everything(engine), tmp_path / "e.sock") as (ward, proxy):
        web = ward.admit("web")
        with proxy.with_rules(()):
            error = ward.serve.wait_for_engine(reachable=False)["detail"]
            assert "the call is not let through (403" in error
            assert "docs/security.md" in error
            unseen = ward.serve.service("web")
            assert (unseen["status"], unseen["observed"]) == ("running", False)
            assert unseen["last_seen_at"] is not None
            assert ward.serve.get("/health")["services"] == {"total": 1, "healthy": 0, "unhealthy": 0, "unknown": 1}
            assert len(ward.starts(web)) == 1
        ward.serve.wait_for_engine(reachable=True)
        engine.kill(web)
        ward.healed("web", web)
