"""``orchestrator check``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli import main
from orchestrator.cli.check import Report, examine
from orchestrator.configuration import Configuration
from orchestrator.core.model import ContainerSummary
from orchestrator.errors import EngineAway, EngineError, EngineUnsuitable
from tests.configuration.scenes import configuration, container

BAD_LABEL = container("redis", 1, {"orchestrator.grace": "5 parsecs"})


def _examined(configured: Configuration, answer: Sequence[ContainerSummary] | EngineError) -> Report:
    async def list_containers(_: Configuration) -> Sequence[ContainerSummary]:
        if isinstance(answer, EngineError):
            raise answer
        return answer

    return asyncio.run(examine(configured, list_containers))


def test_nothing_wrong_says_what_was_looked_at(tmp_path: Path) -> None:
    report = _examined(configuration(tmp_path), [container("redis", 1), container("stranger", 2)])
    assert report.problems == ()
    assert report.checked == f"{tmp_path}/orchestrator.yaml, the environment and 2 containers (1 service)"


def test_problems_of_the_file_and_of_the_labels_are_reported_together_and_once(tmp_path: Path) -> None:
    configured = configuration(tmp_path, "services: {redis: {prot: 1}, web: {recovery: {backoff_max: 1s}}}")
    report = _examined(configured, [BAD_LABEL, container("web", 2)])
    assert [(problem.source.rpartition("/")[2], problem.key) for problem in report.problems] == [
        ("orchestrator.yaml", "services.redis.prot"),
        ("orchestrator.yaml", "services.web.recovery.backoff_max"),
        ("label of container redis", "orchestrator.grace"),
    ]


def test_a_bad_label_on_a_container_that_is_not_managed_is_reported_too(tmp_path: Path) -> None:
    report = _examined(configuration(tmp_path), [container("web", labels={"orchestrator.enabled": "true"})])
    assert [problem.key for problem in report.problems] == ["orchestrator.enabled"]


def test_two_containers_for_one_service_are_a_note(tmp_path: Path) -> None:
    report = _examined(configuration(tmp_path), [container("a-redis", 1), container("b-redis", 2)])
    assert report.problems == ()
    assert "two containers for service redis" in report.notes[0]


def test_an_engine_that_is_away_is_a_note_and_the_file_is_checked(tmp_path: Path) -> None:
    away = EngineAway("unix:///run/docker.sock", "connection refused", "Start it.")
    report = _examined(configuration(tmp_path, "nonsense: 1"), away)
    assert [problem.key for problem in report.problems] == ["nonsense"]
    assert report.notes == (f"The labels were not checked. {away}",)


def test_an_endpoint_that_is_no_engine_is_a_problem(tmp_path: Path) -> None:
    no_engine = EngineUnsuitable("tcp://localhost:80", "it answers, but it is no engine", "Check the address.")
    (problem,) = _examined(configuration(tmp_path), no_engine).problems
    assert problem.source == "ORCHESTRATOR_DOCKER_HOST"
    assert "it is no engine" in problem.fact


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ORCHESTRATOR_DOCKER_HOST", f"unix://{tmp_path}/absent.sock")


def _called(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], catch_exceptions=False)


@pytest.mark.usefixtures("no_engine")
def test_the_command_prints_each_problem_with_its_source_and_exits_1(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("services: {ai-llm: {recovery: {backoff_max: 3s}}}", encoding="utf-8")
    result = _called("--config", str(file))
    first, note, last = result.stdout.splitlines()
    assert result.exit_code == 1
    assert first == f"{file}: services.ai-llm.recovery.backoff_max: 3 s is below backoff_base 5 s"
    assert note.startswith("Note: The labels were not checked.")
    assert last == f"1 problem in {file} and the environment."


@pytest.mark.usefixtures("no_engine")
def test_the_command_exits_0_when_there_is_no_problem() -> None:
    result = _called()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "No problems in the environment."


@pytest.mark.usefixtures("no_engine")
def test_machines_get_json_with_the_same_exit_code() -> None:
    Path("orchestrator.yaml").write_text("servces: {}", encoding="utf-8")
    result = _called("--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["ok"] is False
    assert answer["problems"] == [
        {"source": "orchestrator.yaml", "key": "servces", "fact": "unknown key; did you mean 'services'?"}
    ]


def test_the_example_has_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_DOCKER_HOST", "unix:///absent.sock")
    example = Path(__file__).parents[2] / "examples" / "orchestrator.yaml"
    result = _called("--config", str(example))
    assert result.exit_code == 0, result.stdout
