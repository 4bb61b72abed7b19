"""What is kept of a service, and what comes back, whatever happened to the clock or to the document."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.holding import LONGEST as LONGEST_HOLD
from orchestrator.core.model import ActionKind, Attempt, Held, Instant, Run, ServiceState, Status
from orchestrator.core.persistence import JITTER, LONGEST_GRACE, LONGEST_STOP, from_document, to_document
from orchestrator.core.policy import ENGINE_PATIENCE

NOW = Instant(moment=1000.0, wall=1_767_225_600.0)
LATER = Instant(moment=3.0, wall=NOW.wall + 4.0)
"""The next process: four seconds later by the wall, its own timeline just begun."""

ATTEMPT = Attempt(
    "web#7", ActionKind.RESTART, False, "HTTP 500", Run("abc", 1_767_225_000.123456), patience_ends=NOW.moment + 15
)
FULL = ServiceState(
    status=Status.UNHEALTHY,
    reason="HTTP 500",
    discovered=True,
    disabled_by="max_failures",
    disabled_at=NOW.moment - 60,
    stopped_by="orchestrator stop",
    leaving="in_order",
    wanted_by="ann",
    due_since=NOW.moment - 7,
    hold=Held(NOW.moment + 1800, "ann", "kernel upgrade"),
    failure_count=3,
    strikes=4,
    restart_count=17,
    last_restart_at=NOW.wall - 30.5,
    run=Run("abc", 1_767_225_000.123456),
    container_id="abc",
    engine_restarts=2,
    grace_ends=NOW.moment + 60,
    healthy_since=NOW.moment - 500,
    retry_at=NOW.moment + 20,
    last_backoff=20.0,
    confirmations=2,
    failed_probes=5,
    probe_seen=NOW.moment - 1,
    counted=True,
    waiting=True,
    wait_told=True,
    failed_at=NOW.wall - 1,
    attempt=ATTEMPT,
    completed=True,
    owners=(("v1", "vpn"), ("w1", "web")),
    severed=True,
)

names = st.text(max_size=8)
optional_names = st.none() | names
walls = st.floats(0, 4e9, allow_nan=False)
runs = st.none() | st.builds(Run, names, walls)
counts = st.integers(0, 10**6)
attempts = st.none() | st.builds(Attempt, names, st.sampled_from(ActionKind), st.booleans(), names, runs, st.booleans())
delays = st.floats(0, 3600)
states = st.builds(
    ServiceState,
    status=st.sampled_from(Status),
    reason=names,
    discovered=st.booleans(),
    disabled_by=st.sampled_from(["human", "max_failures"]),
    disabled_at=st.none() | delays.map(lambda age: NOW.moment - age),
    stopped_by=optional_names,
    leaving=st.sampled_from([None, "in_order", "forced"]),
    wanted_by=optional_names,
    due_since=st.none() | delays.map(lambda age: NOW.moment - age),
    failure_count=counts,
    strikes=counts,
    restart_count=counts,
    last_restart_at=st.none() | walls,
    run=runs,
    container_id=optional_names,
    engine_restarts=counts,
    grace_ends=st.none() | delays.map(lambda delay: NOW.moment + delay),
    healthy_since=st.none() | delays.map(lambda age: NOW.moment - age),
    retry_at=st.none() | delays.map(lambda delay: NOW.moment + delay),
    last_backoff=st.just(3600.0),
    confirmations=counts,
    failed_probes=counts,
    probe_seen=st.floats(-1e9, 1e9),
    counted=st.booleans(),
    failed_at=st.none() | walls,
    attempt=attempts,
    completed=st.booleans(),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | names,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(names, children, max_size=3),
    max_leaves=5,
)


def kept(state: ServiceState, now: Instant = NOW) -> dict[str, Any]:
    """As a store hands it back: through strict JSON text."""
    loaded: dict[str, Any] = json.loads(json.dumps(to_document(state, now), allow_nan=False))
    return loaded


MOMENTS = ("disabled_at", "due_since", "grace_ends", "healthy_since", "retry_at")


@given(states)
def test_a_state_comes_back_as_it_was_but_for_what_ends_with_the_process(state: ServiceState) -> None:
    back = from_document(kept(state), NOW)
    for name in MOMENTS:
        assert getattr(back, name) == pytest.approx(getattr(state, name), abs=0.002)
    attempt = state.attempt and replace(state.attempt, in_flight=False)
    unkept = {name: getattr(state, name) for name in MOMENTS}
    assert replace(back, **unkept) == replace(state, probe_seen=float("-inf"), confirmations=0, attempt=attempt)


@given(st.dictionaries(st.sampled_from([field.name for field in fields(ServiceState)]), json_values), json_values)
def test_no_document_however_mangled_is_refused(mangled: dict[str, Any], attempt: Any) -> None:
    document = {**kept(FULL), **mangled}
    if isinstance(document["attempt"], dict):
        document["attempt"] = {**document["attempt"], "run_before": attempt}
    back = from_document(document, NOW)
    assert back.retry_at is None or back.retry_at <= NOW.moment + max(back.last_backoff * JITTER, ENGINE_PATIENCE)
    assert back.grace_ends is None or back.grace_ends <= NOW.moment + LONGEST_GRACE
    assert from_document(kept(back), NOW).status is back.status


def test_deadlines_go_on_by_the_wall_in_the_next_process() -> None:
    back = from_document(kept(FULL), LATER)
    assert back.retry_at == LATER.moment + 16
    assert back.hold == Held(LATER.moment + 1796, "ann", "kernel upgrade")
    assert back.grace_ends == LATER.moment + 56
    assert back.attempt is not None
    assert back.attempt.patience_ends == LATER.moment + 11
    assert back.healthy_since == LATER.moment - 504


def test_a_wall_clock_stepped_back_a_year_delays_nothing_for_a_year() -> None:
    back = from_document(kept(FULL), Instant(5.0, NOW.wall - 365 * 86400))
    assert back.retry_at == pytest.approx(5.0 + FULL.last_backoff * JITTER)
    assert back.grace_ends == 5.0 + LONGEST_GRACE
    assert back.hold is not None
    assert back.hold.until == 5.0 + LONGEST_HOLD
    assert back.attempt is not None
    assert back.attempt.patience_ends == 5.0 + LONGEST_STOP
    assert back.healthy_since == 5.0, "nobody has been healthy since tomorrow"
    assert back.disabled_at == 5.0, "the half-open trial is counted from today"


def test_a_wall_clock_stepped_forward_makes_deadlines_due() -> None:
    back = from_document(kept(FULL), Instant(5.0, NOW.wall + 86400))
    assert back.retry_at is not None
    assert back.retry_at < 5.0


def test_the_patience_with_the_engine_survives_without_a_backoff() -> None:
    patient = replace(FULL, last_backoff=0.0, retry_at=NOW.moment + ENGINE_PATIENCE)
    assert from_document(kept(patient), NOW).retry_at == NOW.moment + ENGINE_PATIENCE


def test_a_restart_interrupted_by_our_death_is_known_and_not_in_flight() -> None:
    attempt = from_document(kept(FULL), LATER).attempt
    assert attempt == replace(ATTEMPT, in_flight=False, patience_ends=LATER.moment + 11)
    assert kept(FULL)["attempt"]["in_flight"] is True, "the journal tells that the hands were at it"


def test_a_run_keeps_its_exact_start_time_because_that_is_its_name() -> None:
    assert from_document(kept(FULL), LATER).run == FULL.run


def test_what_is_infinite_is_kept_as_nothing() -> None:
    endless = replace(
        FULL,
        run=Run("abc", float("inf")),
        disabled_at=float("nan"),
        last_restart_at=float("inf"),
        grace_ends=float("inf"),
        healthy_since=float("-inf"),
        last_backoff=float("inf"),
    )
    back = from_document(kept(endless), NOW)
    assert (back.run, back.disabled_at, back.last_restart_at) == (None, None, None)
    assert (back.grace_ends, back.healthy_since, back.last_backoff) == (None, None, 0.0)


def test_a_service_that_was_never_seen_comes_back_as_that() -> None:
    assert from_document(kept(ServiceState()), LATER) == ServiceState()


def test_a_service_disabled_by_a_person_stays_so_by_that_person() -> None:
    document = kept(replace(FULL, status=Status.DISABLED, disabled_by="human"))
    assert from_document(document, LATER).disabled_by == "human"
    assert from_document({**document, "status": "stopped"}, LATER).disabled_by == "human", "its own word counts"


def test_an_empty_document_is_a_service_never_seen() -> None:
    assert from_document({}, NOW) == ServiceState()


def test_fields_of_a_newer_version_are_passed_over() -> None:
    assert from_document({**kept(FULL), "version": 99, "mood": "sunny"}, NOW) == from_document(kept(FULL), NOW)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("status", "on holiday", Status.NOT_FOUND),
        ("status", 3, Status.NOT_FOUND),
        ("reason", None, ""),
        ("stopped_by", 1, None),
        ("disabled_by", "the weather", None),
        ("disabled_by", ["human"], None),
        ("failure_count", -1, 0),
        ("failure_count", True, 0),
        ("failure_count", 2.5, 0),
        ("strikes", 10**400, 0),
        ("strikes", "4", 0),
        ("restart_count", None, 0),
        ("last_restart_at", "yesterday", None),
        ("last_restart_at", True, None),
        ("last_restart_at", 10**400, None),
        ("retry_at", float("nan"), None),
        ("grace_ends", float("inf"), None),
        ("healthy_since", {}, None),
        ("last_backoff", -5, 0.0),
        ("last_backoff", None, 0.0),
        ("discovered", "yes", False),
        ("completed", 1, False),
        ("hold", "ann", None),
        ("hold", {"by": "ann", "why": "kernel upgrade"}, None),
        ("hold", {"until": NOW.wall, "why": 3}, Held(NOW.moment, "somebody", "")),
        ("run", "abc", None),
        ("run", {"container_id": "abc"}, None),
        ("run", {"started_at": 1.0}, None),
        ("attempt", [], None),
        ("attempt", {"kind": "restart"}, None),
        ("attempt", {"action_id": "web#7", "kind": "dance"}, None),
        ("attempt", {"action_id": "a", "kind": "stop"}, Attempt("a", ActionKind.STOP, False, "", None, False)),
    ],
)
def test_a_field_that_makes_no_sense_falls_back_and_the_others_count(field: str, value: object, expected: Any) -> None:
    back = from_document({**kept(FULL), field: value}, NOW)
    assert getattr(back, field) == expected
    assert back.container_id == FULL.container_id


def test_a_disabled_service_stays_disabled_when_nobody_knows_by_whom() -> None:
    document = {**kept(FULL), "status": "disabled", "disabled_by": None}
    assert from_document(document, NOW).disabled_by == "human"


def test_every_field_of_the_state_is_kept_but_the_evidence_of_this_process() -> None:
    names_kept = set(kept(FULL)) - {"version"}
    assert names_kept == {field.name for field in fields(ServiceState)} - {"probe_seen", "confirmations", "resume_at"}


@pytest.mark.parametrize(("written", "read"), [("forced", "forced"), ("in_order", "in_order"), ("soon", None)])
def test_how_it_is_to_go_down_comes_back_where_it_makes_sense(written: str, read: str | None) -> None:
    assert from_document({**kept(FULL), "leaving": written}, NOW).leaving == read
