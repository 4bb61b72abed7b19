"""Playbooks as stories: a step helps, or the next one follows; and what comes in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from orchestrator.core.messages import Hold, Release, RunPlaybook
from orchestrator.testing import Scenario, Workload
from orchestrator.testing.daemon import Dialect
from orchestrator.testing.workload import Condition

SICK = "HTTP 500"
PLAYBOOK = "Playbook "


def declared(*steps: object, **more: object) -> Mapping[str, object]:
    """For the service ``web``, whenever it is sick."""
    book = {"for": {"services": ["web"]}, "when": {"texts": [SICK]}, "steps": list(steps), **more}
    return {
        "playbooks": {"cure": book},
        "defaults": {"health": {"interval": "5s"}, "recovery": {"backoff_base": "2s", "stop_timeout": "1s"}},
    }


def told(world: Scenario, service: str = "web") -> Sequence[str]:
    return [each.removeprefix(PLAYBOOK) for each in world.messages(service) if each.startswith(PLAYBOOK)]


FLUSH = {"exec": {"command": ["flush"], "service": "db", "verify": "10s"}}
RELOAD = {"signal": {"signal": "HUP", "verify": "10s"}}


def test_the_first_step_helps_and_nothing_is_restarted() -> None:
    with Scenario(configuration=declared(FLUSH, "restart")) as world:
        world.container("db")
        web = world.container("web", workload=Workload(cured_by=frozenset({"flush"})))
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("1m")
        world.must_be("web", "running")
        assert told(world) == ["started", "step", "helped"]
        assert world.restarts_of("web") == 0
        assert "Service recovered" in world.messages("web")


def test_the_next_step_follows_only_if_the_last_did_not_verify() -> None:
    with Scenario(configuration=declared(FLUSH, RELOAD, "restart")) as world:
        world.container("db", workload=Workload(missing_commands=frozenset({"flush"})))
        web = world.container("web", workload=Workload(cured_by=frozenset({"SIGHUP"})))
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("1m")
        world.must_be("web", "running")
        assert told(world) == ["started", "step", "step did not help", "step", "helped"]
        assert world.restarts_of("web") == 0


def test_its_own_restart_can_be_a_step_and_is_verified_as_any_restart() -> None:
    with Scenario(configuration=declared(RELOAD, "restart")) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("2m")
        world.must_be("web", "running")
        assert told(world) == ["started", "step", "step did not help", "step", "helped"]
        assert world.restarts_of("web") == 1


def test_what_did_not_help_gives_way_to_the_ordinary_restart_and_is_not_run_again() -> None:
    with Scenario(configuration=declared(RELOAD, {"notify": "look at it"})) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("30s")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1
        world.now(web.gets_sick())
        world.run_for("50s")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 2
        assert told(world) == ["started", "step", "step did not help", "notice", "did not help"]


def test_after_a_stable_run_it_is_tried_again() -> None:
    with Scenario(configuration=declared(RELOAD)) as world:
        web = world.container("web")
        world.run_for("1m")
        for _ in range(2):
            world.now(web.gets_sick())
            world.run_for("10m")
        world.must_be("web", "running")
        assert told(world).count("started") == 2


def test_instead_of_a_restart_it_is_tried_again_by_backoff_until_the_limit() -> None:
    configuration = dict(declared({"signal": {"signal": "HUP", "verify": "2s"}}, instead=True))
    with Scenario(configuration=configuration) as world:
        web = world.container("web", labels={"orchestrator.recovery.max_failures": "3"})
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("5m")
        world.must_be("web", "disabled")
        assert told(world).count("did not help") == 2
        assert world.restarts_of("web") == 0


def test_what_helps_again_and_again_slows_down_and_comes_to_the_limit() -> None:
    with Scenario(configuration=declared(RELOAD)) as world:
        labels = {"orchestrator.recovery.max_failures": "4"}
        web = world.container("web", labels=labels, workload=Workload(cured_by=frozenset({"SIGHUP"})))
        world.run_for("1m")
        for _ in range(6):
            world.now(web.gets_sick())
            world.run_for("40s")
        world.must_be("web", "disabled")
        assert told(world).count("helped") == 3


def test_a_service_that_is_down_is_started_after_a_step() -> None:
    with Scenario(configuration=declared(FLUSH, when={"texts": ["exited with code 7"]})) as world:
        world.container("db", workload=Workload(cured_by=frozenset({"flush"})))
        web = world.container("web")
        world.run_for("1m")
        world.now(web.crashes(7))
        world.run_for("1m")
        world.must_be("web", "running")
        assert told(world) == ["started", "step", "helped"]
        assert world.restarts_of("web") == 1


def test_another_service_is_restarted_as_if_somebody_had_asked_for_it() -> None:
    step = {"restart": {"service": "db", "verify": "10s"}}
    with Scenario(configuration=declared(step, {"wait_healthy": {"service": "db", "within": "20s"}}, RELOAD)) as world:
        world.container("db")
        web = world.container("web", workload=Workload(cured_by=frozenset({"SIGHUP"})))
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("1m")
        world.must_be("web", "running")
        assert world.restarts_of("db") == 1
        assert "Manual restart initiated" in world.messages("db")
        assert told(world) == ["started", "step", "step did not help", "step", "step", "helped"]


def test_another_service_that_a_person_holds_is_left_alone() -> None:
    with Scenario(configuration=declared({"restart": {"service": "db"}}, FLUSH, RELOAD)) as world:
        world.container("db")
        web = world.container("web", workload=Workload(cured_by=frozenset({"SIGHUP"})))
        world.run_for("1m")
        world.ask("db", Hold("ann", 3600.0, "backup"))
        world.now(web.gets_sick())
        world.run_for("1m")
        world.must_be("web", "running")
        assert world.restarts_of("db") == 0
        assert told(world) == ["started", "step did not help", "step did not help", "step", "helped"]


def test_a_hold_in_the_middle_stays_the_course_and_its_end_lets_it_go_on() -> None:
    with Scenario(configuration=declared(RELOAD, FLUSH)) as world:
        world.container("db")
        web = world.container("web", workload=Workload(cured_by=frozenset({"flush"})))
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: "step" in told(world), within="30s")
        world.ask("web", Hold("ann", 3600.0, "looking"))
        world.run_for("10m")
        assert told(world) == ["started", "step"]
        world.ask("web", Release("ann"))
        world.run_for("1m")
        world.must_be("web", "running")
        assert told(world) == ["started", "step", "step did not help", "step", "helped"]


def test_while_a_dependency_is_down_nothing_is_tried() -> None:
    with Scenario(configuration=declared(RELOAD)) as world:
        world.container("db")
        web = world.container(
            "web", labels={"orchestrator.requires": "db"}, workload=Workload(cured_by=frozenset({"SIGHUP"}))
        )
        world.run_for("1m")
        world.stop("db")
        world.now(web.gets_sick())
        world.run_for("5m")
        assert told(world) == []
        world.start("db")
        world.run_for("2m")
        world.must_be("web", "running")
        assert told(world) == ["started", "step", "helped"]


def test_the_last_step_can_hold_it_for_a_person() -> None:
    with Scenario(configuration=declared(RELOAD, {"hold": {"for": "2h", "why": "call the vendor"}})) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("1h")
        world.must_be("web", "unhealthy")
        assert world.restarts_of("web") == 0
        assert "held by playbook cure (call the vendor)" in world.view("web").reason
        world.ask("web", Release("ann"))
        world.run_for("2m")
        world.must_be("web", "running")


def test_a_person_who_restarts_it_takes_it_over() -> None:
    with Scenario(configuration=declared(RELOAD, FLUSH)) as world:
        world.container("db")
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: "step" in told(world), within="30s")
        world.run_for("2s")
        world.restart("web")
        world.run_for("1m")
        world.must_be("web", "running")
        assert told(world) == ["started", "step", "ended"]


def test_a_person_can_have_it_run_at_any_time() -> None:
    with Scenario(configuration=declared(FLUSH, RELOAD)) as world:
        world.container("db")
        world.container("web", workload=Workload(cured_by=frozenset({"flush"})))
        world.run_for("1m")
        assert world.ask("web", RunPlaybook("ann", "cure")).accepted
        world.run_for("1m")
        assert told(world) == ["started", "step", "helped"]
        refused = world.ask("web", RunPlaybook("ann", "rm -rf /"))
        assert refused.conflict == "no_playbook"
        assert not [each for each in world.ledger.requests() if "kill" in each.what]


def test_an_engine_that_goes_away_in_the_middle_is_waited_for() -> None:
    with Scenario(configuration=declared(RELOAD, FLUSH)) as world:
        world.container("db")
        web = world.container("web", workload=Workload(cured_by=frozenset({"flush"})))
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: "step" in told(world), within="30s")
        world.engine.go_away()
        world.run_for("5m")
        world.engine.come_back()
        world.run_for("1m")
        world.must_be("web", "running")
        assert told(world).count("step") == 2
        assert world.restarts_of("web") == 0


STORY = declared(
    {"exec": {"command": ["flush"], "service": "db", "verify": "3s"}}, {"signal": {"signal": "USR1", "verify": "5s"}}
)


def tell(dialect: Dialect, kill_at: int | None) -> list[str]:
    """A sickness that the second step cures; returns the steps of the orchestrator's own calls."""
    with Scenario(dialect=dialect, configuration=STORY, interval=20.0) as world:
        if kill_at is not None:
            world.sigkill_at_step(kill_at, "1s")
        world.container("db", workload=Workload(cured_by=frozenset()))
        web = world.container("web", workload=Workload(cured_by=frozenset({"SIGUSR1"})))
        world.run_for("6s")
        world.now(web.gets_sick())
        world.run_for("40s")
        world.must_be("web", "running")
        signals = [each for each in world.ledger.requests("web") if each.what == "asked to kill"]
        restarts = world.restarts_of("web")
        assert len(signals) <= 1, f"a step is not repeated: {world.report()}"
        assert len(signals) + restarts in (1, 2), "what was not done, although it was begun, the next one makes good"
        assert kill_at is not None or restarts == 0
        assert world.restarts_of("db") == 0
        return list(world.steps)


