"""Single illnesses and their cure, on both engines."""

from __future__ import annotations

from typing import cast

import pytest

from orchestrator.core.model import ContainerState
from orchestrator.testing import Scenario, Workload
from orchestrator.testing.daemon import Dialect


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def test_a_crash_is_healed_at_once_and_once(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.crashes())
        took = world.run_until(lambda: web.container.up, within="1s", step=0.01)
        assert took < 0.6
        world.run_for("1h")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1
        assert world.messages("web")[-3:] == ["Container started", "Restart completed", "Service recovered"]


def test_a_sick_service_is_restarted_once_after_its_backoff(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("2m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1
        assert "Health check failed" in world.messages("web")


def test_a_frozen_service_is_killed_without_waiting_for_its_stop_time_out(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", labels={"orchestrator.recovery.stop_timeout": "2m"})
        world.run_for("1m")
        world.now(web.freezes())
        world.run_for("1m")
        world.must_be("web", "running")
        (request,) = world.ledger.requests("web")
        assert request.detail == "within 0 s"


def test_a_deadlocked_service_that_ignores_sigterm_is_healed_within_its_stop_time_out(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", workload=Workload(ignores_sigterm=True))
        world.run_for("1m")
        world.now(web.deadlocks())
        world.run_for("2m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_a_blip_heals_itself(dialect: Dialect) -> None:
    labels = {"orchestrator.recovery.backoff_base": "20s", "orchestrator.recovery.backoff_max": "5m"}
    with Scenario(dialect=dialect) as world:
        web = world.container("web", labels=labels)
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: world.status("web") == "unhealthy", within="1m", step=0.5)
        world.now(web.gets_well())
        world.run_for("1h")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 0
        assert world.messages("web")[-1] == "Service recovered"
        assert world.view("web").strikes == 0


def test_a_slow_starter_is_left_alone_in_its_grace(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("llm", labels={"orchestrator.grace": "120s"}, workload=Workload(warm_up=100))
        world.run_for("90s")
        world.must_be("llm", "starting")
        world.run_for("20s")
        world.must_be("llm", "running")
        world.run_for("1h")
        assert world.restarts_of("llm") == 0


def test_an_out_of_memory_kill_is_healed(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.is_killed_by_the_kernel())
        world.run_for("1m")
        world.must_be("web", "running")
        assert any("SIGKILL" in event.cause for event in world.told("web"))


def test_a_crash_loop_slows_down_and_ends_disabled(dialect: Dialect) -> None:
    labels = {"orchestrator.recovery.max_failures": "6", "orchestrator.recovery.backoff_base": "5s"}
    with Scenario(dialect=dialect) as world:
        world.container("web", labels=labels, workload=Workload(crash_after=3.0))
        world.run_for("1h")
        world.must_be("web", "disabled")
        assert world.restarts_of("web") == 5
        deaths = [each.at.moment for each in world.ledger.of("web", "exited")]
        starts = [each.at.moment for each in world.ledger.starts("web")]
        pauses = [start - death for start, death in zip(starts, deaths, strict=False)]
        assert pauses[0] < 1
        assert pauses[1:] == pytest.approx([10, 20, 40, 60], abs=1)
        assert world.messages("web")[-1] == "Service disabled - max failures reached"


def test_enabling_a_disabled_service_whose_cause_is_gone_heals_it(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", labels={"orchestrator.recovery.max_failures": "3"})
        world.run_for("1m")
        world.now(web.changes(crash_after=1.0))
        world.now(web.crashes())
        world.run_for("10m")
        world.must_be("web", "disabled")
        before = world.restarts_of("web")
        world.run_for("1h")
        assert world.restarts_of("web") == before
        world.now(web.changes(crash_after=None))
        assert world.enable("web").accepted
        world.run_for("5s")
        world.must_be("web", "running")
        assert world.restarts_of("web") == before + 1


def test_a_start_that_is_refused_is_tried_again_until_its_cause_is_gone(dialect: Dialect) -> None:
    labels = {"orchestrator.recovery.on_max_failures": "keep_trying"}
    with Scenario(dialect=dialect) as world:
        web = world.container("web", labels=labels)
        world.run_for("1m")
        world.now(web.cannot_start())
        world.now(web.gets_sick())
        world.run_for("20m")
        world.must_be("web", "stopped")
        assert "bind source path does not exist" in world.view("web").reason
        assert len(world.ledger.of("web", "refused")) < 30
        world.now(web.can_start())
        world.run_for("2m")
        world.must_be("web", "running")


def test_a_paused_container_is_never_touched(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.is_paused())
        world.run_for("1h")
        assert world.ledger.requests("web") == []
        world.now(web.is_unpaused())
        world.run_for("1m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 0


def test_a_manual_stop_is_healed_by_default_and_respected_when_told_to(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        healed = world.container("healed")
        respected = world.container("respected", labels={"orchestrator.recovery.on_manual_stop": "respect"})
        world.run_for("1m")
        world.now(healed.is_stopped_by_hand())
        world.now(respected.is_stopped_by_hand())
        world.run_for("1h")
        world.must_be("healed", "running")
        world.must_be("respected", "stopped")
        assert world.restarts_of("respected") == 0
        world.now(respected.is_started_by_hand())
        world.run_for("1m")
        world.must_be("respected", "running")
        world.now(respected.crashes())
        world.run_for("1m")
        world.must_be("respected", "running")
        assert world.restarts_of("respected") == 1


def test_a_job_that_ends_well_is_complete_and_one_that_fails_is_tried_again(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        done = Workload(crash_after=30.0, exit_code=0)
        world.container("migrate", check="running", labels={"orchestrator.kind": "job"}, workload=done)
        failing = world.container(
            "import", check="running", labels={"orchestrator.kind": "job"}, workload=Workload(crash_after=30.0)
        )
        world.run_for("5m")
        assert world.messages("migrate")[-1] == "Job completed"
        assert world.restarts_of("migrate") == 0
        assert world.restarts_of("import") >= 1
        world.now(failing.changes(exit_code=0))
        world.run_for("5m")
        assert world.messages("import")[-1] == "Job completed"
        before = world.restarts_of("import")
        world.run_for("1h")
        assert world.restarts_of("import") == before


def test_a_recreated_container_keeps_its_history_and_is_not_restarted(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.crashes())
        world.run_for("1m")
        before = world.view("web")
        world.now(web.is_recreated())
        world.run_for("5s")
        after = world.view("web")
        assert after.container_id != before.container_id
        assert after.restart_count == before.restart_count == 1
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_the_engine_s_own_policy_goes_first(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", policy="always")
        world.run_for("1m")
        for _ in range(5):
            world.now(web.crashes())
            world.run_for("10m")
            world.must_be("web", "running")
        assert len(world.ledger.starts("web", "policy")) == 5
        assert world.restarts_of("web") == 0


def test_a_dependency_is_healed_first_and_its_dependents_are_not_blamed(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        db = world.container("db")
        web = world.container("web", labels={"orchestrator.requires": "db"})
        world.run_for("1m")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.now(web.gets_sick())
        world.run_for("3m")
        assert world.restarts_of("web") == 0
        assert world.view("web").strikes == 0
        assert world.view("web").waiting_on == ("db",)
        world.now(db.can_start())
        world.run_for("5m")
        world.must_be("db", "running")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_an_engine_check_heals_as_well(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", check="engine")
        world.run_for("2m")
        world.must_be("web", "running")
        world.now(web.gets_sick())
        world.run_for("10m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1


def test_a_restart_by_a_person_is_verified_and_counts_nothing(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.container("web")
        world.run_for("1m")
        assert world.restart("web").accepted
        assert not world.restart("web").accepted
        world.run_for("1m")
        world.must_be("web", "running")
        assert world.view("web").strikes == 0
        assert world.messages("web")[-3:] == ["Manual restart initiated", "Container started", "Restart completed"]


def test_what_a_person_stopped_stays_stopped_across_our_own_restart(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        assert world.stop("web").accepted
        world.run_for("1m")
        assert web.container.state is ContainerState.EXITED
        world.stop_orchestrator()
        world.start_orchestrator()
        world.run_for("1h")
        assert web.container.state is ContainerState.EXITED
        assert world.start("web").accepted
        world.run_for("1m")
        world.must_be("web", "running")


def test_a_disabled_service_is_not_acted_on_across_our_own_death(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        assert world.disable("web").accepted
        world.run_for("5s")
        world.now(web.crashes())
        world.run_for("1h")
        world.sigkill()
        world.start_orchestrator()
        world.run_for("1h")
        world.must_be("web", "disabled")
        assert world.ledger.requests("web") == []


def test_a_half_done_restart_that_the_engine_answers_with_500_is_looked_at(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.engine_client.lie_about_next("restart")
        world.now(web.gets_sick())
        world.run_for("5m")
        world.must_be("web", "running")
        assert world.restarts_of("web") == 1
