"""What a real engine tells of dependencies, and that a dependent waits for its cause."""

from __future__ import annotations

from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import service_labels, serving


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