@pytest.mark.parametrize("dialect", ["docker", "podman"])
def test_the_course_is_kept_wherever_the_orchestrator_is_killed(dialect: Dialect) -> None:
    steps = tell(dialect, None)
    for kill_at in range(len(steps)):
        tell(dialect, kill_at)


def test_every_step_is_a_line_of_the_incident() -> None:
    with Scenario(configuration=declared(FLUSH, RELOAD, {"notify": "look at it"})) as world:
        world.container("db")
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("30s")
        (incident,) = world.orchestrator.open_incidents()
        lines = [entry.text for entry in incident.timeline if entry.kind == "playbook"]
        assert lines[0].startswith("Playbook started: cure (3 steps): HTTP 500")
        assert "Playbook step: cure, step 1 of 3: exec in db: flush" in lines
        assert "Playbook notice: cure: look at it" in lines
        assert lines[-1].startswith("Playbook did not help: cure")


# --- the catalog's own ----------------------------------------------------------------------------------------------


def test_models_that_ran_out_of_gpu_memory_are_stopped_together_and_started_one_by_one() -> None:
    """The first restart does not help: the card is full of what others hold."""
    cuda = "torch.cuda.OutOfMemoryError: CUDA out of memory"
    lane = {"orchestrator.category": "ai", "orchestrator.lane": "gpu", "orchestrator.grace": "5s"}
    with Scenario() as world:
        llm = world.container("llm", labels=lane, workload=Workload(complains=(cuda,)))
        world.container("clip", labels=lane)
        world.container("florence", labels=lane)
        world.run_for("10m")
        world.now(llm.gets_sick())
        world.now(llm.changes(condition=Condition.SICK))
        world.run_until(lambda: world.restarts_of("clip") == 1, within="10m")
        world.now(llm.changes(condition=Condition.HEALTHY))
        world.run_for("10m")
        for name in ("llm", "clip", "florence"):
            world.must_be(name, "running")
        began = {name: world.ledger.starts(name)[-1].at.moment for name in ("llm", "clip", "florence")}
        assert len(set(began.values())) == 3, "one by one"
        stops = [
            each.at.moment for name in began for each in world.ledger.requests(name) if each.what == "asked to stop"
        ]
        assert max(stops) < min(began.values()), "all were stopped before the first was started"


