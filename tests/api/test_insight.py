"""``/api/system/plan`` and ``explanation``: shapes, sentences, and the commands that print them."""

from __future__ import annotations

import json
from dataclasses import replace

from click.testing import CliRunner, Result

from orchestrator.api.app import create_app
from orchestrator.cli import main
from orchestrator.core.foresight import Intention
from orchestrator.core.model import Instant, Status
from orchestrator.core.story import Chapter
from orchestrator.errors import StoreError
from orchestrator.runtime.views import PlanView
from tests.api.asgi import call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service, an_event
from tests.cli.served import serving

UNHEALTHY = Status.UNHEALTHY
PLANNED = (
    PlanView("ai-llm", UNHEALTHY, Intention.RESTART, NOON + 38, "HTTP 500"),
    PlanView("ai-clip", Status.DISABLED, Intention.HELD, None, "disabled by ann", ("disabled",)),
    PlanView("web", UNHEALTHY, Intention.WAIT, None, "HTTP 502", ("waiting_on:db",)),
    PlanView("shop", UNHEALTHY, Intention.NOTHING, NOON + 5, "it would be disabled: 10 failures"),
    PlanView("db", Status.RUNNING, Intention.NOTHING, None, ""),
)

AILED = Chapter(
    at=Instant(0.0, NOON + 1801),
    status=UNHEALTHY,
    seen="container ai-llm-1 runs, for 3 h; its http check failed: HTTP 500",
    decided="unhealthy, it was running; failure 1 of 10",
    why="HTTP 500",
    waiting="its backoff, 2.0 s",
    upcoming="restart in 2.0 s, unless something changes",
    upcoming_at=NOON + 1803,
)


def a_supervisor() -> FakeSupervisor:
    events = [an_event(1, "ai-llm", "Service discovered"), an_event(2, "ai-llm", "Health check failed", "HTTP 500")]
    supervisor = FakeSupervisor([a_service(one.service, status=one.status) for one in PLANNED], events)
    supervisor.planned = {one.service: one for one in PLANNED}
    supervisor.stories = {"ai-llm": (AILED,)}
    return supervisor


def explained(name: str) -> dict[str, object]:
    answer = call(create_app(a_supervisor(), StoppedClock()), "GET", f"/api/system/services/{name}/explanation")
    document: dict[str, object] = answer.json
    return document


def test_the_plan_says_what_when_why_and_what_blocks() -> None:
    document = call(create_app(a_supervisor(), StoppedClock()), "GET", "/api/system/plan").json
    assert document["entries"][0] == {
        "service": "ai-llm",
        "status": "unhealthy",
        "intention": "restart",
        "at": "2024-01-15T10:00:38.000Z",
        "cause": "HTTP 500",
        "blocked_by": [],
    }
    assert document["entries"][1]["blocked_by"] == ["disabled"]
    assert document["timestamp"] == "2024-01-15T10:00:00.000Z"


def test_an_explanation_has_the_service_the_next_action_and_the_decisions_newest_first() -> None:
    document = explained("ai-llm")
    assert document["now"] == "ai-llm is unhealthy"
    assert document["next"] == {"action": "restart", "at": "2024-01-15T10:00:38.000Z", "cause": "HTTP 500"}
    decisions = document["decisions"]
    assert isinstance(decisions, list)
    assert [one["sequence"] for one in decisions] == [2, 1]
    assert decisions[0] == {
        "at": "2024-01-15T10:30:00.000Z",
        "message": "Health check failed",
        "cause": "HTTP 500",
        "status": "running",
        "sequence": 2,
    }


def test_an_explanation_tells_the_story_of_the_last_decisions() -> None:
    assert explained("ai-llm")["story"] == [
        {
            "at": "2024-01-15T10:30:01.000Z",
            "status": "unhealthy",
            "seen": "container ai-llm-1 runs, for 3 h; its http check failed: HTTP 500",
            "decided": "unhealthy, it was running; failure 1 of 10",
            "why": "HTTP 500",
            "waiting": "its backoff, 2.0 s",
            "upcoming": "restart in 2.0 s, unless something changes",
            "upcoming_at": "2024-01-15T10:30:03.000Z",
        }
    ]
    assert explained("db")["story"] == []


def test_the_sentence_says_what_keeps_it_from_being_healed() -> None:
    assert explained("ai-clip")["now"] == "ai-clip is disabled; nothing is done for it (disabled)"
    assert explained("web")["now"] == "web is unhealthy; it waits (waiting_on:db)"
    assert "at 2024-01-15T10:00:05.000Z it would be disabled" in str(explained("shop")["now"])
    assert (explained("db")["now"], explained("db")["next"]) == ("db is running", None)


def test_an_unknown_name_is_404_and_a_store_that_is_away_503() -> None:
    supervisor = a_supervisor()
    app = create_app(supervisor, StoppedClock())
    assert call(app, "GET", "/api/system/services/nobody/explanation").status == 404
    supervisor.failure = StoreError("the store cannot be read")
    assert call(app, "GET", "/api/system/services/db/explanation").status == 503


# --- on the command line ------------------------------------------------------------------------------------


def run(*arguments: str, supervisor: FakeSupervisor | None = None) -> Result:
    with serving(create_app(supervisor or a_supervisor(), StoppedClock())) as address:
        return CliRunner(env={"ORCHESTRATOR_SERVER": address}).invoke(main, arguments)


def test_plan_is_a_line_a_service() -> None:
    result = run("plan")
    assert result.exit_code == 0
    rows = [line.split(maxsplit=4) for line in result.output.splitlines()]
    assert rows[0] == ["SERVICE", "STATUS", "INTENTION", "IN", "WHY"]
    assert rows[1] == ["ai-llm", "unhealthy", "restart", "38s", "HTTP 500"]
    assert rows[3] == ["web", "unhealthy", "wait", "-", "waiting for db; HTTP 502"]
    assert rows[5] == ["db", "running", "nothing", "-"]


def test_explain_says_now_next_and_the_decisions() -> None:
    lines = run("explain", "ai-llm").output.splitlines()
    assert lines[0] == "ai-llm is unhealthy"
    assert lines[1].startswith("next: restart at ")
    assert lines[2].endswith("seen       container ai-llm-1 runs, for 3 h; its http check failed: HTTP 500")
    assert [line.split(maxsplit=1)[0] for line in lines[3:6]] == ["decided", "waits", "then"]
    assert lines[5].endswith("then       restart in 2.0 s, unless something changes")
    assert lines[6].endswith("Health check failed  HTTP 500"), "what was told before it"
    assert lines[7].endswith("Service discovered")
    assert "next: nothing, unless something changes" in run("explain", "db").output
    supervisor = a_supervisor()
    supervisor.stories = {"ai-llm": (replace(AILED, why="it was asked for"),)}
    supervisor.overall = replace(supervisor.overall, dry_run=True)
    said = run("explain", "ai-llm", supervisor=supervisor).output
    assert "  because    it was asked for" in said, "what was seen does not say it already"
    assert "next (told, not done: it is a dry run): restart" in said


def test_json_is_the_api_s_own_answer() -> None:
    assert len(json.loads(run("plan", "--json").output)["entries"]) == len(PLANNED)
    assert json.loads(run("explain", "db", "--json").output)["service"]["name"] == "db"


def test_a_name_that_is_not_known_is_exit_code_1() -> None:
    assert run("explain", "nobody").exit_code == 1
