"""The ground the other live tests stand on: both engines do what their names say."""

from __future__ import annotations

import http.client
import signal

import pytest

from tests.live.docker import Docker
from tests.live.engines import CommandFailed, Engine, wait_until


def _status(host: str, port: int, path: str = "/health", timeout: float = 10.0) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _answers(host: str, port: int) -> bool:
    try:
        return _status(host, port) == 200
    except OSError:
        return False


def test_a_container_answers_at_its_address_and_at_its_published_port(engine: Engine) -> None:
    container = engine.run("web", "--publish", "127.0.0.1::8080")
    address, port = engine.address(container), engine.published(container)
    wait_until(lambda: _answers(address, 8080), 30, "an answer at the container's address")
    wait_until(lambda: _answers("127.0.0.1", port), 30, "an answer at the published port")
    assert _status(address, 8080, "/any/path") == 200


def test_the_image_falls_sick_and_recovers_by_its_switches(engine: Engine) -> None:
    container = engine.run("web")
    address = engine.address(container)
    wait_until(lambda: _answers(address, 8080), 30, "an answer")
    engine.switch(container, "sick")
    assert _status(address, 8080) == 500
    engine.switch(container, "sick", "503")
    assert _status(address, 8080) == 503
    engine.switch_off(container, "sick")
    assert _status(address, 8080) == 200


def test_the_doubles_answer_their_own_check_commands(engine: Engine) -> None:
    container = engine.run("database")
    assert "accepting connections" in engine.execute(container, "pg_isready", "-U", "security")
    assert engine.execute(container, "redis-cli", "ping") == "PONG"
    engine.switch(container, "sick")
    with pytest.raises(CommandFailed, match="exit code 2"):
        engine.execute(container, "pg_isready", "-U", "security")
    with pytest.raises(CommandFailed, match="exit code 1"):
        engine.execute(container, "redis-cli", "ping")


def test_a_frozen_container_accepts_and_never_answers(engine: Engine) -> None:
    container = engine.run("web")
    address = engine.address(container)
    wait_until(lambda: _answers(address, 8080), 30, "an answer")
    engine.freeze(container)
    with pytest.raises(TimeoutError):
        _status(address, 8080, timeout=0.5)
    engine.thaw(container)
    wait_until(lambda: _answers(address, 8080), 30, "an answer after the thaw")


def test_a_killed_process_is_told_of_by_the_event_stream(engine: Engine) -> None:
    with engine.events() as log:
        container = engine.run("web")
        log.wait_for(lambda event: event.container_id == container and event.action == "start")
        engine.kill(container)
        death = log.wait_for(lambda event: event.container_id == container and event.action in ("die", "died"))
    assert death.name == engine.full_name("web")
    wait_until(lambda: engine.state(container) == "exited", 30, "exited")
    assert engine.inspect(container)["State"]["ExitCode"] == 137


def test_a_crash_loop_dies_as_often_as_told(engine: Engine) -> None:
    container = engine.run("web", "--restart=always")
    engine.switch(container, "crash", "2")
    engine.kill(container)
    wait_until(lambda: "0 more to come" in engine.logs(container), 30, "two deaths")
    wait_until(lambda: engine.state(container) == "running", 30, "a third start that stays")


def test_an_oom_switch_ends_the_container_at_its_memory_limit(engine: Engine) -> None:
    container = engine.run("web", "--memory=16m", command=("tail", "/dev/zero"))
    wait_until(lambda: engine.state(container) == "exited", 30, "the OOM kill")
    assert engine.inspect(container)["State"]["ExitCode"] == 137


def test_a_polite_container_exits_0_when_stopped(engine: Engine) -> None:
    container = engine.run("web", "--stop-signal=SIGTERM", command=("/srv/polite",))
    wait_until(lambda: _answers(engine.address(container), 8080), 30, "an answer")
    engine.command("stop", container)
    assert engine.inspect(container)["State"]["ExitCode"] == 0


@pytest.mark.parametrize("how", ["stop_daemon", "crash_daemon"])
def test_containers_outlive_their_daemon(engine: Engine, how: str) -> None:
    container = engine.run("web")
    pid = engine.pid(container)
    getattr(engine, how)()
    assert not engine.daemon_running
    engine.start_daemon()
    assert engine.pid(container) == pid
    assert _answers(engine.address(container), 8080)


def test_a_container_that_dies_while_the_daemon_is_away_is_exited_when_it_is_back(engine: Engine) -> None:
    container = engine.run("web")
    pid = engine.pid(container)
    engine.stop_daemon()
    engine.kill(pid)
    engine.start_daemon()
    wait_until(lambda: engine.state(container) == "exited", 30, "exited")


def test_a_frozen_daemon_accepts_and_never_answers(engine: Engine) -> None:
    engine.freeze_daemon()
    log = engine.events()
    with log, pytest.raises(TimeoutError):
        log.wait_for(lambda event: True, timeout=0.3)
    engine.thaw_daemon()
    assert engine.command("version")


def test_an_ordinary_stop_of_dockerd_stops_its_containers_and_its_policies_count_anew_at_its_start(
    docker: Docker,
) -> None:
    container, kept = docker.run("web"), docker.run("kept", "--restart=always")
    docker.kill(docker.pid(kept))
    wait_until(lambda: docker.inspect(kept)["RestartCount"] == 1, 30, "a restart by the policy")
    wait_until(lambda: docker.state(kept) == "running", 30, "running")
    docker.stop_daemon_and_containers()
    docker.start_daemon()
    assert docker.state(container) == "exited"
    wait_until(lambda: docker.state(kept) == "running", 30, "running again")
    assert docker.inspect(kept)["RestartCount"] == 0


def test_a_signal_reaches_the_first_process(engine: Engine) -> None:
    container = engine.run("web")
    engine.kill(container, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        _status(engine.address(container), 8080, timeout=0.5)
