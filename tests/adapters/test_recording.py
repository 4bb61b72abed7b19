"""The recording's file: bounded, mended after a sudden death, and never anybody else's."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.adapters.recording import RecordingFile
from orchestrator.bootstrap import make_recording
from orchestrator.configuration import load
from orchestrator.core.messages import Decision, Facts
from orchestrator.core.model import Instant, ServiceSpec, ServiceState
from orchestrator.core.recording import DecisionRecord, Recording
from orchestrator.errors import StoreUnavailable
from orchestrator.ports import DecisionSink
from orchestrator.testing import MemoryRecording

WEB = ServiceSpec("web", "Web")


class StoppedClock:
    def now(self) -> Instant:
        return Instant(5.0, 1_700_000_000.0)


def a_record(reason: str = "") -> DecisionRecord:
    after = ServiceState(reason=reason)
    return DecisionRecord(WEB, ServiceState(), Facts(), StoppedClock().now(), Decision(after))


def a_file(path: Path, largest: int = 1 << 20) -> RecordingFile:
    return RecordingFile(path, StoppedClock(), "1.2.3", largest=largest)


def write(sink: DecisionSink, *records: DecisionRecord, lost: int = 0) -> None:
    asyncio.run(sink.write(records, lost))


def read(path: Path) -> list[DecisionRecord]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        return list(Recording(lines))


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_what_was_written_is_read_and_what_was_lost_is_said(kind: str, tmp_path: Path) -> None:
    memory = MemoryRecording()
    sink: DecisionSink = memory if kind == "memory" else a_file(tmp_path / "d.jsonl")
    write(sink, a_record("one"), a_record("two"))
    write(sink, a_record("three"), lost=4)
    sink.close()
    lines = memory.lines if kind == "memory" else (tmp_path / "d.jsonl").read_text().splitlines(keepends=True)
    reading = Recording(lines)
    assert [record.decision.state.reason for record in reading] == ["one", "two", "three"]
    assert reading.lost == 4
    assert sink.location


def test_its_folder_and_itself_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "d.jsonl"
    sink = a_file(path)
    write(sink, a_record())
    sink.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_two_files_are_all_that_it_ever_takes(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    sink = a_file(path, largest=2000)
    for number in range(100):
        write(sink, a_record(f"number {number}"))
    sink.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["d.jsonl", "d.jsonl.1"]
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 2 * 3000
    both = [*read(tmp_path / "d.jsonl.1"), *read(path)]
    assert [record.decision.state.reason for record in both] == [f"number {n}" for n in range(100 - len(both), 100)]


def test_the_next_process_goes_on_behind_the_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    first = a_file(path)
    write(first, a_record("one"), a_record("two"))
    first.close()
    os.truncate(path, path.stat().st_size - 20)
    second = a_file(path)
    write(second, a_record("three"))
    second.close()
    assert [record.decision.state.reason for record in read(path)] == ["one", "three"]


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_text("Dear diary")
    sink = a_file(path)
    with pytest.raises(StoreUnavailable, match=r"is no recording of decisions, and is left alone"):
        write(sink, a_record())
    sink.close()
    assert path.read_text() == "Dear diary"


def test_a_place_that_cannot_be_written_is_refused_in_words_and_used_when_it_can_be(tmp_path: Path) -> None:
    folder = tmp_path / "d.jsonl"
    folder.mkdir()
    sink = a_file(folder)
    with pytest.raises(StoreUnavailable, match=r"cannot be written: Is a directory"):
        write(sink, a_record())
    folder.rmdir()
    write(sink, a_record("now"))
    sink.close()
    assert [record.decision.state.reason for record in read(folder)] == ["now"]


def test_a_file_that_was_taken_away_begins_anew_and_can_be_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    sink = a_file(path)
    write(sink, a_record("one"))
    path.rename(tmp_path / "taken.jsonl")
    write(sink, a_record("two"))
    sink.close()
    assert [record.decision.state.reason for record in read(path)] == ["two"]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """A file that may not grow stands for it: the kernel's own refusal in the middle of a batch."""
    import resource  # noqa: PLC0415 - this test alone
    import signal  # noqa: PLC0415

    path = tmp_path / "d.jsonl"
    sink = a_file(path)
    write(sink, a_record("one"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 300, before[1]))
    try:
        with pytest.raises(StoreUnavailable, match="File too large"):
            write(sink, *(a_record(f"two {n}") for n in range(10)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    write(sink, a_record("three"), lost=10)
    sink.close()
    assert [record.decision.state.reason for record in read(path)] == ["one", "three"]


def test_another_specification_of_a_service_is_written_before_its_decision(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    sink = a_file(path)
    records = [a_record(), replace(a_record(), spec=replace(WEB, grace=7.0))]
    write(sink, *records)
    sink.close()
    assert read(path) == records


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"state": Path("/x/state.db")}, "/x/state.decisions.jsonl"),
        ({"state": Path("/x/state.db"), "record": "/y/d.jsonl"}, "/y/d.jsonl"),
        ({"record": "off"}, None),
        ({"redis_url": "redis://127.0.0.1"}, None),
        ({"redis_url": "redis://127.0.0.1", "record": "/y/d.jsonl"}, "/y/d.jsonl"),
    ],
)
def test_it_is_beside_the_state_file_unless_it_is_named(settings: dict[str, object], place: str | None) -> None:
    sink = make_recording(load(settings, dotenv=None).settings, StoppedClock())
    assert (None if sink is None else sink.location) == place
