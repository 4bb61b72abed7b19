"""The file's ``playbooks``: what can be written, and every problem at once, each with what would be right."""

from __future__ import annotations

import pytest

from orchestrator.configuration import values
from orchestrator.configuration.document import read_document
from orchestrator.configuration.keys import LABEL_KEYS, read_labels
from orchestrator.configuration.playbooks import BUILT_IN, STEPS, Playbooks, read_playbooks
from orchestrator.configuration.yaml_file import parse
from orchestrator.core.model import Category
from orchestrator.core.playbooks import (
    ExecStep,
    HoldStep,
    LaneStep,
    NotifyStep,
    Playbook,
    PurgeStep,
    RestartStep,
    SignalStep,
    WaitStep,
    When,
)

WHOLE = """
playbooks:
  cure:
    for: {services: [web, api], categories: monitoring}
    when: {texts: [too many clients, "a, b"], rules: [dns_no, gpu_out_of_memory]}
    instead: true
    steps:
      - exec: {command: [psql, -c, select 1], service: db, timeout: 5s, verify: 1m}
      - exec: redis-cli ping
      - signal: hup
      - purge: {}
      - restart: db
      - restart
      - restart_lane
      - wait_healthy: 30s
      - notify: look at it
      - hold: {for: 2h, why: vendor}
""".replace("dns_no, ", "")


def read(text: str) -> Playbooks:
    written, problems = parse(text, "orchestrator.yaml")
    assert not problems
    return read_playbooks(written["playbooks"], "orchestrator.yaml")


def wrong(text: str) -> list[str]:
    return [str(problem) for problem in read(f"playbooks: {text}").problems]


def test_everything_that_can_be_written_is_read() -> None:
    found = read(WHOLE)
    assert found.problems == ()
    assert found.declared["cure"].playbook == Playbook(
        "cure",
        (
            ExecStep(("psql", "-c", "select 1"), "db", 5.0, 60.0),
            ExecStep("redis-cli ping"),
            SignalStep("SIGHUP"),
            PurgeStep(),
            RestartStep("db"),
            RestartStep(),
            LaneStep(),
            WaitStep(30.0),
            NotifyStep("look at it"),
            HoldStep(7200.0, "vendor"),
        ),
        When(("too many clients", "a, b"), ("gpu_out_of_memory",)),
        instead=True,
        source="orchestrator.yaml",
    )
    assert [book.name for book in found.of("web", Category.APPLICATION)] == ["cure"]
    assert [book.name for book in found.of("loki", Category.MONITORING)] == ["cure"]
    assert found.of("db", Category.APPLICATION) == ()


OF = "for: {services: [x]}"


@pytest.mark.parametrize(
    ("written", "fact"),
    [
        ("[]", "playbooks: a list is not a mapping of playbooks by name"),
        ("{Cure it: {}}", "playbooks.Cure it: 'Cure it' is no name of a playbook"),
        ("{a: 3}", "playbooks.a: 3 is not a mapping with 'for' and 'steps'"),
        ("{a: {steps: [restart]}}", "playbooks.a.for: is missing; name services or categories"),
        ("{a: {for: web, steps: [restart]}}", "playbooks.a.for: 'web' is not a mapping of services and categories"),
        ("{a: {for: {services: [x]}}}", "playbooks.a.steps: is missing; write a list of steps"),
        ("{a: {OF, steps: [restart], whne: 1}}", "playbooks.a.whne: unknown key"),
        ("{a: {OF, when: {rules: [dns]}, steps: [restart]}}", "playbooks.a.when.rules: 'dns' is not known"),
        ("{a: {OF, steps: [reboot]}}", "playbooks.a.steps[0]: 'reboot' is not one step"),
        ("{a: {OF, steps: [{exce: ls}]}}", "playbooks.a.steps[0].exce: unknown step; did you mean 'exec'?"),
        ("{a: {OF, steps: [{exec: {}}]}}", "playbooks.a.steps[0].exec.command: is missing"),
        ("{a: {OF, steps: [{exec: false}]}}", "playbooks.a.steps[0].exec.command: false is no command"),
        ("{a: {OF, steps: [{signal: STOP}]}}", "'STOP' is no signal known here"),
        ("{a: {OF, steps: [{exec: {command: ls, timeout: 1h}}]}}", "1h' is too long; the most is 300 s"),
        ("{a: {OF, steps: [{hold: 1h}, restart]}}", "steps[0]: is not the last step"),
        (f"{{a: {{OF, steps: [{', '.join(['restart'] * 11)}]}}}}", "has 11 steps; the most are 10"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_the_playbook_does_not_count(written: str, fact: str) -> None:
    written = written.replace("OF", OF)
    assert any(fact in problem for problem in wrong(written)), wrong(written)
    assert read(f"playbooks: {written}").declared == {}


def test_all_problems_are_told_at_once() -> None:
    assert len(wrong("{a: {steps: [reboot, {signal: STOP}]}, b: 3}")) == 4


def test_ones_own_take_the_place_of_the_catalogs_and_come_first() -> None:
    own = read("playbooks: {zz: {for: {services: [redis]}, steps: [restart]}, redis-memory: {enable: false}}")
    merged = own.over(BUILT_IN)
    assert [book.name for book in merged.of("redis", Category.INFRASTRUCTURE)] == ["zz", "database-connections"]


def test_the_catalogs_own_are_written_as_a_file_would_write_them() -> None:
    assert BUILT_IN.problems == ()
    assert set(BUILT_IN.declared) == {"gpu-memory", "database-connections", "redis-memory"}
    assert all("FLUSH" not in str(each.playbook.steps).upper() for each in BUILT_IN.declared.values())


def test_no_label_declares_a_playbook_or_a_cache() -> None:
    assert not {"playbooks", "cache_keys"} & LABEL_KEYS.keys()
    reading = read_labels({"orchestrator.cache_keys": "*", "orchestrator.playbooks": "x"}, "label")
    assert reading.settings == {}
    assert len(reading.problems) == 2


@pytest.mark.parametrize("blind", ["*", "?*", "[a-z]*", "\\*", "cache:*,*"])
def test_a_pattern_that_may_fit_any_key_is_refused(blind: str) -> None:
    if blind.startswith("cache"):
        assert values.cache_keys(blind) == (blind,), "a comma is a part of it"
        return
    with pytest.raises(ValueError, match="begin it with a name"):
        values.cache_keys(["cache:*", blind])


def test_a_services_cache_and_playbooks_reach_its_specification() -> None:
    document = read_document({"services": {"redis": {"cache_keys": "cache:*"}}}, "orchestrator.yaml")
    assert document.problems == ()
    assert document.services["redis"].settings["cache_keys"].value == ("cache:*",)


def test_every_step_has_a_word() -> None:
    assert set(STEPS) == {"exec", "signal", "purge", "restart", "restart_lane", "wait_healthy", "notify", "hold"}
