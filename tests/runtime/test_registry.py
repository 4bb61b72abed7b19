"""Who asked for the end of a run: others, by whichever way it shows, and never ourselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.model import (
    ActionKind,
    Attempt,
    ContainerSnapshot,
    ContainerState,
    Kind,
    Run,
    ServiceSpec,
    ServiceState,
)
from orchestrator.runtime.registry import Record

RUN = Run("c1", 100.0)
DOWN = ContainerSnapshot("c1", "web", "web:1", ContainerState.EXITED, 50.0, started_at=100.0, exit_code=0)


def a_record(container: ContainerSnapshot = DOWN, **known: Any) -> Record:
    record = Record(ServiceSpec("web", "Web"), container=container, seen=True)
    for name, value in known.items():
        setattr(record, name, value)
    return record


@pytest.mark.parametrize("known", [{"stop_seen": ("c1", 101.0)}, {"container": replace(DOWN, stopped_by_user=True)}])
def test_an_event_or_the_engine_s_own_record_tells_of_a_stop(known: dict[str, Any]) -> None:
    record = a_record(**known)
    assert (record.stop_requested, record.being_ended) == (True, True)


def test_a_signal_alone_is_no_stop_but_may_bring_an_end() -> None:
    record = a_record(signal_seen=("c1", 101.0))
    assert (record.stop_requested, record.being_ended) == (False, True)


@pytest.mark.parametrize(
    "ours",
    [
        {"our_stop": RUN},
        {"state": ServiceState(attempt=Attempt("a", ActionKind.RESTART, False, "HTTP 500", RUN, in_flight=False))},
    ],
)
def test_what_we_ended_nobody_else_did(ours: dict[str, Any]) -> None:
    container = replace(DOWN, stopped_by_user=True)
    record = a_record(container, stop_seen=("c1", 101.0), signal_seen=("c1", 101.0), **ours)
    assert (record.stop_requested, record.being_ended) == (False, False)


def test_a_start_of_ours_ended_nothing() -> None:
    attempt = Attempt("a", ActionKind.START, False, "exited with code 1", RUN)
    assert a_record(stop_seen=("c1", 101.0), state=ServiceState(attempt=attempt)).stop_requested


@pytest.mark.parametrize("seen", [("c1", 99.0), ("c2", 101.0)])
def test_a_stop_of_another_run_says_nothing_of_this_one(seen: tuple[str, float]) -> None:
    assert not a_record(stop_seen=seen).being_ended


@pytest.mark.parametrize(
    ("changes", "kind", "maybe"),
    [
        ({"stopped_by_user": None}, Kind.SERVICE, True),
        ({"stopped_by_user": None, "exit_code": 143}, Kind.SERVICE, True),
        ({"stopped_by_user": None, "exit_code": 1}, Kind.SERVICE, False),
        ({"stopped_by_user": None, "exit_code": 137}, Kind.SERVICE, False),
        ({"stopped_by_user": None}, Kind.JOB, False),
        ({"stopped_by_user": False}, Kind.SERVICE, False),
    ],
)
def test_where_the_engine_tells_nothing_a_polite_end_may_have_been_asked_for(
    changes: dict[str, Any], kind: Kind, maybe: bool
) -> None:
    record = a_record(replace(DOWN, **changes))
    record.spec = replace(record.spec, kind=kind)
    assert record.may_have_been_stopped is maybe
    record.our_stop = RUN
    assert not record.may_have_been_stopped
