"""State on its way from one store to another: whole, or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.adapters.stores import SqliteStore
from orchestrator.cli import main
from orchestrator.cli.state_file import State, UnusableFile, lines_of, read_lines
from orchestrator.ports import EventRecord, IncidentRecord, Kept
from orchestrator.runtime.clock import SystemClock

WEB = {"status": "running", "reason": "verified: HTTP 200 \u2028 \u00fc"}
STATE = State(
    {"web": dict(WEB)},
    [EventRecord(n, "web", {"message": "m", "sequence": n}) for n in range(3, 1205)],
    [
        IncidentRecord(n, {"id": n, "status": status, "members": []}, {"timeline": [], "evidence": []})
        for n, status in ((2, "closed"), (3, "open"))
    ],
    {"web": {"segments": [["running", True, 1.5]]}, "": {"alive_at": 2.5}},
)


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["state", *words], input=given)


def filled(path: Path, state: State = STATE) -> str:
    async def fill() -> None:
        store = SqliteStore(path, SystemClock())
        await store.open()
        await store.write(
            dict(state.services), state.events, incidents=state.incidents, histories=dict(state.histories)
        )
        await store.close()

    asyncio.run(fill())
    return f"--state={path}"


def held(path: Path) -> tuple[Kept, list[EventRecord]]:
    async def read() -> tuple[Kept, list[EventRecord]]:
        store = SqliteStore(path, SystemClock())
        try:
            return await store.open(), list(await store.events(5000))
        finally:
            await store.close()

    return asyncio.run(read())


def test_everything_arrives_in_another_store(tmp_path: Path) -> None:
    source, file, target = filled(tmp_path / "a.db"), tmp_path / "export", tmp_path / "b.db"

    exported = run("export", str(file), source)
    imported = run("import", str(file), f"--state={target}")

    assert exported.output == f"1 services, 1202 events and 2 incidents written to {file}\n"
    assert (imported.exit_code, imported.output) == (0, "1 services, 1202 events and 2 incidents imported\n")
    kept, events = held(target)
    assert (kept.services, kept.last_sequence) == ({"web": WEB}, 1204)
    assert events[::-1] == list(STATE.events)
    assert (list(kept.incidents), kept.last_incident) == ([STATE.incidents[1]], 3)
    assert kept.histories == STATE.histories
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_goes_through_a_pipe(tmp_path: Path) -> None:
    exported = run("export", "-", filled(tmp_path / "a.db"))

    assert run("import", "-", f"--state={tmp_path / 'b.db'}", given=exported.output).exit_code == 0
    assert held(tmp_path / "b.db")[0].last_sequence == 1204


def test_a_store_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    exported = run("export", "-", filled(tmp_path / "a.db"))
    target = filled(tmp_path / "b.db", State({"db": {"status": "stopped"}}, []))

    refused = run("import", "-", target, given=exported.output)

    assert refused.exit_code == 1
    assert "is not empty (1 services): nothing was imported" in refused.output
    assert held(tmp_path / "b.db")[0].services == {"db": {"status": "stopped"}}


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "export"
    file.write_text("mine")

    refused = run("export", str(file), filled(tmp_path / "a.db"))

    assert refused.exit_code == 1
    assert "exists already and is left as it is" in refused.output
    assert file.read_text() == "mine"


def test_a_store_in_use_is_not_moved(tmp_path: Path) -> None:
    source = filled(tmp_path / "a.db")

    async def meanwhile() -> Result:
        store = SqliteStore(tmp_path / "a.db", SystemClock())
        await store.open()
        try:
            return await asyncio.to_thread(run, "export", "-", source)
        finally:
            await store.close()

    refused = asyncio.run(meanwhile())

    assert refused.exit_code == 1
    assert "End it first" in refused.output


def test_an_empty_store_is_not_exported(tmp_path: Path) -> None:
    assert "there is nothing to export" in run("export", "-", f"--state={tmp_path / 'new.db'}").output


WHOLE = list(lines_of(STATE))


@pytest.mark.parametrize(
    ("lines", "fact"),
    [
        ([], "it is empty"),
        (["{}"], "not that of an export"),
        (["[]"], "line 1 is no JSON object"),
        (["what"], "line 1 is no JSON"),
        ([WHOLE[0].replace('"version":2', '"version":3'), *WHOLE[1:]], "it has version 3"),
        (WHOLE[:-1], "it was cut off or changed"),
        ([*WHOLE[:5], "{}", *WHOLE[6:]], "line 6 is neither a service nor an event"),
        ([*WHOLE[:2], WHOLE[3], WHOLE[2], *WHOLE[4:]], "line 4: event 3 comes after event 4"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_before_anything_is_written(lines: list[str], fact: str) -> None:
    with pytest.raises(UnusableFile, match=fact):
        read_lines(lines)


def test_an_unusable_file_leaves_no_trace(tmp_path: Path) -> None:
    refused = run("import", "-", f"--state={tmp_path / 'b.db'}", given="what\n")

    assert refused.exit_code == 1
    assert "Nothing was imported" in refused.output
    assert not (tmp_path / "b.db").exists()


def test_a_file_of_the_first_version_is_read() -> None:
    header = '{"format":"container-orchestrator-state","version":1,"services":1,"events":1}'
    event = '{"event":{"message":"m","sequence":3},"of":"web"}'
    read = read_lines([header, '{"service":"web","state":{"status":"running"}}', event])
    assert (read.services, len(read.events)) == ({"web": {"status": "running"}}, 1)
    assert (read.incidents, read.histories) == ([], {})
