"""Incidents from the first sign to the last: opened, merged, renamed, closed; with the real brain, in virtual time."""

from __future__ import annotations

from functools import cache

import pytest

from orchestrator.core.incidents import EntryKind, Incident
from orchestrator.core.messages import Hold
from orchestrator.testing import Scenario
from orchestrator.testing.daemon import Dialect

QUICK = {"defaults": {"health": {"interval": "5s"}, "recovery": {"backoff_base": "1s", "stop_timeout": "1s"}}}
HOUR, DAY = 3600.0, 86_400.0


def needs(*names: str) -> dict[str, str]:
    return {"orchestrator.requires": ",".join(names)}


def told(incident: Incident, kind: EntryKind) -> list[str]:
    return [entry.text for entry in incident.timeline if entry.kind == kind]


def members(incident: Incident) -> dict[str, str]:
    return {each.service: each.role for each in incident.members}


@pytest.mark.parametrize("dialect", ["docker", "podman"])
def test_one_healing_is_one_incident_from_the_death_to_a_stable_run(dialect: Dialect) -> None:
    with Scenario(dialect=dialect, configuration=QUICK) as world:
        db = world.container("db")
        world.container("web", labels=needs("db"))
        world.run_for("2m")
        world.now(db.crashes())
        world.run_for("30s")
        (incident,) = world.incidents()
        assert (incident.status, incident.title) == ("open", "db exited with code 1")
        assert incident.recovered_at is not None
        world.run_for("1m")
        (incident,) = world.incidents()
        assert incident.status == "closed"
        assert members(incident) == {"db": "root"}
        kinds = [entry.kind for entry in incident.timeline]
        assert kinds == ["detected", "action", "outcome", "recovered", "closed"]
        detect, act, recover = incident.seconds_to_detect, incident.seconds_to_act, incident.seconds_to_recover
        assert detect is not None
        assert act is not None
        assert recover is not None
        assert 0 <= detect <= act <= recover < 5


def test_a_dependent_that_fails_first_is_renamed_when_its_dependency_is_found_down() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db", labels={"orchestrator.health.interval": "20s"})
        world.container("web", labels=needs("db"), leans_on=["db"])
        world.run_for("2m")
        world.now(db.freezes())
        world.run_until(lambda: bool(world.incidents()), within="30s")
        assert world.incidents()[0].cause.service == "web"
        world.run_for("2m")
        (incident,) = world.incidents()
        assert incident.title == "db fails its health check: no answer within 5 s"
        assert members(incident) == {"db": "root", "web": "dependent"}
        assert told(incident, "named") == [f"the cause: {incident.title}"]
        assert incident.status == "closed"


def test_dependents_that_were_told_apart_become_one_when_their_dependency_is_found_down() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db", labels={"orchestrator.health.interval": "20s"})
        for name in ("web", "shop"):
            world.container(name, labels=needs("db"), leans_on=["db"])
        world.run_for("2m")
        world.now(db.freezes())
        world.run_for("3m")
        whole, part = world.incidents()
        assert members(whole) == {"db": "root", "web": "dependent", "shop": "dependent"}
        assert whole.cause.service == "db"
        assert (part.status, part.merged_into) == ("closed", whole.id)
        assert whole.status == "closed"


def test_thirty_children_of_one_parent_are_one_incident() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        for number in range(30):
            world.container(f"child-{number}", labels=needs("db"), leans_on=["db"])
        world.run_for("2m")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.run_for("2m")
        (incident,) = world.incidents()
        assert len(incident.members) == 31
        assert incident.cause.service == "db"
        assert incident.status == "open"
        world.now(db.can_start())
        world.run_for("5m")
        (incident,) = world.incidents()
        assert incident.status == "closed"
        assert world.restarts_of("db") > 0
        assert all(world.restarts_of(f"child-{number}") == 0 for number in range(30))


def test_a_blip_is_closed_as_one() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db", labels={"orchestrator.recovery.backoff_base": "30s"})
        world.run_for("2m")
        world.now(db.gets_sick())
        world.at("10s", db.gets_well())
        world.run_for("2m")
        (incident,) = world.incidents()
        assert (incident.status, incident.acted_at) == ("closed", None)
        assert told(incident, "closed") == ["it came back by itself"]


