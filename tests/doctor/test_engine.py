"""Why an engine is not used, and how to have it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.doctor.engine import judge_engine
from orchestrator.doctor.facts import Attempt, EngineSeen, SocketFile
from orchestrator.doctor.findings import Level
from orchestrator.errors import EngineAway, EngineForbidden, EngineHung, EngineUnavailable, EngineUnsuitable
from orchestrator.ports import EngineIdentity
from tests.doctor.scenes import told

DOCKER, PODMAN = "unix:///run/docker.sock", "unix:///run/podman/podman.sock"
ANSWERS = EngineIdentity("podman", "4.3.1", "1.41")


def seen(*attempts: Attempt, programs: frozenset[str] = frozenset()) -> EngineSeen:
    return EngineSeen(attempts, "anna", programs)


def away(address: str) -> Attempt:
    return Attempt(address, EngineAway(address, "nobody listens there", "Start something"))


def forbidden(address: str, socket: SocketFile) -> Attempt:
    return Attempt(address, EngineForbidden(address, "permission denied", "Give access"), socket)


def test_the_engine_that_answers_is_told_with_its_version_and_whose_it_is() -> None:
    answering = Attempt(PODMAN, ANSWERS, rootless=True)
    (words,) = told(judge_engine(seen(answering)), Level.OK)
    assert f"engine {PODMAN}: Podman 4.3.1 answers, API 1.41, rootless" in words
    (rootful,) = told(judge_engine(seen(replace(answering, rootless=False))), Level.OK)
    assert "rootful" in rootful


def test_a_left_over_socket_before_the_one_that_answers_is_not_worth_a_word() -> None:
    findings = list(judge_engine(seen(away(DOCKER), Attempt(PODMAN, ANSWERS))))
    assert [finding.level for finding in findings] == [Level.OK]


def test_a_socket_that_refuses_us_is_told_though_another_engine_answers() -> None:
    refused = forbidden(DOCKER, SocketFile("root", "docker", open_to_group=True))
    (words,) = told(judge_engine(seen(refused, Attempt(PODMAN, ANSWERS))), Level.WARNING)
    assert f"permission denied; {PODMAN} is used instead" in words
    assert "usermod -aG docker anna" in words


@pytest.mark.parametrize(
    ("attempt", "remedy"),
    [
        (away(DOCKER), "systemctl start docker"),
        (away(PODMAN), "`systemctl enable --now podman.socket`"),
        (away("unix:///run/user/1000/podman/podman.sock"), "`systemctl --user enable --now podman.socket`"),
        (away("/tmp/engine.sock"), "podman system service --time=0 unix:///tmp/engine.sock"),
        (away("tcp://box:2375"), "name the engine with --endpoint"),
        (forbidden(DOCKER, SocketFile("root", "docker", open_to_group=True)), "usermod -aG docker anna"),
        (forbidden(PODMAN, SocketFile("root", "root", open_to_group=True)), "systemctl --user enable --now podman"),
        (forbidden("unix:///x.sock", SocketFile("root", "root", open_to_group=False)), "Run as root"),
        (Attempt(DOCKER, EngineHung(DOCKER, "it did not answer within 4 s", "Restart it")), "Restart it"),
        (Attempt(DOCKER, EngineUnsuitable(DOCKER, "too old", "Update the engine")), "Update the engine"),
        (Attempt("tcp://x", EngineForbidden("tcp://x", "no trusted connection", "Check TLS")), "Check TLS"),
    ],
)
def test_each_reason_has_its_remedy(attempt: Attempt, remedy: str) -> None:
    (words,) = told(judge_engine(seen(attempt)), Level.FAILED)
    assert isinstance(attempt.answer, EngineUnavailable)
    assert f"engine {attempt.address}: {attempt.answer.fact}. " in words
    assert remedy in words


def test_every_address_that_was_tried_is_told_when_none_answers() -> None:
    assert len(told(judge_engine(seen(away(DOCKER), away(PODMAN))), Level.FAILED)) == 2


def test_an_engine_that_is_installed_and_not_started_is_named() -> None:
    nowhere = away("tcp://host.containers.internal:2375")
    (words,) = told(judge_engine(seen(nowhere, programs=frozenset({"docker", "podman"}))), Level.FAILED)
    assert "systemctl enable --now docker" in words
    assert "systemctl enable --now podman.socket" in words


@pytest.mark.parametrize(("ahead", "words"), [(90.0, "90 s ahead of ours"), (-5.0, "5 s behind ours")])
def test_a_clock_that_differs_is_told_because_grace_counts_by_it(ahead: float, words: str) -> None:
    (warned,) = told(judge_engine(seen(Attempt(PODMAN, ANSWERS, ahead=ahead))), Level.WARNING)
    assert words in warned
    assert told(judge_engine(seen(Attempt(PODMAN, ANSWERS, ahead=1.0))), Level.WARNING) == []
