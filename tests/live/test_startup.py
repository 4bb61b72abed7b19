"""A chain of real containers comes up in its order and goes down in reverse: as asked for, or after an outage."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tests.live.engines import Engine, wait_until
from tests.live.events import EventLog
from tests.live.serve import HEAL_TIMEOUT, Serve, service_labels, serving
from tests.live.test_commands import orchestrator
from tests.live.ward import DEATHS

CHAIN: Final = ("postgres", "backend", "gateway", "frontend")
"""Each requires the one before."""
SLOW: Final = ("sh", "-c", "sleep 1; exec /srv/serve")
CHAIN_TIMEOUT: Final = 4 * HEAL_TIMEOUT
PROJECT: Final = "--label=com.docker.compose.project=shop"


def create_chain(engine: Engine) -> dict[str, str]:
    """Created and not started; full ids by name."""
    needs = dict(zip(CHAIN[1:], CHAIN, strict=False))
    return {
        name: engine.create(
            name,
            *service_labels(name, requires=needs.get(name, ""), wants="", grace="20"),
            PROJECT,
            command=SLOW,
        )
        for name in CHAIN
    }


def moments(journal: EventLog, containers: Mapping[str, str], *actions: str) -> list[float]:
    """When the newest of these happened to each container, in the order of the chain, by the engine's own journal."""
    return [
        max(event.at for event in journal.seen if event.container_id == containers[name] and event.action in actions)
        for name in CHAIN
    ]


def came_up_in_order(journal: EventLog, containers: Mapping[str, str], starts: int = 1) -> bool:
    """Each start a warm-up after the one before; waits for the journal, which may tell of so many starts each late."""

    def heard(container: str) -> int:
        return sum(event.container_id == container and event.action == "start" for event in journal.seen)

    wait_until(lambda: min(map(heard, containers.values())) >= starts, CHAIN_TIMEOUT, f"{starts} starts of each")
    return all(later - earlier >= 1.0 for earlier, later in pairwise(moments(journal, containers, "start")))


def wait_until_seen(serve: Serve) -> None:
    """What was not looked at yet cannot be brought up."""
    for name in CHAIN:
        serve.wait_for(name, container_state="created")


def all_are(serve: Serve, status: str, names: Sequence[str] = CHAIN) -> bool:
    return all(serve.service(name).get("status") == status for name in names)


def told_of(done: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(done.stdout)["services"]}


def test_up_and_down_take_a_chain_in_its_order(engine: Engine, tmp_path: Path) -> None:
    containers = create_chain(engine)
    bystander = engine.run("bystander", *service_labels("bystander"))
    with serving(engine.url, tmp_path) as serve, engine.events() as journal:
        wait_until_seen(serve)
        serve.wait_for("bystander", status="running")
        assert {engine.state(container) for container in containers.values()} == {"created"}

        up = orchestrator(serve, "up", "--project=shop", "--json", "--timeout=120")
        assert up.returncode == 0, up
        assert {name: one["outcome"] for name, one in told_of(up).items()} == dict.fromkeys(CHAIN, "done")
        path = json.loads(up.stdout)["critical_path"]
        assert [step["name"] for step in path] == list(CHAIN)
        assert all(step["took_seconds"] >= 1.0 for step in path)
        assert came_up_in_order(journal, containers)

        left = orchestrator(serve, "down", "postgres")
        assert left.returncode == 1
        assert "postgres is required by backend, which runs on" in left.stdout
        assert serve.service("postgres")["status"] == "running"

        down = orchestrator(serve, "down", "--project=shop", "--timeout=120")
        assert down.returncode == 0, down
        assert "critical path: frontend" in down.stdout
        wait_until(  # Podman's stream tells of a death a little later
            lambda: {event.container_id for event in journal.seen if event.action in DEATHS} >= {*containers.values()},
            30,
            "the news of four deaths",
        )
        ends = moments(journal, containers, *DEATHS)
        assert ends == sorted(ends, reverse=True)
        assert {engine.state(container) for container in containers.values()} == {"exited"}
        assert engine.state(bystander) == "running"

        serve.kill()
        serve.start()
        serve.wait_for("bystander", status="running")
        wait_until(lambda: all_are(serve, "stopped"), HEAL_TIMEOUT, "what was taken down, stopped")
        time.sleep(1.5)
        assert {engine.state(container) for container in containers.values()} == {"exited"}

        again = orchestrator(serve, "up", "frontend", "--timeout=120")
        assert again.returncode == 0, again
        assert "critical path: postgres" in again.stdout
        assert came_up_in_order(journal, containers, starts=2)


def test_one_that_cannot_come_up_is_named_with_its_reason_and_all_that_wait_for_it(
    engine: Engine, tmp_path: Path
) -> None:
    create_chain(engine)
    with serving(engine.url, tmp_path) as serve:
        wait_until_seen(serve)
        serve.order("backend", "disable")
        up = orchestrator(serve, "up", "--timeout=120")
        assert up.returncode == 1, up
        assert "left: backend is disabled" in up.stdout
        assert "gateway is not healthy: waiting for backend" in up.stdout
        assert serve.service("postgres")["status"] == "running"


def test_after_an_outage_of_the_engine_a_chain_comes_up_in_its_order_and_none_has_failed(
    engine: Engine, tmp_path: Path
) -> None:
    containers = create_chain(engine)
    with serving(engine.url, tmp_path) as serve:
        wait_until_seen(serve)
        assert orchestrator(serve, "up", "--timeout=120").returncode == 0
        processes = [engine.pid(container) for container in containers.values()]
        engine.stop_daemon()
        serve.wait_for_engine(reachable=False)
        for process in processes:
            engine.kill(process)
        back = time.time()
        engine.start_daemon()
        with engine.events(since=back) as journal:
            serve.wait_for_engine(reachable=True)
            assert came_up_in_order(journal, containers)
            wait_until(lambda: all_are(serve, "running"), CHAIN_TIMEOUT, "the whole chain, running")
        for name in CHAIN:
            assert serve.service(name)["strikes"] == 0, serve.events(name)
