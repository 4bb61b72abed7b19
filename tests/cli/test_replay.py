"""``orchestrator replay``: what another policy would have done, in words, and by its exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli import main
from orchestrator.core.recording import Writer
from orchestrator.testing import Scenario


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A service that dies three times in a row; it waits 0, 4 and 8 seconds, and its labels say so."""
    path = tmp_path_factory.mktemp("recording") / "state.decisions.jsonl"
    labels = {"orchestrator.recovery.backoff_max": "1m"}
    with Scenario() as story:
        web = story.container("web", labels=labels)
        story.container("db")
        story.run_for("1m")
        for _ in range(3):
            story.now(web.crashes())
            story.run_for("40s")
        path.write_text("".join(story.recording.lines), encoding="utf-8")
    yield path


def replayed(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)], input=text)


def test_by_the_recorded_policy_nothing_differs_and_that_is_exit_code_0(recording: Path) -> None:
    result = replayed(recording)
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == 1
    assert "decisions for 2 services" in result.output
    assert result.output.endswith(": 3 starts. Nothing would have differed.\n")


def test_by_another_policy_it_says_what_differs_and_that_is_exit_code_1(recording: Path) -> None:
    result = replayed(recording, "--set", "recovery.backoff_base=10s")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].endswith("web  would wait 20.0 s instead of 4.0 s before the next attempt")
    assert "web  would start 16.0 s later, if nothing had changed until then: exited with code 1" in lines[1]
    assert lines[4].endswith(": 3 starts. 2 starts would have come later, by 16.0 s to 32.0 s.")
    assert lines[5].startswith("What the world would have answered to another action nobody knows")


def test_a_policy_for_one_service_leaves_the_others(recording: Path) -> None:
    assert replayed(recording, "--set", "services.db.recovery.backoff_base=10s").exit_code == 0
    result = replayed(recording, "--set", "services.web.recovery.max_failures=2")
    assert "would not start: 2 failures without a stable run in between" in result.output
    assert "2 starts would not have happened." in result.output
    assert replayed(recording, "--set", "recovery.max_failures=2", "--service", "db").exit_code == 0


def test_a_difference_without_any_action_is_told_as_such(recording: Path, tmp_path: Path) -> None:
    lines = recording.read_text().splitlines(keepends=True)
    waiting = next(n for n, line in enumerate(lines) if '"last_backoff":4.0' in line.partition('"decision"')[2])
    before = tmp_path / "before.jsonl"
    before.write_text("".join(lines[: waiting + 1]))
    result = replayed(before, "--set", "recovery.backoff_base=10s")
    assert result.exit_code == 1
    assert "Every action would have come as it did." in result.output


def test_another_configuration_is_read_with_the_recorded_labels(recording: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("discovery: all\nservices:\n  web: {recovery: {backoff_base: 1s}}\n")
    result = replayed(recording, "--config", file)
    assert result.exit_code == 1
    assert "2 starts would have come earlier, by 2.0 s to 4.0 s." in result.output
    file.write_text("discovery: all\n")
    assert replayed(recording, "--config", file).exit_code == 0
    file.write_text("discovery: all\nservices:\n  web: {enable: false}\n")
    left = replayed(recording, "--config", file).output
    assert "Not looked after by that configuration, and replayed as recorded: web." in left


def test_json_is_for_machines(recording: Path) -> None:
    document = json.loads(replayed(recording, "--json", "--set", "recovery.backoff_base=10s").output)
    assert document["actions"] == {"start": 3}
    assert document["services"] == ["db", "web"]
    assert document["deviations"] == {"wait": 2, "later": 2}
    later = document["differences"][1]
    assert (later["service"], later["deviation"], later["action"]) == ("web", "later", "start")
    assert later["seconds"] == pytest.approx(16.0)
    assert later["at"].endswith("Z")
    assert len(document["notes"]) == 1


def test_standard_input_can_be_replayed(recording: Path) -> None:
    assert replayed("-", text=recording.read_text()).exit_code == 0


def test_a_file_that_cannot_be_used_is_exit_code_2_with_the_line(recording: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jsonl"
    lines = recording.read_text().splitlines(keepends=True)
    damaged.write_text("".join([*lines[:4], lines[4][:50] + "\n", *lines[5:]]))
    result = replayed(damaged)
    assert result.exit_code == 2
    assert result.output == (
        f"Error: {damaged}: line 5: it is no JSON. Recordings are what `orchestrator serve --record FILE` writes.\n"
    )
    damaged.write_text("")
    assert "line 1: it is empty" in replayed(damaged).output
    damaged.write_bytes(b"\xff\xfe\x00")
    assert replayed(damaged).exit_code == 2
    assert replayed(tmp_path / "none").exit_code == 2
    assert "unknown key" in replayed(recording, "--set", "weather=fine").output
    assert replayed(recording, "--set", "weather=fine").exit_code == 2


def test_what_is_missing_in_a_recording_is_said(recording: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    lines = recording.read_text().splitlines(keepends=True)
    cut.write_text("".join([lines[0], Writer.lost(7), *lines[1:-1], lines[-1][:30]]))
    result = replayed(cut)
    assert result.exit_code == 0
    assert "7 decisions could not be recorded" in result.output
    assert "The last line was being written when its process ended: it is left out." in result.output
    cut.write_text(lines[0])
    assert replayed(cut).output == "No decision is in it.\n"