def test_what_is_given_up_stays_open_until_a_person_enables_it_and_it_is_stable() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db", labels={"orchestrator.recovery.max_failures": "3"})
        world.run_for("2m")
        world.now(db.changes(crash_after=1.0))
        world.now(db.crashes())
        world.run_for("1h")
        (incident,) = world.incidents()
        assert (incident.status, incident.severity) == ("open", "critical")
        assert incident.title.startswith("db was given up after 3 failures")
        world.now(db.changes(crash_after=None))
        world.enable("db")
        world.run_for("5m")
        (incident,) = world.incidents()
        assert incident.status == "closed"


@pytest.mark.parametrize("taken", ["disabled", "stopped", "held"])
def test_what_a_person_takes_over_is_closed(taken: str) -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        world.run_for("2m")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.run_for("10s")
        match taken:
            case "disabled":
                world.disable("db")
            case "stopped":
                world.stop("db")
            case _:
                world.ask("db", Hold("ann", 600.0, "new disk"))
        world.run_for("10s")
        (incident,) = world.incidents()
        assert incident.status == "closed"
        assert told(incident, "remark")[-1].endswith("left to whoever wants it so")


def test_those_who_wait_for_what_a_person_holds_are_no_incident() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        world.container("web", labels=needs("db"), leans_on=["db"])
        world.run_for("2m")
        world.ask("db", Hold("ann", 600.0, "new disk"))
        world.now(db.crashes())
        world.run_for("1m")
        world.must_be("web", "unhealthy")
        assert world.incidents() == []


def test_an_engine_that_goes_away_is_an_incident_and_what_died_meanwhile_is_part_of_it() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        world.run_for("2m")
        world.engine.go_away()
        world.at("10s", db.crashes())
        world.run_for("30s")
        (incident,) = world.incidents()
        assert (incident.severity, incident.cause.subject) == ("critical", "engine")
        world.engine.come_back()
        world.run_for("5m")
        (incident,) = world.incidents()
        assert members(incident) == {"db": "dependent"}
        assert incident.status == "closed"


def test_a_host_that_boots_brings_everything_up_without_an_incident() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        web = world.container("web", labels=needs("db"))
        world.run_for("2m")
        world.sigkill()
        world.now(db.crashes(137))
        world.now(web.crashes(137))
        world.run_for("10s")
        world.start_orchestrator()
        world.run_for("5m")
        for name in ("db", "web"):
            world.must_be(name, "running")
        assert world.incidents() == []


def test_many_that_fail_at_once_for_no_common_reason_are_one_storm() -> None:
    with Scenario(configuration=QUICK) as world:
        crowd = [world.container(f"service-{number}") for number in range(20)]
        world.run_for("2m")
        for each in crowd:
            world.now(each.gets_sick())
        world.run_for("15m")
        storm, *parts = world.incidents()
        assert storm.cause.subject == "storm"
        assert len(storm.members) == 20
        assert storm.status == "closed"
        assert {each.merged_into for each in parts} == {storm.id}


def test_a_driver_that_is_gone_is_the_cause_of_what_needs_it() -> None:
    with Scenario(configuration=QUICK) as world:
        world.gpus.total = 24_000_000_000
        models = {name: world.container(name, labels=needs("gpu")) for name in ("llm", "yolo")}
        world.run_for("2m")
        world.gpus.driver_is_lost()
        world.run_for("2m")
        assert world.incidents() == [], "they run and pass still"
        for name in ("llm", "yolo"):
            world.now(models[name].crashes())
        world.run_for("1m")
        (incident,) = world.incidents()
        assert (incident.cause.service, incident.cause.subject) == ("", "gpu")
        assert members(incident) == {"llm": "dependent", "yolo": "dependent"}
        world.gpus.driver_is_back()
        world.run_for("5m")
        (incident,) = world.incidents()
        assert incident.status == "closed"


# --- an earlier process ----------------------------------------------------------------------------------------


