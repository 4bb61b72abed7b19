"""What a real engine tells of dependencies, and that a dependent waits for its cause."""

from __future__ import annotations

import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from scripts.image import IMAGE

from tests.live.engines import Engine, wait_until
from tests.live.podman import Podman
from tests.live.serve import Serve, service_labels, serving
from tests.live.ward import DEATHS, SECOND_THOUGHTS, Ward, opened


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
        wait_until(lambda: engine.state(api) == "running", 30, "the api's container runs")


def test_a_frozen_dependency_is_restarted_and_those_that_are_checked_through_it_are_not(
    engine: Engine, tmp_path: Path
) -> None:
    """Both dependents fail their checks sooner than the frozen one, whose own check has to time out first."""
    with opened(engine, tmp_path) as ward:
        postgres = ward.admit("postgres", *listening_on(18471), port="18471", health__timeout="3")
        ward.admit("api", *listening_on(18472), command=relay(18472, 18471), port="18472", requires="postgres")
        ward.admit("web", *listening_on(18473), command=relay(18473, 18472), port="18473", requires="api")
        frozen_at = time.time()

        engine.freeze(postgres)

        ward.healed("postgres", postgres)
        for service in ("api", "web"):
            ward.serve.wait_for_event(service, "Service recovered")
            ward.serve.wait_for(service, status="running", failure_count=0, strikes=0)
        time.sleep(SECOND_THOUGHTS)
        must_have_healed_alone(ward, postgres, frozen_at)
        recovered = [told_at(ward.serve, service, "Service recovered") for service in ("api", "web")]
        assert min(recovered) > ward.starts(postgres)[-1].at, "each came back because postgres did"


CHILDREN = 30
PATIENCE = 60.0
PATIENT = {"recovery__backoff_base": "15", "grace": "10"}
"""The parent is restarted after all its children have noticed, however slow the machine is."""
SELDOM = {**PATIENT, "health__interval": "3", "health__timeout": "4", "requires": "db"}


def test_thirty_children_of_one_frozen_parent_have_one_cause_and_one_restart(engine: Engine, tmp_path: Path) -> None:
    children = {f"web-{number:02}": 18501 + number for number in range(CHILDREN)}
    parent = engine.run("db", *service_labels("db", port="18500", **PATIENT), *listening_on(18500))

    def admit(name: str) -> None:
        port = children[name]
        # Thirty that ask at once are more than the parent's little server always takes: one reset is no verdict.
        labels = service_labels(name, port=str(port), health__failures="3", **SELDOM)
        engine.run(name, *labels, *listening_on(port), command=relay(port, 18500))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(admit, children))
    with opened(engine, tmp_path) as ward:
        for service in ("db", *children):
            ward.serve.wait_for(service, status="running", timeout=PATIENCE)
        frozen_at = time.time()

        engine.freeze(parent)

        for name in children:
            told = ward.serve.wait_for_event(name, "Waiting for dependency", timeout=PATIENCE)
            assert told["cause"].startswith("waiting for db"), told
        ward.healed("db", parent, starts=1)
        for name in children:
            back = ward.serve.wait_for(name, status="running", timeout=PATIENCE)
            assert (back["restart_count"], back["strikes"], back["failure_count"]) == (0, 0, 0), ward.serve.told(name)
        time.sleep(SECOND_THOUGHTS)
        must_have_healed_alone(ward, parent, frozen_at)
        events = ward.serve.get("/health/events?limit=1000")["events"]
        assert not [event for event in events if event["type"] == "host"], "one cause is no storm"


def must_have_healed_alone(ward: Ward, cause: str, since: float) -> None:
    """By the engine's own times, from that one on: it ended and was started, in this order, and nobody else was."""
    later = sorted((event for event in ward.journal.seen if event.at >= since), key=lambda event: event.at)
    lives = [(event.container_id, event.action) for event in later if event.action in ("start", *DEATHS)]
    assert [container for container, _ in lives] == [cause, cause], lives
    assert lives[-1] == (cause, "start"), lives


def told_at(serve: Serve, service: str, message: str) -> float:
    """Wall time of the newest such event."""
    return datetime.fromisoformat(serve.wait_for_event(service, message)["timestamp"]).timestamp()


def listening_on(port: int) -> tuple[str, ...]:
    return "--network=host", f"--env=PORT={port}"


def relay(port: int, parent: int) -> tuple[str, ...]:
    """A service that answers what its parent does, and nothing while that is silent."""
    return "nc", "-ll", "-p", str(port), "-e", "nc", "-w", "2", "127.0.0.1", str(parent)


