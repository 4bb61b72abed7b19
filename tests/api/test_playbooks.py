"""``/api/system/playbooks``: what is tried for whom, a look at it, and running it; and the commands that do."""

from __future__ import annotations

from click.testing import CliRunner, Result

from orchestrator.api.app import create_app
from orchestrator.cli import main
from orchestrator.core.messages import RunPlaybook
from orchestrator.core.playbooks import Course, ExecStep, Playbook, RestartStep, When
from orchestrator.core.rehearsal import Rehearsed
from orchestrator.runtime.repertoire import PlaybookView
from tests.api.asgi import Answer, call
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service
from tests.cli.served import serving

PATH = "/api/system/services/redis/playbooks/redis-memory"
BOOK = Playbook(
    "redis-memory", (ExecStep("ls"), RestartStep()), When(("OOM",), ("dns",)), source="the catalog"
)  # fmt: skip
STEPS = (
    Rehearsed("exec in redis: ls", ("redis",), "0123456789abcdef", "ls", 10.0, 15.0),
    Rehearsed("restart db", ("db",), verify=60.0, refusal="there is no service db"),
)


def a_supervisor(course: Course | None = None) -> FakeSupervisor:
    supervisor = FakeSupervisor([a_service("redis"), a_service("web")])
    supervisor.repertoire = (PlaybookView("redis", BOOK, course, ("exec in redis: ls", "restart redis")),)
    supervisor.rehearsals = {("redis", "redis-memory"): STEPS}
    return supervisor


def asked(method: str, path: str, supervisor: FakeSupervisor | None = None) -> Answer:
    return call(create_app(supervisor or a_supervisor(), StoppedClock()), method, path)


def test_the_list_says_for_whom_when_what_and_how_far_it_is() -> None:
    (one,) = asked("GET", "/api/system/playbooks", a_supervisor(Course("redis-memory", "OOM", step=1))).json[
        "playbooks"
    ]
    assert one == {
        "service": "redis",
        "name": "redis-memory",
        "source": "the catalog",
        "texts": ["OOM"],
        "rules": ["dns"],
        "instead": False,
        "steps": ["exec in redis: ls", "restart redis"],
        "running": {"step": 2, "cause": "OOM", "verifying": False},
    }


def test_a_look_shows_every_step_and_asks_for_nothing() -> None:
    supervisor = a_supervisor()
    document = asked("GET", PATH, supervisor).json
    assert document["steps"][0]["container_id"] == "0123456789ab"
    assert document["steps"][1]["refusal"] == "there is no service db"
    assert supervisor.commands == []


def test_running_it_names_it_and_nothing_else() -> None:
    supervisor = a_supervisor()
    answer = asked("POST", f"{PATH}/run?command=rm", supervisor)
    assert answer.status == 200
    ((service, command),) = supervisor.commands
    assert service == "redis"
    assert isinstance(command, RunPlaybook)
    assert command.playbook == "redis-memory"


def test_one_that_is_not_declared_is_not_found_and_not_asked_for() -> None:
    supervisor = a_supervisor()
    for method, path in (("GET", ""), ("POST", "/run")):
        answer = asked(method, f"/api/system/services/redis/playbooks/x{path}", supervisor)
        assert (answer.status, answer.json["code"]) == (404, "unknown_playbook")
        assert answer.json["detail"] == "redis has no playbook 'x'; it has: redis-memory."
    assert asked("GET", "/api/system/services/web/playbooks/x").json["detail"].endswith("it has none.")
    assert asked("GET", "/api/system/services/nobody/playbooks/x").json["code"] == "unknown_service"
    assert supervisor.commands == []


# --- the command ----------------------------------------------------------------------------------------------------


def invoked(supervisor: FakeSupervisor, *arguments: str) -> Result:
    with serving(create_app(supervisor, StoppedClock())) as address:
        return CliRunner().invoke(main, [*arguments, f"--server={address}"])


def test_the_command_lists_them() -> None:
    result = invoked(a_supervisor(Course("redis-memory", "OOM")), "playbooks")
    assert result.exit_code == 0
    assert '"OOM" or dns' in result.output
    assert "step 1 is under way; exec in redis: ls; restart redis" in result.output
    empty = invoked(FakeSupervisor([a_service("web")]), "playbooks")
    assert "No service has a playbook." in empty.output


def test_the_command_looks_at_one_without_running_it() -> None:
    supervisor = a_supervisor()
    result = invoked(supervisor, "playbooks", "run", "redis", "redis-memory", "--dry-run")
    assert result.exit_code == 0
    for words in ("nothing is done", "exec in redis: ls", "0123456789ab", "within 15 s", "there is no service db"):
        assert words in result.output
    assert supervisor.commands == []


def test_the_command_runs_one() -> None:
    supervisor = a_supervisor()
    result = invoked(supervisor, "playbooks", "run", "redis", "redis-memory")
    assert result.exit_code == 0, result.output
    assert len(supervisor.commands) == 1
    assert invoked(supervisor, "playbooks", "run", "redis", "x").exit_code == 1


def test_programs_get_json() -> None:
    assert '"playbooks"' in invoked(a_supervisor(), "playbooks", "--json").output
    assert (
        '"steps"' in invoked(a_supervisor(), "playbooks", "run", "redis", "redis-memory", "--dry-run", "--json").output
    )
