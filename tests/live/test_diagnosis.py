"""Each cause that can be told is told: a real container falls ill of it, and the event says so, how surely, and why."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.engines import wait_until
from tests.live.programs import stuck_program
from tests.live.serve import HEAL_TIMEOUT, service_labels
from tests.live.ward import Ward, engine_of, lent, opened

DIAGNOSED = "Failure diagnosed"
PATIENCE = 90.0
"""Seconds, on a machine that is busy with much else."""
UNTIL_TOLD = "while [ ! -e /switch/go ]; do sleep 0.1; done; "
UNCHECKED = {"port": "", "health__http": ""}
ONCE = {**UNCHECKED, "recovery__max_failures": "1"}
"""Whatever happens to it, it is not started again: one failure is all that is looked at."""
STEADY = {**UNCHECKED, "recovery__stable_after": "1"}
NO_SPACE = ("--tmpfs=/full:size=64k",)
READ_ONLY = ("--read-only", "--tmpfs=/switch")
TORCH = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.69 GiB total)"


class Death(NamedTuple):
    script: str
    sentence: str
    """How the cause begins that is told."""
    confidence: str
    options: tuple[str, ...] = ()


DEATHS = {
    "missing": Death("exec nope-nope", "command not found (127)", "likely"),
    "unexecutable": Death("echo x >/tmp/x; /tmp/x", "its command cannot be executed (126)", "likely"),
    "full": Death("dd if=/dev/zero of=/full/x bs=64k", "a disk that it writes to is full", "likely", NO_SPACE),
    "nameless": Death(
        "wget http://no-such-host.invalid/",
        "a name that it connects to cannot be resolved",
        "likely",
        ("--network=none",),
    ),
    "readonly": Death("echo x >/x", "it writes to a read-only file system", "likely", READ_ONLY),
    "forbidden": Death(
        "echo x >/tmp/x; chmod 0 /tmp/x; cat /tmp/x", "it has no permission", "likely", ("--cap-drop=ALL",)
    ),
    "cuda": Death(f"echo '{TORCH}' >&2; exit 1", "the GPU ran out of memory", "likely"),
    "greedy": Death("exec tail /dev/zero", "killed by OOM at its 16 MiB limit", "certain", ("--memory=16m",)),
}
"""What an out-of-memory CUDA program writes is written here by a shell: no GPU is needed to read it."""


@pytest.fixture(scope="module", params=["podman", "docker"])
def ward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("diagnosis")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        yield ward


def cause_of(ward: Ward, service: str) -> str:
    try:
        return str(ward.serve.wait_for_event(service, DIAGNOSED, timeout=PATIENCE)["cause"])
    except TimeoutError as error:
        raise AssertionError(f"{error}; the evidence: {ward.evidence(service)}") from None


def remembered(ward: Ward, service: str, container: str) -> None:
    """Until what it runs is kept as what ran stably last."""

    def kept() -> bool:
        with closing(sqlite3.connect(f"file:{ward.serve.state}?mode=ro", uri=True)) as state:
            row = state.execute("SELECT document FROM services WHERE name = ?", (service,)).fetchone()
        return row is not None and json.loads(row[0]).get("baseline") is not None

    ward.serve.wait_for(service, status="running", container_id=container[:12])
    wait_until(kept, HEAL_TIMEOUT, f"a stable run of {service}")


@pytest.mark.parametrize("name", DEATHS)
def test_why_it_died_is_told(ward: Ward, name: str) -> None:
    death = DEATHS[name]
    container = ward.admit(name, *death.options, command=("sh", "-c", UNTIL_TOLD + death.script), **ONCE)
    ward.engine.switch(container, "go")
    cause = cause_of(ward, name)
    assert cause.startswith(death.sentence), ward.engine.logs(container)
    assert f"({death.confidence})" in cause


def test_a_port_that_somebody_else_has_is_told(ward: Ward) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        script = f"{UNTIL_TOLD}exec httpd -f -p 127.0.0.1:{taken.getsockname()[1]}"
        container = ward.admit("crowded", "--network=host", command=("sh", "-c", script), **ONCE)
        ward.engine.switch(container, "go")
        assert cause_of(ward, "crowded").startswith("a port that it needs is in use"), ward.engine.logs(container)


def test_a_frozen_process_is_told_and_is_the_cause_of_the_restart(ward: Ward) -> None:
    container = ward.admit("frozen")
    ward.engine.freeze(container)
    assert cause_of(ward, "frozen").startswith("frozen: all its processes are stopped (state T) (certain)")
    ward.healed("frozen", container)
    assert "frozen: all its processes" in ward.serve.wait_for_event("frozen", "Restart completed")["cause"]


def test_a_process_that_is_stuck_in_the_kernel_is_told(ward: Ward, tmp_path: Path) -> None:
    program = stuck_program(tmp_path)
    script = f"/srv/serve & {UNTIL_TOLD}rm /switch/go; kill -9 $!; exec /stuck"
    mount = f"--mount=type=bind,source={program},target=/stuck"
    container = ward.admit("stuck", mount, command=("sh", "-c", script))
    ward.engine.switch(container, "go")
    assert cause_of(ward, "stuck").startswith("stuck in the kernel (state D): stuck (likely)")
    ward.healed("stuck", container)


def test_what_fails_in_the_very_same_way_is_given_up_early_and_says_what_to_correct(ward: Ward) -> None:
    script = f"{UNTIL_TOLD}echo settings.yaml: cannot parse line 3 >&2; exit 2"
    quick = {**UNCHECKED, "recovery__backoff_base": "0.4", "recovery__max_failures": "50"}
    container = ward.admit("stubborn", command=("sh", "-c", script), **quick)
    ward.engine.switch(container, "go")
    service = ward.serve.wait_for("stubborn", timeout=PATIENCE, status="disabled")
    assert 'exited with code 2: "settings.yaml: cannot parse line 3", 5 times in a row' in service["reason"]
    assert "orchestrator enable stubborn" in service["reason"]
    assert service["strikes"] >= 5
    assert ward.serve.told("stubborn").count("Service disabled - trying again cannot help") == 1


def test_a_dependency_that_is_down_is_told(ward: Ward) -> None:
    ward.admit("db", **UNCHECKED)
    ward.serve.order("db", "stop")
    ward.serve.wait_for("db", status="stopped")
    container = ward.admit("leaning", wants="db", **ONCE)
    ward.engine.kill(container)
    assert cause_of(ward, "leaning").startswith("db (stopped), which it depends on, is down (possible)")


def test_an_image_that_changed_since_the_last_stable_run_is_told(ward: Ward) -> None:
    image = f"localhost/{ward.engine.full_name('image')}:latest"
    seed = ward.engine.create("seed")
    ward.engine.command("commit", seed, image)
    before = ward.engine.run("updated", *service_labels("updated", **STEADY), image=image)
    remembered(ward, "updated", before)
    ward.engine.remove(before)
    ward.engine.command("commit", "--change=ENV VERSION=2", seed, image)
    after = ward.engine.run("updated", *service_labels("updated", **STEADY), image=image)
    ward.serve.wait_for("updated", status="running", container_id=after[:12])
    ward.engine.kill(after)
    cause = cause_of(ward, "updated")
    assert cause.startswith("its image changed"), cause
    assert image in cause


def test_configuration_that_changed_since_the_last_stable_run_is_told(ward: Ward) -> None:
    before = ward.admit("changed", "--env=MODE=calm", **STEADY)
    remembered(ward, "changed", before)
    ward.engine.remove(before)
    after = ward.admit("changed", "--env=MODE=wild", **STEADY)
    ward.engine.kill(after)
    assert cause_of(ward, "changed").startswith("its environment changed")


def test_the_evidence_holds_the_planted_line_and_not_the_planted_secret(ward: Ward) -> None:
    script = f"{UNTIL_TOLD}echo the planted line; echo no login with $DB_PASSWORD >&2; exit 3"
    container = ward.admit("planted", "--env=DB_PASSWORD=tulip4711", command=("sh", "-c", script), **ONCE)
    ward.engine.switch(container, "go")
    (piece,) = ward.evidence("planted")
    assert sorted((line["stream"], line["text"]) for line in piece["log"]["lines"]) == [
        ("stderr", "no login with [masked]"),
        ("stdout", "the planted line"),
    ]
    assert ["DB_PASSWORD", "[masked]"] in piece["environment"]
    assert "tulip4711" not in json.dumps(piece)
    assert piece["exit_code"] == 3
    assert piece["host"]["disk"]["free"] > 0
    assert piece["events"]


def test_the_evidence_of_a_frozen_container_holds_what_its_restart_destroys(ward: Ward) -> None:
    container = ward.admit("iced", "--memory=64m", "--pids-limit=50")
    ward.engine.freeze(container)
    ward.healed("iced", container)
    piece = ward.evidence("iced")[0]
    assert {process["state"] for process in piece["processes"]} == {"T"}
    assert piece["usage"]["memory_limit"] == 64 * 2**20
    assert piece["usage"]["processes_limit"] == 50
    assert piece["usage"]["out_of_memory_kills"] == 0
    assert piece["health"][-1]["verdict"] == "fail"


def test_a_plain_kill_is_told_as_the_plain_fact_and_nothing_is_made_of_it(ward: Ward) -> None:
    container = ward.admit("plain")
    ward.engine.kill(container)
    ward.healed("plain", container)
    assert DIAGNOSED not in ward.serve.told("plain")