def test_what_the_doctor_finds_of_an_engine_that_is_gone_is_in_the_incident() -> None:
    with Scenario() as world:
        world.findings = ("engine unix:///run/docker.sock: nobody listens there. Start it.",)
        world.container("web")
        world.run_for("1m")
        world.engine.go_away()
        world.run_for("2m")
        (incident,) = world.orchestrator.open_incidents()
        told_of_it = [entry.text for entry in incident.timeline if entry.kind == "playbook"]
        assert told_of_it == [
            "the connection is tried again all the time; nothing is restarted meanwhile",
            "doctor: engine unix:///run/docker.sock: nobody listens there. Start it.",
        ]
        world.engine.come_back()
        world.run_for("5m")
        assert world.orchestrator.open_incidents() == ()


def test_an_engine_that_comes_back_at_once_is_not_examined() -> None:
    with Scenario() as world:
        world.container("web")
        world.run_for("1m")
        world.engine.go_away()
        world.run_for("1s")
        world.engine.come_back()
        world.run_for("1m")
        assert world.examinations == 0


def test_an_examination_that_takes_too_long_says_so() -> None:
    with Scenario() as world:
        world.examination_takes = 3600.0
        world.container("web")
        world.run_for("1m")
        world.engine.go_away()
        world.run_for("1m")
        (incident,) = world.orchestrator.open_incidents()
        assert incident.timeline[-1].text == "doctor: what is wrong with it was not found out within 10 s"


def test_in_a_dry_run_a_playbook_is_told_of_once_and_no_step_is_taken() -> None:
    with Scenario(configuration=declared(FLUSH, "restart"), dry_run=True) as world:
        world.container("db")
        web = world.container("web", workload=Workload(cured_by=frozenset({"flush"})))
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("10m")
        world.must_be("web", "unhealthy")
        assert [each for each in world.messages("web") if each.startswith("Would")] == ["Would run playbook"]
        assert told(world) == []
        assert [str(each) for each in world.ledger if each.by == "orchestrator"] == []
        reply = world.ask("web", RunPlaybook("ann", "cure"))
        assert (reply.accepted, reply.conflict) == (False, "dry_run")
        assert "is not asked to run a playbook" in reply.message