def story(kill_at: int | None, back_after: str = "3s") -> list[str]:
    """One death with a refused start, a child that falls with it, and their healing; returns the steps."""
    with Scenario(configuration=QUICK, interval=20.0) as world:
        if kill_at is not None:
            world.sigkill_at_step(kill_at, back_after)
        db = world.container("db")
        world.container("web", labels=needs("db"), leans_on=["db"])
        world.run_for("6s")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.run_for("16s")
        before = [each.id for each in world.incidents()]
        world.now(db.can_start())
        world.run_for("3m")
        incidents = world.incidents()
        assert len(incidents) <= 1, world.report()
        assert [each.id for each in incidents][: len(before)] == before
        for incident in incidents:
            assert incident.status == "closed"
            assert incident.cause.service == "db"
            assert incident.recovered_at is not None
        if kill_at is None:
            (incident,) = incidents
            assert members(incident) == {"db": "root", "web": "dependent"}
        return list(world.steps)


@cache
def steps() -> tuple[str, ...]:
    return tuple(story(None))


@pytest.mark.parametrize("part", range(4))
def test_an_incident_survives_sigkill_at_every_step(part: int) -> None:
    for kill_at in range(part, len(steps()), 4):
        story(kill_at)


def test_an_incident_of_the_process_before_goes_on_with_its_number_and_its_story() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        world.run_for("2m")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.run_for("20s")
        world.sigkill()
        (before,) = world.incidents()
        world.run_for("1m")
        world.start_orchestrator()
        world.run_for("10s")
        world.now(db.can_start())
        world.run_for("5m")
        (after,) = world.incidents()
        assert after.id == before.id
        assert after.timeline[: len(before.timeline)] == before.timeline
        assert any("started again" in text for text in told(after, "remark"))
        assert after.status == "closed"


def test_a_member_that_is_gone_when_we_are_back_holds_nothing_open() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        world.run_for("2m")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.run_for("20s")
        world.sigkill()
        world.now(db.is_removed())
        world.run_for("10s")
        world.start_orchestrator()
        world.run_for("1m")
        (incident,) = world.incidents()
        assert incident.status == "closed"
        assert told(incident, "remark")[-1] == "db is not managed any more"


def test_numbers_go_on_also_where_the_store_could_not_be_read_at_first() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        web = world.container("web")
        world.run_for("2m")
        world.now(db.crashes())
        world.run_for("2m")
        world.sigkill()
        world.store.broken = {"open", "write"}
        world.start_orchestrator()
        world.run_for("1m")
        world.now(web.crashes())
        world.run_for("10s")
        world.store.broken = set()
        world.run_for("5m")
        assert [(each.id, each.cause.service, each.status) for each in world.incidents()] == [
            (1, "db", "closed"),
            (2, "web", "closed"),
        ]


# --- availability ----------------------------------------------------------------------------------------------


def test_what_is_down_is_down_and_what_nobody_saw_is_unknown() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        world.run_for("10m")
        world.now(db.cannot_start())
        world.now(db.crashes())
        world.run_for("1m")
        world.now(db.can_start())
        world.run_for("14m")
        seen = world.orchestrator.availability("db", HOUR)
        assert 60 < seen.down < 180
        assert seen.unknown == pytest.approx(HOUR - 25 * 60, abs=5)
        assert seen.incidents == 1
        assert seen.recoveries == 1
        world.engine.go_away()
        world.run_for("10m")
        world.engine.come_back()
        world.run_for("5m")
        away = world.orchestrator.availability("db", HOUR)
        assert away.unknown == pytest.approx(seen.unknown - 15 * 60 + 600, abs=60)
        assert away.down == pytest.approx(seen.down, abs=5)


def test_the_gap_of_our_own_death_is_unknown_and_the_rest_is_durable() -> None:
    with Scenario(configuration=QUICK) as world:
        db = world.container("db")
        world.run_for("10m")
        world.now(db.crashes())
        world.run_for("10m")
        before = world.orchestrator.availability("db", DAY)
        world.sigkill()
        world.run_for("30m")
        world.start_orchestrator()
        world.run_for("10m")
        after = world.orchestrator.availability("db", DAY)
        assert (after.incidents, after.recoveries) == (1, before.recoveries)
        assert after.up == pytest.approx(before.up + 600, abs=40)
        statuses = [each.status for each in world.orchestrator.history("db", HOUR)]
        assert statuses[-2:] == ["unknown", "running"]
        gap = world.orchestrator.history("db", HOUR)[-2]
        assert gap.end - gap.begin == pytest.approx(1800, abs=40)
        assert after.unknown == pytest.approx(DAY - 1800, abs=120)
