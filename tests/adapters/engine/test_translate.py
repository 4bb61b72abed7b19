"""Engine JSON, as Docker 20.10 and Podman 4.3 answered it, read into one vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.engine import translate
from orchestrator.core.evidence import ContainerProcess, Usage
from orchestrator.core.model import ContainerSnapshot, ContainerState, ContainerSummary, PublishedPort, Tie
from orchestrator.ports import EngineEvent

RECORDED = Path(__file__).parent / "recorded"
ENGINES = pytest.mark.parametrize("engine", ["docker", "podman"])
START = "2026-11-23T20:10:15.045878234Z"
BEFORE = "2026-11-23T20:09:00Z"
AFTER = "2026-11-23T20:10:20.5Z"


def recorded(engine: str, kind: str) -> Any:
    return json.loads((RECORDED / f"{engine}-{kind}.json").read_text())


def listed(engine: str) -> dict[str, ContainerSummary]:
    rows = [translate.summary(row) for row in recorded(engine, "list")]
    return {row.name: row for row in rows}


def inspected(engine: str, name: str) -> ContainerSnapshot:
    return translate.snapshot(recorded(engine, "inspect")[name])


# --- the list ----------------------------------------------------------------------------------------------


@ENGINES
def test_names_have_no_slash_and_states_are_ours(engine: str) -> None:
    assert {name: row.state for name, row in listed(engine).items()} == {
        "web": ContainerState.RUNNING,
        "psd": ContainerState.PAUSED,
        "exit3": ContainerState.EXITED,
        "never": ContainerState.CREATED,
    }


@ENGINES
def test_the_list_tells_ages_labels_and_published_ports(engine: str) -> None:
    web = listed(engine)["web"]
    assert web.uptime_at_most is not None
    assert web.labels == {"a": "b"}
    assert web.image == "localhost/bb:latest"
    assert {(port.container_port, port.protocol) for port in web.ports} == {(80, "tcp")}
    assert all(port.host_port in (18080, 18081) for port in web.ports)
    assert web.health == ("healthy" if engine == "docker" else "")


def test_a_row_without_anything_but_an_id_is_read() -> None:
    row = translate.summary({"Id": "abc", "Names": None, "Labels": None, "Ports": None})
    assert (row.container_id, row.name, row.labels, row.ports) == ("abc", "", {}, ())


# --- inspect -----------------------------------------------------------------------------------------------


@ENGINES
def test_a_running_container_is_read_whole(engine: str) -> None:
    web = inspected(engine, "web")
    assert web.state is ContainerState.RUNNING
    assert web.run is not None
    assert web.finished_at is None
    assert web.exit_code is None
    assert web.pid
    assert web.restart_policy == "no"
    assert len(web.addresses) == 1
    assert PublishedPort(80, web.ports[0].host_port, web.ports[0].host_ip) == web.ports[0]


@ENGINES
def test_a_container_that_never_ran_has_no_start(engine: str) -> None:
    never = inspected(engine, "never")
    assert (never.started_at, never.finished_at, never.pid, never.exit_code) == (None, None, None, None)


@ENGINES
def test_an_exit_has_its_code_and_ends_no_earlier_than_it_began(engine: str) -> None:
    gone = inspected(engine, "exit3")
    assert (gone.state, gone.exit_code) == (ContainerState.EXITED, 3)
    assert gone.started_at is not None
    assert gone.finished_at is not None
    assert gone.finished_at >= gone.started_at


@ENGINES
def test_the_engine_s_own_restarts_are_counted(engine: str) -> None:
    loop = inspected(engine, "loop")
    assert (loop.restart_policy, loop.restart_count) == ("on-failure", 3)


def test_docker_s_words_on_a_failed_first_start_are_kept() -> None:
    bad = inspected("docker", "bad")
    assert (bad.state, bad.exit_code) == (ContainerState.CREATED, 127)
    assert "/nonexist" in bad.error


@ENGINES
def test_an_exposed_port_that_is_not_published_is_told_without_a_host_port(engine: str) -> None:
    assert inspected(engine, "exit3").ports == (PublishedPort(80, None),)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("configured", ContainerState.CREATED),
        ("initialized", ContainerState.CREATED),
        ("stopped", ContainerState.EXITED),
        ("stopping", ContainerState.STOPPING),
        ("removing", ContainerState.REMOVING),
        ("restarting", ContainerState.RESTARTING),
        ("dead", ContainerState.DEAD),
        ("Running", ContainerState.RUNNING),
        ("something-new", ContainerState.STOPPING),
        ("", ContainerState.STOPPING),
    ],
)
def test_every_word_of_both_engines_has_a_state(word: str, expected: ContainerState) -> None:
    assert translate.state(word) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T01:00:10.5+01:00", 10.5),
        ("1970-01-01T00:00:10.123456789Z", 10.123456),
    ],
)
def test_times_are_wall_seconds_and_never_is_none(text: object, expected: float | None) -> None:
    assert translate.moment(text) == expected


# --- health ------------------------------------------------------------------------------------------------


def checked(
    status: str, end: str | None, *, word: str = "running", test: tuple[str, ...] = ("CMD", "true")
) -> ContainerSnapshot:
    log = [] if end is None else [{"End": end, "ExitCode": 0, "Output": "seen"}]
    return translate.snapshot(
        {
            "Id": "abc",
            "State": {"Status": word, "StartedAt": START, "Health": {"Status": status, "Log": log}},
            "Config": {"Healthcheck": {"Test": list(test), "Interval": 5_000_000_000}},
        }
    )


@ENGINES
def test_without_a_check_there_is_no_health(engine: str) -> None:
    assert inspected(engine, "exit3").health is None


def test_podman_s_empty_status_without_a_check_is_no_health() -> None:
    assert checked("", None, test=()).health is None
    assert checked("", None, test=("NONE",)).health is None


def test_docker_s_newest_result_is_read() -> None:
    health = inspected("docker", "web").health
    assert health is not None
    assert (health.status, health.interval) == ("healthy", 2.0)
    assert health.checked_at == pytest.approx(1795464635.754, abs=0.001)


@pytest.mark.parametrize("status", ["healthy", "unhealthy"])
def test_a_result_of_this_run_counts(status: str) -> None:
    health = checked(status, AFTER).health
    assert health is not None
    assert (health.status, health.output, health.interval) == (status, "seen", 5.0)


@pytest.mark.parametrize("status", ["healthy", "unhealthy"])
def test_a_result_of_an_earlier_run_says_nothing(status: str) -> None:
    health = checked(status, BEFORE).health
    assert health is not None
    assert (health.status, health.checked_at, health.output) == ("none", None, "")


@pytest.mark.parametrize("word", ["paused", "exited", "stopping"])
def test_health_counts_only_while_running(word: str) -> None:
    health = checked("unhealthy", AFTER, word=word).health
    assert health is not None
    assert health.status == "none"


def test_a_check_that_has_not_run_yet_is_starting() -> None:
    health = checked("starting", None).health
    assert health is not None
    assert (health.status, health.checked_at) == ("starting", None)


# --- events ------------------------------------------------------------------------------------------------


def told(action: str, **more: object) -> EngineEvent | None:
    return translate.event(
        {"Type": "container", "Action": action, "Actor": {"ID": "abc"}, "timeNano": 1_500_000_000, **more}
    )


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("die", "die"),
        ("died", "die"),
        ("remove", "destroy"),
        ("destroy", "destroy"),
        ("start", "start"),
        ("cleanup", "other"),
        ("restart", "other"),
        ("health_status", "health"),
        ("health_status: unhealthy", "health"),
        ("oom", "oom"),
    ],
)
def test_both_dialects_become_one_vocabulary(word: str, action: str) -> None:
    event = told(word)
    assert event is not None
    assert (event.container_id, event.action, event.at) == ("abc", action, 1.5)


@pytest.mark.parametrize("word", ["exec_create: /bin/true", "exec_start: x", "exec_die", "exec", "attach", "top", ""])
def test_noise_wakes_nobody(word: str) -> None:
    assert told(word) is None


@pytest.mark.parametrize(
    ("signal", "asks"),
    [("15", True), ("2", True), ("28", True), (None, False), ("9", False), ("1", False), ("19", False)],
)
def test_a_signal_that_asks_a_process_to_end_is_told_and_no_other(signal: str | None, *, asks: bool) -> None:
    """A reload is no stop, and SIGKILL asks nobody."""
    attributes = {} if signal is None else {"signal": signal}
    event = told("kill", Actor={"ID": "abc", "Attributes": attributes})
    assert event == (EngineEvent("abc", "kill", 1.5) if asks else None)


def test_what_happens_to_images_and_volumes_wakes_nobody() -> None:
    assert told("remove", Type="image") is None
    assert told("create", Type="volume") is None


def test_an_older_event_without_an_actor_is_read() -> None:
    assert translate.event({"status": "died", "id": "abc", "time": 7}) == EngineEvent("abc", "die", 7.0)


# --- processes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rows", [[["1 S a"], ["7 T b c"]], [["1", "S", "a"], ["7", "T", "b c"]], [["1", "Ss", "a"], ["7", "T+", "b c"]]]
)
def test_processes_are_read_from_every_shape_of_the_list(rows: list[list[str]]) -> None:
    read = translate.processes({"Titles": ["PID", "STAT", "COMMAND"], "Processes": rows})
    assert read == (ContainerProcess(1, "S", "a"), ContainerProcess(7, "T", "b c"))


def test_a_remote_engine_s_figures_are_read_and_what_is_no_limit_is_none() -> None:
    stats = {
        "memory_stats": {"usage": 4096, "max_usage": 8192, "limit": 2**40},
        "pids_stats": {"current": 3, "limit": 2**64 - 1},
    }
    assert translate.usage(stats) == Usage(memory=4096, memory_peak=8192, processes=3)
    assert translate.usage({"pids_stats": {"current": 1, "limit": 50}}).processes_limit == 50
    assert translate.usage({}) == Usage()


def test_a_container_that_ends_while_it_is_asked_has_no_processes() -> None:
    assert translate.processes(None) == ()


def test_what_a_container_uses_of_others_is_read() -> None:
    host = {"NetworkMode": "container:vpn", "PidMode": "host", "IpcMode": "container:shm", "VolumesFrom": ["data:ro"]}
    assert translate.ties(host, ["vpn", "db"]) == (
        Tie("network", "vpn"),
        Tie("ipc", "shm"),
        Tie("volumes", "data"),
        Tie("podman", "db"),
    )
    assert translate.ties({"NetworkMode": "bridge"}) == ()
