"""Readiness through a real engine's absence: what ran on keeps it ready, what nobody saw does not."""

from __future__ import annotations

from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import Serve, service_labels, serving


def told(serve: Serve) -> tuple[int, str, str | None]:
    answer = serve.ask("GET", "/health/ready")
    return answer.status, answer.body["status"], answer.body["services"]["database"]


def wait_for(serve: Serve, expected: tuple[int, str, str | None]) -> None:
    try:
        wait_until(lambda: told(serve) == expected, 30.0, f"readiness {expected}")
    except TimeoutError as error:
        raise TimeoutError(f"{error}; it was {serve.ask('GET', '/health/ready')}") from None


def test_an_engine_that_is_away_makes_nothing_unready_that_was_seen_well(engine: Engine, tmp_path: Path) -> None:
    container = engine.run("postgres", *service_labels("postgres", category="infrastructure"))
    with serving(engine.url, tmp_path) as serve:
        wait_for(serve, (200, "ready", "healthy"))
        engine.crash_daemon()
        wait_for(serve, (200, "degraded", "unknown"))
        assert "Failed to connect" in serve.ask("GET", "/health/ready").body["detail"]

        serve.kill()
        serve.start()
        assert told(serve)[:2] == (503, "not_ready"), "what a dead process saw is not known to its successor"
        engine.start_daemon()
        wait_for(serve, (200, "ready", "healthy"))
        engine.switch(container, "sick")
        wait_until(lambda: told(serve)[0] == 503, 30.0, "a sick database that makes it unready")
