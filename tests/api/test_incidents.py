"""Incidents and availability on the API and the command line."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from click.testing import CliRunner, Result

from orchestrator.api.app import create_app
from orchestrator.cli import main
from orchestrator.core.history import History, joined, observe
from orchestrator.core.incidents import Cause, Entry, Incident, Member
from orchestrator.core.model import Status
from orchestrator.errors import StoreError
from tests.api.asgi import Answer, call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service
from tests.cli.served import serving

DB = Member("db", "root", Status.RUNNING, NOON - 600, NOON - 500)
CHILDREN = tuple(Member(f"child-{number}", "dependent", Status.UNHEALTHY, NOON - 60) for number in range(9))
TOLD = [
    Incident(
        1,
        Cause("db exited with code 1", "db"),
        "db exited with code 1",
        NOON - 600,
        NOON - 600.2,
        members=(DB,),
        acted_at=NOON - 599.5,
        recovered_at=NOON - 550,
        closed_at=NOON - 500,
    ),
    Incident(
        2,
        Cause("cache fails", "cache"),
        "cache fails",
        NOON - 70,
        None,
        members=(Member("cache", "root", Status.UNHEALTHY, NOON - 70, NOON - 60),),
        closed_at=NOON - 60,
        merged_into=3,
    ),
    Incident(
        3,
        Cause("killed at its memory limit", "db", confidence="likely", rule="oom", remedy="Raise the limit."),
        "db: killed at its memory limit",
        NOON - 60,
        NOON - 60.1,
        severity="critical",
        members=(Member("db", "root", Status.DISABLED, NOON - 60), *CHILDREN),
        acted_at=NOON - 59,
        timeline=(
            Entry(NOON - 60, "detected", "db", "db exited with code 137"),
            Entry(NOON - 59, "action", "db", "start: exited with code 137"),
            Entry(NOON - 58, "outcome", "db", "Restart completed: verified"),
            Entry(NOON - 57, "outcome", "db", "Restart failed: no"),
        ),
        omitted=4,
        evidence=({"run": 1},),
    ),
    Incident(
        4,
        Cause("the engine does not answer", subject="engine"),
        "the engine does not answer",
        NOON - 5,
        None,
        recovered_at=NOON - 1,
    ),
]


def a_supervisor() -> FakeSupervisor:
    supervisor = FakeSupervisor([a_service("db"), a_service("web")])
    supervisor.told_incidents = list(TOLD)
    history = observe(History(), "running", True, NOON - 1800)
    history = observe(history, "stopped", False, NOON - 1018)
    supervisor.past["db"] = joined(observe(history, "running", True, NOON - 1000), NOON - 1018)
    return supervisor


def get(path: str, supervisor: FakeSupervisor | None = None) -> Answer:
    return call(create_app(supervisor or a_supervisor(), StoppedClock()), "GET", f"/api/system{path}")


def ids(path: str) -> list[int]:
    return [one["id"] for one in get(path).json["incidents"]]


def test_the_list_is_newest_first_in_pages_and_without_stories() -> None:
    document = get("/incidents?limit=3").json
    assert [one["id"] for one in document["incidents"]] == [4, 3, 2]
    assert document["next_before"] == 2
    assert "timeline" not in document["incidents"][0]
    assert get("/incidents?before=2").json["next_before"] is None
    assert ids("/incidents?service=db") == [3, 1]
    assert ids("/incidents?status=open") == [4, 3]
    assert get("/incidents?status=odd").status == 422


def test_one_is_told_with_its_story_and_evidence() -> None:
    document = get("/incidents/3").json
    assert document["cause"]["remedy"] == "Raise the limit."
    assert document["timeline"][0]["kind"] == "detected"
    assert (document["omitted"], document["evidence"]) == (4, [{"run": 1}])
    assert document["seconds_to_act"] == 1.1


def test_one_that_there_is_not_is_404_and_a_store_that_is_away_503() -> None:
    answer = get("/incidents/99")
    assert (answer.status, answer.json["code"]) == (404, "unknown_incident")
    assert get("/incidents/0").status == 422
    supervisor = a_supervisor()
    supervisor.failure = StoreError("the store cannot be read")
    assert get("/incidents/1", supervisor).status == 503


def test_availability_is_told_a_window_and_what_is_not_known_is_said() -> None:
    listed = get("/availability").json["services"]
    assert [one["name"] for one in listed] == ["db", "web"]
    hour = listed[0]["windows"]["1h"]
    assert hour == {
        "availability": 0.99,
        "unknown": 0.5,
        "down_seconds": 18.0,
        "mean_seconds_to_recover": 18.0,
        "incidents": 1,
    }
    assert listed[1]["windows"]["30d"]["availability"] is None
    assert [one["name"] for one in get("/availability?service=web").json["services"]] == ["web"]
    assert get("/availability?service=nobody").status == 404


def test_a_history_is_told_without_a_gap() -> None:
    segments = get("/services/db/history?hours=1").json["segments"]
    assert [one["status"] for one in segments] == ["unknown", "running", "stopped", "running"]
    assert [one["available"] for one in segments] == [None, True, False, True]
    assert all(one["to"] == other["from"] for one, other in pairwise(segments))
    assert get("/services/nobody/history").status == 404
    assert get("/services/db/history?hours=721").status == 422


def test_open_incidents_are_figures() -> None:
    text = call(create_app(a_supervisor(), StoppedClock()), "GET", "/metrics").body.decode()
    assert 'orchestrator_incidents_open{severity="critical"} 1.0' in text
    assert 'orchestrator_incidents_open{severity="warning"} 1.0' in text
    assert "orchestrator_incident_members 10.0" in text


# --- on the command line ---------------------------------------------------------------------------------------


def run(*arguments: str, supervisor: FakeSupervisor | None = None) -> Result:
    with serving(create_app(supervisor or a_supervisor(), StoppedClock())) as address:
        return CliRunner(env={"ORCHESTRATOR_SERVER": address, "TZ": "UTC"}).invoke(main, arguments)


def test_the_list_has_a_line_an_incident() -> None:
    result = run("incidents")
    assert result.exit_code == 0
    rows = [line.split() for line in result.output.splitlines()]
    assert rows[0] == ["ID", "SINCE", "STATUS", "DETECTED", "ACTED", "RECOVERED", "DOWN", "CAUSE"]
    assert [row[0] for row in rows[1:]] == ["4", "3", "2", "1"]
    assert rows[1][3:] == ["recovering", "-", "-", "4.0s", "0", "the", "engine", "does", "not", "answer"]
    assert rows[2][3:8] == ["critical", "0.1s", "1.1s", "-", "10"]
    assert "part of incident 3: cache fails" in result.output
    assert rows[4][3:8] == ["closed", "0.2s", "0.7s", "50s", "1"]


def test_the_list_is_chosen_from() -> None:
    assert len(run("incidents", "--open").output.splitlines()) == 3
    assert len(run("incidents", "--service", "db", "--limit", "1").output.splitlines()) == 2
    empty = FakeSupervisor()
    assert "No incident.\n" in run("incidents", supervisor=empty).output
    assert "No incident is open.\n" in run("incidents", "--open", supervisor=empty).output


def test_the_story_of_one_is_a_page() -> None:
    result = run("incidents", "3")
    lines = result.output.splitlines()
    assert lines[0] == "incident 3 open, critical"
    assert "  cause       db: killed at its memory limit" in lines
    assert "  sure        likely, by the rule oom" in lines
    assert "  remedy      Raise the limit." in lines
    assert "  took        detected after 0.1s, acted on after 1.1s" in lines
    assert any(line.endswith("child-4 unhealthy, 4 more unhealthy") for line in lines)
    assert any("detected  db  db exited with code 137" in line for line in lines)
    assert "4 lines in the middle were left out" in result.output
    assert "1 piece of evidence" in result.output
    closed = run("incidents", "2").output
    assert "part of     incident 3" in closed
    assert "until" in closed


def test_json_is_the_api_s_own_answer() -> None:
    assert len(json.loads(run("incidents", "--json").output)["incidents"]) == 4
    assert json.loads(run("incidents", "3", "--json").output)["id"] == 3


def test_an_id_and_a_choice_are_a_wrong_call_and_an_unknown_one_is_refused() -> None:
    assert run("incidents", "3", "--open").exit_code == 2
    assert run("incidents", "three").exit_code == 2
    assert run("incidents", "99").exit_code == 1


@pytest.mark.parametrize(
    ("name", "told"), [("db", "99 %, 1 incident, recovered in 18s on average, 50% of the"), ("web", "")]
)
def test_show_tells_what_of_its_time_it_was_up(name: str, told: str) -> None:
    lines = [line for line in run("show", name).output.splitlines() if line.strip().startswith("up, ")]
    assert [told in line for line in lines[:1]] == ([True] if told else [])
