"""What a real engine tells of dependencies, and that a dependent waits for its cause."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import service_labels, serving
from tests.live.ward import SECOND_THOUGHTS, opened


def test_a_container_in_anothers_network_requires_it(engine: Engine, tmp_path: Path) -> None:
    engine.run("owner", *service_labels("owner"))
    engine.run(
        "guest",
        *service_labels("guest", port="8081"),
        "--env=PORT=8081",
        f"--network=container:{engine.full_name('owner')}",
    )

    with serving(engine.url, tmp_path) as serve:
        serve.wait_for("guest", requires=["owner"], status="running")


def test_a_dependent_is_held_while_its_dependency_is_down_and_started_when_it_is_back(
    engine: Engine, tmp_path: Path
) -> None:
    db = engine.run("db", *service_labels("db", recovery__max_failures="1"))
    api = engine.run("api", *service_labels("api", requires="db"))

    with serving(engine.url, tmp_path) as serve:
        serve.wait_for("db", status="running")
        serve.wait_for("api", status="running")
        engine.kill(db)
        serve.wait_for("db", status="disabled")
        engine.kill(api)
        held = serve.wait_for("api", status="stopped", waiting_on=["db"])
        assert (held["failure_count"], held["retry_at"]) == (0, None)

        serve.order("db", "enable")

        serve.wait_for("db", status="running")
        back = serve.wait_for("api", status="running")
        assert (back["restart_count"], back["strikes"]) == (1, 0)
        wait_until(lambda: engine.state(api) == "running", 5, "the api's container runs")


def test_a_frozen_dependency_is_restarted_and_those_that_fail_because_of_it_are_not(
    engine: Engine, tmp_path: Path
) -> None:
    """Both dependents fail their checks sooner than the frozen one, whose own check has to time out first."""
    with opened(engine, tmp_path) as ward:
        postgres = ward.admit("postgres", "--network=host", "--env=PORT=18471", port="18471", health__timeout="3")
        api = ward.admit("api", "--network=host", "--env=PORT=18472", requires="postgres", **_leaning_on(18471))
        web = ward.admit("web", "--network=host", "--env=PORT=18473", requires="api", **_leaning_on(18471))
        for service in ("postgres", "api", "web"):
            ward.serve.wait_for(service, status="running")

        engine.freeze(postgres)

        ward.healed("postgres", postgres)
        for service in ("api", "web"):
            ward.serve.wait_for(service, status="running", failure_count=0)
            ward.serve.wait_for_event(service, "Service recovered")
        time.sleep(SECOND_THOUGHTS)
        for service, container in (("api", api), ("web", web)):
            assert len(ward.starts(container)) == 1, ward.serve.told(service)
            assert ward.serve.service(service)["strikes"] == 0


def test_a_service_is_restarted_once_after_the_one_it_is_restarted_with(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        db = ward.admit("db")
        web = ward.admit("web", restart_with="db")

        engine.kill(db)

        ward.healed("db", db)
        ward.healed("web", web)
        assert ward.serve.service("web")["strikes"] == 0


def _leaning_on(port: int) -> Mapping[str, str]:
    """A service whose health is that of another one, which listens on the host's network."""
    question = f"printf 'GET /health HTTP/1.0\\r\\n\\r\\n' | nc -w 1 127.0.0.1 {port} | grep -q ' 200 '"
    return {"health__http": "", "health__command": question, "port": ""}
