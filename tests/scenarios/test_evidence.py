"""What is put on record about a failure before anything is done, what it comes to, and that it never delays healing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from orchestrator.core.masking import MASK
from orchestrator.runtime.evidence import BOUND, MOST_AT_ONCE, MOST_WAITING, PATIENCE
from orchestrator.testing import Scenario, Workload
from orchestrator.testing.daemon import Dialect
from orchestrator.testing.engine import CALL_TAKES

DIAGNOSED = "Failure diagnosed"
GIVEN_UP = "Service disabled - trying again cannot help"
MIB = 2**20
CRASHES = Workload(crash_after=0.05, exit_code=2, complains=("settings.yaml: cannot parse line 3",))


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


def evidence_of(world: Scenario, service: str) -> Mapping[str, Any]:
    """The newest of the service."""
    pieces = [piece for incident in world.orchestrator.open_incidents() for piece in incident.evidence]
    return [piece for piece in pieces if piece["service"] == service][-1]


def diagnoses(world: Scenario, service: str) -> list[str]:
    return [event.cause for event in world.told(service) if event.message == DIAGNOSED]


def test_a_death_is_put_on_record_with_the_last_words_and_without_secrets(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web", workload=Workload(says=("hello",), complains=("login with tulip failed",)))
        world.now(web.is_recreated(environment={"DB_PASSWORD": "tulip", "MODE": "calm"}))
        world.run_for("2m")
        world.now(web.crashes(3))
        world.run_for("10s")
        evidence = evidence_of(world, "web")
    assert evidence["exit_code"] == 3
    assert [(line["stream"], line["text"]) for line in evidence["log"]["lines"]] == [
        ("stdout", "hello"),
        ("stderr", f"login with {MASK} failed"),
    ], "of the run that failed, and of no other"
    assert evidence["environment"] == [["DB_PASSWORD", MASK], ["MODE", "calm"]]
    assert evidence["processes"] == {"unread": "it is down: its processes are gone"}
    assert evidence["health"][-1]["verdict"] == "pass"
    assert {event["action"] for event in evidence["events"]} & {"start", "die"}
    assert evidence["host"]["disk"]["path"] == "/var/lib/fake"
    assert evidence["gpus"] == {"unread": "no GPU driver was ever seen here"}
    assert evidence["counts"]["strikes"] == 1


def test_a_restart_waits_for_the_evidence_that_it_destroys_and_is_told_with_its_cause(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.freezes())
        world.run_for("30s")
        evidence = evidence_of(world, "web")
        (completed,) = [event.cause for event in world.told("web") if event.message == "Restart completed"]
        assert [process["state"] for process in evidence["processes"]] == ["T"]
        assert evidence["usage"]["memory"] == MIB
        assert evidence["health"][-1]["verdict"] == "fail"
        assert diagnoses(world, "web")[0].startswith("frozen: all its processes are stopped (state T) (certain); ")
        assert completed.startswith("frozen: all its processes are stopped (state T); ")


def test_what_cannot_be_read_in_time_is_missing_and_delays_a_restart_by_no_more_than_the_bound() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_until(lambda: world.status("web") == "unhealthy", within="1m")
        world.engine.slowness = 1000.0
        world.run_until(lambda: bool(world.ledger.requests("web")), within="1m")
        world.engine.slowness = 1.0
        world.run_for("1m")
        world.must_be("web", "running")
        (initiated,) = [event.wall for event in world.told("web") if event.message == "Restart initiated"]
        (request,) = world.ledger.requests("web")
        looks = 2 * CALL_TAKES * 1000  # the hands' own, before a restart
        assert BOUND <= request.at.wall - initiated <= BOUND + looks + 0.1
        evidence = evidence_of(world, "web")
        assert evidence["processes"] == {"unread": f"not read within {BOUND:g} s"}
        assert evidence["log"] == {"lines": [], "cut": False}, "nobody waits for it, so it has more time"


def test_a_host_that_cannot_be_looked_at_delays_nothing_and_is_missing() -> None:
    with Scenario() as world:
        world.gauge.hangs = True
        web = world.container("web")
        world.run_for("1m")
        world.now(web.gets_sick())
        world.run_for("1m")
        world.must_be("web", "running")
        (initiated,) = [event.wall for event in world.told("web") if event.message == "Restart initiated"]
        (request,) = world.ledger.requests("web")
        assert request.at.wall - initiated < 0.2
        assert evidence_of(world, "web")["host"] == {"unread": f"not read within {PATIENCE:g} s"}


def test_a_start_waits_for_no_evidence(dialect: Dialect) -> None:
    with Scenario(dialect=dialect) as world:
        world.gauge.hangs = True
        web = world.container("web")
        world.run_for("1m")
        world.now(web.crashes())
        took = world.run_until(lambda: web.container.up, within="1s", step=0.01)
        assert took < 0.6


def test_an_engine_that_answers_nothing_leaves_words_in_the_place_of_evidence() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("1m")
        world.now(web.crashes())
        world.run_until(lambda: world.status("web") == "stopped", within="1s", step=0.001)
        world.engine.hang()
        world.run_for("15s")
        world.engine.wake()
        world.run_for("5s")
        evidence = evidence_of(world, "web")
    assert "unread" in evidence["log"]
    assert evidence["exit_code"] == 1


def test_of_a_crowd_that_fails_at_once_what_is_known_is_kept_and_the_rest_says_why_not() -> None:
    crowd = 100
    with Scenario() as world:
        world.gauge.hangs = True
        actors = [world.container(f"web-{number}") for number in range(crowd)]
        world.run_for("2m")
        for actor in actors:
            world.now(actor.crashes(3))
        world.run_for("20s")
        pieces = [piece for incident in world.orchestrator.open_incidents() for piece in incident.evidence]
        world.run_for("5m")
        assert all(world.status(f"web-{number}") == "running" for number in range(crowd))
    assert {piece["exit_code"] for piece in pieces} == {3}
    skipped = [piece for piece in pieces if "at the same time" in str(piece["log"])]
    assert len({piece["service"] for piece in pieces}) == crowd
    assert crowd - MOST_AT_ONCE - MOST_WAITING <= len(skipped) < crowd


def test_out_of_memory_is_told_with_its_limit_on_either_engine(dialect: Dialect) -> None:
    """Docker tells of it in an event; Podman does not, and the kernel's counter is read as the process dies."""
    with Scenario(dialect=dialect) as world:
        web = world.container("web")
        world.now(web.is_recreated(memory_limit=512 * MIB))
        world.run_for("1m")
        world.now(web.is_killed_by_the_kernel())
        world.run_for("10s")
        assert diagnoses(world, "web")[0].startswith("killed by OOM at its 512 MiB limit (certain)")