def test_of_what_is_killed_together_none_pays_for_what_it_requires(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        db = ward.admit("db", recovery__max_failures="2")
        api = ward.admit("api", requires="db", recovery__max_failures="1")
        for process in [engine.pid(container) for container in (db, api)]:
            engine.kill(process)
        ward.healed("db", db)
        back = ward.serve.wait_for("api", status="running", restart_count=1, failure_count=0)
        assert back["strikes"] == 0, ward.serve.events("api")


def test_a_service_is_restarted_once_after_the_one_it_is_restarted_with(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, tmp_path) as ward:
        db = ward.admit("db")
        web = ward.admit("web", restart_with="db")

        engine.kill(db)

        ward.healed("db", db)
        ward.healed("web", web)
        assert ward.serve.service("web")["strikes"] == 0


KINDS = (
    ("network", "--network=container:"),
    ("pid", "--pid=container:"),
    ("ipc", "--ipc=container:"),
    ("volumes", "--volumes-from="),
)


def test_whatever_a_container_uses_of_another_is_an_edge_with_its_origin(engine: Engine, tmp_path: Path) -> None:
    engine.run("owner", *service_labels("owner"), "--ipc=shareable", "--volume=/kept")
    kinds = (*KINDS, ("podman", "--requires=")) if engine.kind == "podman" else KINDS
    for kind, option in kinds:
        labels = service_labels(kind, health__http="", port="")
        engine.run(kind, *labels, "--env=PORT=8081", f"{option}{engine.full_name('owner')}")

    with serving(engine.url, tmp_path) as serve:
        for kind, _ in kinds:
            serve.wait_for(kind, requires=["owner"], status="running")
        drawn = serve.get("/graph")
        edges = {(each["from"], each["to"]): (each["kind"], each["origin"]) for each in drawn["edges"]}
        assert edges == {(kind, "owner"): ("hard", kind) for kind, _ in kinds}
        assert drawn["phases"] == [["owner"], sorted(kind for kind, _ in kinds)]


def test_members_of_a_pod_need_nothing_of_each_other_and_are_healed_when_what_holds_it_died(
    podman: Podman, tmp_path: Path
) -> None:
    pod = podman.full_name("pod")
    infra = ("--infra-image", IMAGE, "--infra-command", "/bin/sleep 1000")
    podman.command("pod", "create", "--name", pod, "--publish=127.0.0.1::8080", *infra)
    try:
        podman.run("web", *service_labels("web"), f"--pod={pod}")
        podman.run("db", *service_labels("db", port="8081"), f"--pod={pod}", "--env=PORT=8081")
        holder = podman.command("pod", "inspect", "--format={{.InfraContainerID}}", pod)
        with serving(podman.url, tmp_path) as serve:
            for name in ("web", "db"):
                serve.wait_for(name, requires=[], status="running")
            assert serve.get("/graph")["edges"] == []

            podman.kill(holder)

            for name in ("web", "db"):
                serve.wait_for_event(name, "Restart completed", timeout=60)
                serve.wait_for(name, status="running")
            assert podman.state(holder) == "running", "started by Podman with the first member"
    finally:
        podman.command("pod", "rm", "--force", pod)


def fetched(url: str) -> str:
    """What is answered there; empty: nothing is."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def test_a_guest_of_a_restarted_network_is_cut_off_and_repaired_though_it_reads_running(
    engine: Engine, tmp_path: Path
) -> None:
    owner = engine.run("owner", *service_labels("owner"))
    network = f"--network=container:{engine.full_name('owner')}"
    guest = engine.run("guest", *service_labels("guest", health__http="", port=""), "--env=PORT=8081", network)

    def answers() -> bool:
        return bool(fetched(f"http://{engine.address(owner)}:8081/"))

    wait_until(answers, 30, "an answer of the guest")
    engine.command("restart", "--time=1", owner)
    wait_until(lambda: bool(fetched(f"http://{engine.address(owner)}:8080/")), 30, "an answer of the owner")
    assert engine.state(guest) == "running"
    assert not answers(), "cut off by the restart of its owner"

    with serving(engine.url, tmp_path) as serve:
        wait_until(answers, 30, "a repaired guest: it was restarted before the orchestrator came")
        engine.kill(owner)
        told = serve.wait_for_event("guest", "Restart completed")
        assert "its network ended when owner was restarted" in told["cause"]
        wait_until(answers, 30, "a repaired guest: its owner was healed by the orchestrator")
        wait_until(lambda: serve.service("guest")["restart_count"] == 2, 30, "two repairs")
        assert serve.service("guest")["strikes"] == 0
