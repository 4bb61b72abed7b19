"""A check that cannot be asked, that nobody answers, that takes long; a container that is down."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.model import CommandCheck, ContainerState, Kind, PublishedPort, TcpCheck, Verdict
from orchestrator.doctor.checks import judge_checks, target_of
from orchestrator.doctor.facts import CheckUp, Listener
from orchestrator.doctor.findings import Level
from orchestrator.errors import ContainerNotFound
from orchestrator.ports import Reading, Target
from tests.doctor.scenes import NOW, checkup, container, spec, told

REFUSED = (Verdict.FAIL, "connection refused")


def failure(asked: CheckUp, *served: str) -> str:
    (words,) = told(judge_checks([asked], NOW, served), Level.FAILED)
    return words


def test_passing_checks_are_one_line() -> None:
    (words,) = told(judge_checks([checkup(), checkup()], NOW, ()), Level.OK)
    assert words == "checks: 2 of 2 that were asked pass: web, web."


def test_a_time_out_longer_than_the_interval_is_told() -> None:
    (words,) = told(judge_checks([checkup(spec=spec(interval=2.0, timeout=5.0))], NOW, ()), Level.WARNING)
    assert "time-out (5 s) is longer than its interval (2 s)" in words


def test_a_port_nobody_listens_on_is_told_with_the_one_that_is_listened_on() -> None:
    heard = (Listener(9000, loopback=False), Listener(6060, loopback=True))
    words = failure(checkup(*REFUSED, listeners=heard))
    assert "its check at 127.0.0.1:18080 fails (connection refused)" in words
    assert "nobody listens on port 8080 in the container, which listens on 9000" in words
    assert "orchestrator.port=9000" in words


def test_nobody_at_all_listening_points_to_the_log() -> None:
    assert "nobody listens on port 8080 in the container. See its log" in failure(checkup(*REFUSED, listeners=()))


def test_a_server_on_the_container_s_loopback_is_told_apart() -> None:
    words = failure(checkup(*REFUSED, listeners=(Listener(8080, loopback=True),)))
    assert "the container's own loopback address only. Have it listen on 0.0.0.0." in words


def test_a_port_published_on_another_machine_s_loopback_is_told() -> None:
    unreached = Target("c" * 64, "10.88.0.2", 8080, doubtful=True)
    words = failure(checkup(Verdict.UNKNOWN, "10.88.0.2:8080 cannot be reached: publish it", target=unreached))
    assert "port 8080 is published on 127.0.0.1 of the engine's machine only" in words
    unpublished = replace(container(), ports=())
    asked = checkup(Verdict.UNKNOWN, "10.88.0.2:8080 is silent: publish it", target=unreached, snapshot=unpublished)
    assert failure(asked) == "service web: its check cannot be asked: 10.88.0.2:8080 is silent. Publish it."


def test_an_address_that_cannot_be_worked_out_says_what_to_set() -> None:
    nowhere = target_of(replace(spec(TcpCheck()), port=None), container(ports=()), "127.0.0.1")
    assert isinstance(nowhere, str)
    words = failure(checkup(target=nowhere, reading=None))
    assert "its check cannot be asked: no port is configured and the container exposes none. Set port" in words


def test_a_command_that_the_image_does_not_have_is_told_with_the_native_checks() -> None:
    detail = "the command cannot be run in this container, exit code 127: redis-cli: not found"
    words = failure(checkup(Verdict.UNKNOWN, detail, target=Target("c" * 64)))
    assert "exit code 127" in words
    assert "health.http" in words
    assert target_of(spec(CommandCheck("true")), container(), "127.0.0.1") == Target("c" * 64)


def test_a_check_that_only_takes_long_is_told_with_how_long() -> None:
    words = failure(checkup(took=3.2, spec=spec(timeout=1.0)))
    assert "passes after 3.2 s, and its time-out is 1 s" in words
    assert "health.timeout" in words


def test_silence_within_our_patience_is_no_verdict_where_the_service_is_given_more() -> None:
    asked = checkup(Verdict.FAIL, "no answer within 5.5 s", spec=spec(timeout=20.0))
    (words,) = told(judge_checks([asked], NOW, ()), Level.WARNING)
    assert "no answer within 5.5 s; its time-out is 20 s" in words
    assert "its check at 127.0.0.1:18080 fails: no answer within 5.5 s" in failure(replace(asked, spec=spec()))


def test_a_failing_check_points_to_the_log() -> None:
    assert "fails: HTTP 500. See `orchestrator logs web`." in failure(checkup(Verdict.FAIL, "HTTP 500"))
    command = checkup(Verdict.FAIL, "exit code 1", target=Target("c" * 64))
    assert "its check fails: exit code 1" in failure(command)


def test_a_failure_in_grace_is_only_a_warning() -> None:
    young = checkup(Verdict.FAIL, "HTTP 503", snapshot=container(started_at=NOW - 4))
    (words,) = told(judge_checks([young], NOW, ()), Level.WARNING)
    assert "6 s of its grace period are left" in words


def test_a_container_that_is_down_is_told_unless_a_running_orchestrator_says_why() -> None:
    down = CheckUp(spec(), container(ContainerState.EXITED, exit_code=3))
    assert "its container exited with code 3" in failure(down)
    assert told(judge_checks([down], NOW, ["web"]), Level.FAILED) == []
    paused = CheckUp(spec(), container(ContainerState.PAUSED))
    assert "paused" in told(judge_checks([paused], NOW, ()), Level.WARNING)[0]
    created = CheckUp(spec(), container(ContainerState.CREATED))
    assert "its container is created" in told(judge_checks([created], NOW, ()), Level.WARNING)[0]


def test_a_job_that_did_its_work_is_well() -> None:
    job = CheckUp(replace(spec(), kind=Kind.JOB), container(ContainerState.EXITED, exit_code=0))
    assert told(judge_checks([job], NOW, ()), Level.FAILED) == []


def test_a_container_that_is_gone_meanwhile_is_a_warning() -> None:
    gone = CheckUp(spec(), ContainerNotFound("no such container"))
    assert "cannot be looked at: no such container" in told(judge_checks([gone], NOW, ()), Level.WARNING)[0]


def test_what_only_runs_has_nothing_to_be_asked() -> None:
    assert list(judge_checks([CheckUp(spec(None), container())], NOW, ())) == []


def test_a_port_asked_by_its_own_number_is_found_inside() -> None:
    same = container(ports=(PublishedPort(8080, 8080),))
    asked = checkup(*REFUSED, snapshot=same, target=Target("c" * 64, "127.0.0.1", 8080), listeners=())
    assert "port 8080 in the container" in failure(replace(asked, reading=Reading(*REFUSED)))