@pytest.mark.parametrize("lasts", [0.0, 0.05], ids=["over before it is looked at", "over a moment later"])
def test_what_fails_five_times_alike_is_given_up_early_and_may_be_enabled_again(dialect: Dialect, lasts: float) -> None:
    labels = {"orchestrator.recovery.max_failures": "50"}
    with Scenario(dialect=dialect) as world:
        web = world.container("web", labels=labels)
        world.run_for("1m")
        world.now(web.changes(crash_after=lasts, exit_code=2, complains=CRASHES.complains))
        world.now(web.crashes(2))
        world.run_for("1h")
        world.must_be("web", "disabled")
        assert 5 <= world.view("web").strikes <= 7
        assert world.view("web").reason.startswith('exited with code 2: "settings.yaml: cannot parse line 3", 5 times')
        assert world.messages("web").count(GIVEN_UP) == 1
        world.now(web.changes(crash_after=None))
        world.enable("web")
        world.run_for("5m")
        world.must_be("web", "running")


def test_who_asked_to_keep_trying_keeps_trying() -> None:
    labels = {"orchestrator.recovery.on_max_failures": "keep_trying"}
    with Scenario() as world:
        world.container("web", labels=labels, workload=CRASHES)
        world.run_for("10m")
        assert world.view("web").strikes > 8
        assert GIVEN_UP not in world.messages("web")
        assert any("5 times in a row" in cause for cause in diagnoses(world, "web"))


def test_a_dependency_that_is_down_is_found_where_nothing_is_counted() -> None:
    with Scenario() as world:
        db = world.container("db")
        web = world.container("web", labels={"orchestrator.requires": "db"})
        world.run_for("1m")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.run_for("5s")
        world.now(web.crashes())
        world.run_for("5s")
        assert world.view("web").strikes == 0
        assert diagnoses(world, "web")[0].startswith("db (stopped), which it depends on, is down (likely)")


def test_an_image_and_an_environment_that_changed_since_the_last_stable_run_are_named() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("5m")
        world.now(web.is_recreated(image="localhost/workload:2"))
        world.run_for("30s")
        world.now(web.crashes())
        world.run_for("5m")
        assert "its image changed 30 seconds before" in diagnoses(world, "web")[0]
        world.now(web.is_recreated(environment={"MODE": "wild"}))
        world.run_for("2s")
        world.now(web.crashes())
        world.run_for("5s")
        assert diagnoses(world, "web")[1].startswith("its environment changed 2 seconds before")


def test_a_companion_that_is_restarted_with_another_is_well_and_not_examined() -> None:
    with Scenario() as world:
        vpn = world.container("vpn")
        world.container("guest", labels={"orchestrator.restart_with": "vpn"})
        world.run_for("2m")
        world.now(vpn.crashes())
        world.run_for("1m")
        assert world.restarts_of("guest") == 1
        assert not [
            piece
            for each in world.orchestrator.open_incidents()
            for piece in each.evidence
            if piece["service"] == "guest"
        ]


def test_what_an_earlier_process_saw_run_stably_is_still_what_changes_are_told_against() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("5m")
        world.sigkill()
        world.now(web.is_recreated(image="localhost/workload:2"))
        world.start_orchestrator()
        world.run_for("10s")
        world.now(web.crashes())
        world.run_for("5s")
        assert diagnoses(world, "web")[0].startswith("its image changed")
