"""The running orchestrator, its store, the configuration and the limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.doctor.facts import MachineSeen, Process, ServeSeen, StateSeen
from orchestrator.doctor.findings import Finding, Level
from orchestrator.doctor.process import judge_configuration, judge_limits
from orchestrator.doctor.serving import Expected, judge_serve
from orchestrator.doctor.state import judge_state
from orchestrator.errors import Problem
from tests.configuration.scenes import configuration
from tests.doctor.scenes import health, served, told

OURS = Expected("1.0", "unix:///run/docker.sock", "/state.db")
NOBODY = ServeSeen("http://127.0.0.1:8787", None, "nobody answers: connection refused", "Start one")


def judged(*services: dict[str, Any], stream: str | None = None, **fields: Any) -> list[Finding]:
    return list(judge_serve(ServeSeen("http://127.0.0.1:8787", health(*services, **fields), stream=stream), OURS))


def test_one_that_does_well_is_a_line() -> None:
    assert [finding.level for finding in judged(served())] == [Level.OK]


def test_nobody_serving_is_a_warning_and_a_stranger_on_the_port_a_failure() -> None:
    assert told(judge_serve(NOBODY, OURS), Level.WARNING) == [
        "orchestrator http://127.0.0.1:8787: nobody answers: connection refused. Start one."
    ]
    stranger = replace(NOBODY, failure="it is none", refused=True, listener=Process(7, "nginx"))
    (words,) = told(judge_serve(stranger, OURS), Level.FAILED)
    assert "process 7 (nginx) has the port" in words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": "0.9"}, "it runs version 0.9, and 1.0 is installed here. Restart it"),
        ({"engine": {"endpoint": "tcp://x", "reachable": True, "detail": ""}}, "the engine at tcp://x, and from here"),
        ({"dry_run": True}, "it is a dry run: what would be done is told, and nothing is healed. Restart it without"),
        ({"store": {"location": "/other.db", "healthy": True}}, "in /other.db, and by the settings here"),
    ],
)
def test_one_that_is_not_as_this_command_would_serve_is_a_warning(fields: dict[str, Any], words: str) -> None:
    (found,) = told(judged(**fields), Level.WARNING)
    assert words in found


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"workers": [{"name": "health", "state": "degraded", "detail": "KeyError"}]}, "worker health is degraded"),
        ({"engine": {"endpoint": OURS.endpoint, "reachable": False, "detail": "Start it."}}, "reached. Start it."),
        (
            {"store": {"location": "/state.db", "healthy": False, "detail": "Free space", "pending_writes": 9}},
            "its state is not kept; 9 writes wait. Free space.",
        ),
        ({"last_turn_at": "2024-01-15T09:58:00.000Z"}, "it has decided nothing for 120 s"),
    ],
)
def test_a_part_that_does_not_work_is_a_failure(fields: dict[str, Any], words: str) -> None:
    (found,) = told(judged(**fields), Level.FAILED)
    assert words in found


def test_a_channel_that_fails_is_a_failure_and_one_that_works_is_not_worth_a_line() -> None:
    working = {"name": "ops", "working": True, "detail": "", "undelivered": 0}
    failing = {"name": "phone", "working": False, "detail": "HTTP 403", "undelivered": 2}
    (found,) = told(judged(notifications=[working, failing]), Level.FAILED)
    assert found == (
        "notification channel phone: the last message failed: HTTP 403; incidents not told yet: 2. "
        "It is tried again by itself; `orchestrator notify --test phone` tries it now."
    )


def test_a_live_stream_that_tells_nothing_is_a_failure() -> None:
    assert "nothing came within 2 s" in told(judged(stream="nothing came within 2 s"), Level.FAILED)[0]


def test_a_disabled_service_is_told_with_the_way_back() -> None:
    (words,) = told(judged(served(status="disabled", reason="10 failures")), Level.WARNING)
    assert "disabled: 10 failures" in words
    assert "`orchestrator enable web`" in words


def test_a_backoff_is_told_with_what_remains() -> None:
    due = served(status="unhealthy", reason="HTTP 500", retry_at="2024-01-15T10:00:38.000Z", strikes=3)
    (words,) = told(judged(due), Level.WARNING)
    assert "unhealthy: HTTP 500; in backoff, 38 s remaining, 3 strikes" in words
    assert "Wait, or `orchestrator restart web`" in words


def test_one_that_waits_for_another_says_which_to_heal() -> None:
    waiting = served(status="stopped", reason="waiting for db", waiting_on=["db"])
    assert "Heal db first" in told(judged(waiting), Level.WARNING)[0]


def test_down_without_a_next_attempt_is_a_failure_and_at_rest_is_none() -> None:
    assert "explain web" in told(judged(served(status="stopped", reason="exited")), Level.FAILED)[0]
    assert [each.level for each in judged(served(status="stopped", at_rest=True))] == [Level.OK]


# --- the store ----------------------------------------------------------------------------------------------


def test_a_store_that_can_be_used_is_told_with_who_has_it() -> None:
    running = ServeSeen("", health())
    kept = StateSeen("state file /x", "/x", holder="process 7 (orchestrator serve)")
    assert told(judge_state(kept, running), Level.OK) == [
        "state file /x: can be read and written, in use by process 7 (orchestrator serve)."
    ]
    assert "can be made" in told(judge_state(StateSeen("state file /x", "/x", new=True), running), Level.OK)[0]


def test_a_store_with_trouble_fails_and_little_space_warns() -> None:
    found = list(judge_state(StateSeen("state file /x", "/x", "the disk is full", "Free some", free=2**20), NOBODY))
    assert told(found, Level.FAILED) == ["state file /x: the disk is full. Free some."]
    assert "1 MB are free" in told(found, Level.WARNING)[0]


def test_a_store_that_is_held_while_nobody_answers_is_told() -> None:
    (words,) = told(judge_state(StateSeen("state file /x", "/x", holder="process 7"), NOBODY), Level.WARNING)
    assert "process 7 has it, and no orchestrator answers at http://127.0.0.1:8787" in words


def test_what_is_remembered_as_disabled_is_told_without_a_running_orchestrator() -> None:
    (words,) = told(judge_state(StateSeen("state file /x", "/x", disabled=("db",)), NOBODY), Level.WARNING)
    assert "orchestrator enable db" in words
    assert told(judge_state(StateSeen("x", "x", disabled=("db",)), ServeSeen("", health())), Level.WARNING) == []


# --- configuration and limits -------------------------------------------------------------------------------


def test_every_problem_of_the_configuration_fails(tmp_path: Path) -> None:
    problems = (Problem("orchestrator.yaml", "services.x.port", "'70000' is no valid port"),)
    (words,) = told(judge_configuration(configuration(tmp_path), problems), Level.FAILED)
    assert words.startswith("orchestrator.yaml: services.x.port: '70000' is no valid port.")
    assert "no problem in" in told(judge_configuration(configuration(tmp_path), ()), Level.OK)[0]


def test_an_orchestrator_that_is_not_enabled_is_told(tmp_path: Path) -> None:
    off = configuration(tmp_path, enabled=False)
    assert "nothing is healed" in told(judge_configuration(off, ()), Level.WARNING)[0]


def test_too_few_open_files_for_so_many_probes_are_told_with_the_limit_to_set() -> None:
    (words,) = told(judge_limits(MachineSeen(256, "process 7"), 100, 100), Level.WARNING)
    assert "process 7 may have 256 open" in words
    assert "LimitNOFILE=656" in words
    assert told(judge_limits(MachineSeen(1024, "process 7"), 100, 100), Level.WARNING) == []
