"""``up`` and ``down``: what they make of the answer and of the live stream, in words and for machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from orchestrator.cli.progress import Progress
from orchestrator.cli.rollout_report import document_of, live_lines, table

START = datetime(2026, 1, 1, tzinfo=UTC)
CHAIN = {"postgres": (), "backend": ("postgres",), "frontend": ("backend",)}


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def an_answer(status: str = "stopped", **refused: str) -> dict[str, Any]:
    services = [
        {
            "name": name,
            "phase": phase,
            "accepted": name not in refused,
            "code": refused.get(name, ""),
            "message": f"{name} is as it is",
            "status": status,
            "at_rest": False,
            "requires": list(needs),
            "wants": [],
        }
        for phase, (name, needs) in enumerate(CHAIN.items(), 1)
    ]
    return {"message": "3 services are brought up", "phases": [[name] for name in CHAIN], "services": services}


def event(name: str, message: str, status: str, seconds: float) -> dict[str, Any]:
    data = {"name": name, "status": status}
    return {"type": "service_status", "data": data, "message": message, "timestamp": at(seconds)}


def seen(name: str, status: str, seconds: float, reason: str = "", **fields: Any) -> dict[str, Any]:
    known = {"name": name, "status": status, "reason": reason, "waiting_on": [], "at_rest": False}
    return {"type": "service", "data": {**known, "container_state": "running", **fields}, "timestamp": at(seconds)}


def comes_up(progress: Progress, name: str, begun: float, healthy: float) -> None:
    progress.take(event(name, "Manual start initiated", "stopped", begun))
    progress.take(seen(name, "starting", begun))
    progress.take(event(name, "Restart completed", "running", healthy))
    progress.take(seen(name, "running", healthy + 0.2))


def words(progress: Progress) -> list[str]:
    return [click.unstyle(line) for line in table(progress, 300.0)]


def test_what_took_how_long_and_the_critical_path() -> None:
    progress = Progress("up", an_answer(), at(0))
    comes_up(progress, "postgres", 0.0, 3.1)
    assert not progress.over
    comes_up(progress, "backend", 3.1, 11.3)
    comes_up(progress, "frontend", 11.3, 12.3)
    assert progress.over
    told = words(progress)
    assert told[2].split() == ["backend", "2", "running", "3.1s", "8.2s", "waited", "for", "postgres"]
    assert told[-1] == "critical path: postgres 3.1 s -> backend 8.2 s -> frontend 1.0 s = 12.3 s"
    document = document_of(progress)
    assert document["total_seconds"] == 12.3
    assert [one["outcome"] for one in document["services"]] == ["done", "done", "done"]


def test_a_blip_of_one_that_was_up_already_is_no_part_of_the_critical_path() -> None:
    progress = Progress("up", an_answer(), at(0))
    comes_up(progress, "postgres", 0.0, 3.1)
    comes_up(progress, "backend", 3.1, 11.3)
    progress.take(event("postgres", "Health check failed", "unhealthy", 11.5))
    progress.take(event("postgres", "Service recovered", "running", 11.8))
    comes_up(progress, "frontend", 11.3, 12.3)
    assert words(progress)[-1] == "critical path: postgres 3.1 s -> backend 8.2 s -> frontend 1.0 s = 12.3 s"


def test_down_goes_the_other_way_round() -> None:
    progress = Progress("down", an_answer("running"), at(0))
    for name, begun, ended in (("frontend", 0.0, 1.0), ("backend", 1.0, 2.0), ("postgres", 2.0, 5.0)):
        progress.take(event(name, "Manual stop initiated", "running", begun))
        progress.take(seen(name, "running", begun, container_state="exited", at_rest=True))
        assert not progress.courses[name].outcome, "its stop is not over"
        progress.take(event(name, "Container stopped", "stopped", ended))
        progress.take(seen(name, "stopped", ended, container_state="exited", at_rest=True))
    assert progress.over
    assert words(progress)[-1] == "critical path: frontend 1.0 s -> backend 1.0 s -> postgres 3.0 s = 5.0 s"


def test_what_waits_for_one_that_is_lost_is_lost_too_also_through_others() -> None:
    progress = Progress("up", an_answer(), at(0))
    progress.take(seen("backend", "stopped", 1.0, "waiting for postgres", waiting_on=["postgres"]))
    progress.take(seen("frontend", "stopped", 1.0, "waiting for backend", waiting_on=["backend"]))
    assert not progress.over
    progress.take(seen("postgres", "disabled", 9.0, "10 failures without a stable run in between"))
    assert progress.over
    assert words(progress)[-3:] == [
        "postgres failed: 10 failures without a stable run in between",
        "backend is not healthy: waiting for postgres",
        "frontend is not healthy: waiting for backend",
    ]


def test_a_start_that_fails_and_is_tried_again_is_waited_for() -> None:
    progress = Progress("up", an_answer(), at(0))
    progress.take(seen("postgres", "stopped", 1.0, "exited with code 1", container_state="exited"))
    assert not progress.over
    assert words(progress)[-3] == "postgres is not healthy after 300 s: exited with code 1"


@pytest.mark.parametrize(
    ("reason", "outcome"), [("completed: exited with code 0", "done"), ("stopped by bob", "failed")]
)
def test_a_job_that_completes_is_there_and_what_somebody_else_stops_is_not(reason: str, outcome: str) -> None:
    progress = Progress("up", an_answer(), at(0))
    progress.take(seen("postgres", "stopped", 1.0, reason, at_rest=True, container_state="exited"))
    assert progress.courses["postgres"].outcome == outcome


def test_one_that_runs_on_or_is_gone_has_failed() -> None:
    progress = Progress("down", an_answer("running"), at(0))
    progress.take(seen("postgres", "running", 1.0, "the container still runs"))
    progress.take({"type": "service_gone", "data": {"name": "backend"}, "timestamp": at(2)})
    assert [one.outcome for one in progress.courses.values()] == ["failed", "failed", ""]


def test_a_lost_connection_costs_nothing_but_the_exact_moment() -> None:
    progress = Progress("up", an_answer(), at(0))
    services = [seen(name, "running", 0)["data"] for name in CHAIN]
    progress.take({"type": "snapshot", "data": {"services": services}, "timestamp": at(20)})
    assert progress.over


def test_where_a_terminal_has_no_room_for_all_those_that_are_done_are_left_out() -> None:
    progress = Progress("up", an_answer(), at(0))
    comes_up(progress, "postgres", 0.0, 3.0)
    shown = [click.unstyle(line).split()[0] for line in live_lines(progress, 4.0, 24)]
    assert shown[1::2] == ["postgres", "backend", "frontend"]
    short = "\n".join(live_lines(progress, 4.0, 3))
    assert "postgres" not in short
    assert "backend" in short
