"""Incidents on real engines: one healing is one story; a parent with thirty children is one, and outlives SIGKILL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.notifiers.receiver import Receiver, listening
from tests.live.engines import wait_until
from tests.live.serve import Document, service_labels
from tests.live.servers import free_port
from tests.live.ward import Ward, engine_of, lent, opened

CHILDREN = 30
PATIENCE = 120.0
"""Thirty-one containers on a slow machine."""
SLEEPS = ("sleep", "3600")


@pytest.fixture(scope="module")
def receiver(engine_folder: Path) -> Iterator[Receiver]:
    """On the loopback of the network that comes with the folder."""
    with listening() as receiver:
        yield receiver


@pytest.fixture(scope="module", params=["podman", "docker"])
def ward(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("incidents")
    told = f"{{channels: {{ops: {{url: 'http://{receiver.address}/'}}}}, settle: 5s}}"
    (folder / "orchestrator.yaml").write_text(f"notifications: {told}\n")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        yield ward


def _of(ward: Ward, service: str) -> list[Document]:
    """Whole, oldest first; but for what turned out to be part of another one."""
    listed = ward.serve.get(f"/incidents?service={service}")["incidents"]
    return [ward.serve.get(f"/incidents/{one['id']}") for one in reversed(listed) if one["merged_into"] is None]


def _closed(ward: Ward, service: str) -> Document:
    """The only incident of the service, as soon as it is over."""

    def over() -> bool:
        return [one["status"] for one in _of(ward, service)] == ["closed"]

    wait_until(over, PATIENCE, f"one incident of {service} that is closed")
    return _of(ward, service)[0]


def _kinds(incident: Document) -> list[str]:
    return [entry["kind"] for entry in incident["timeline"]]


def test_one_healing_is_one_incident_with_its_times(ward: Ward) -> None:
    container = ward.admit("db", recovery__stable_after="2")
    ward.engine.kill(container)
    ward.healed("db", container)
    incident = _closed(ward, "db")
    assert incident["title"] == "db exited with code 137 (SIGKILL)"
    assert (incident["cause"]["service"], incident["cause"]["confidence"]) == ("db", "certain")
    assert [(one["service"], one["role"], one["status"]) for one in incident["members"]] == [("db", "root", "running")]
    # A check may have failed before the death was seen; the evidence comes while the story goes on.
    story = [kind for kind in _kinds(incident) if kind not in ("named", "evidence", "notified")]
    assert story == ["detected", "action", "outcome", "recovered", "closed"]
    assert len(incident["evidence"]) == 1
    times = [incident[f"seconds_to_{step}"] for step in ("detect", "act", "recover")]
    assert 0 <= times[0] <= times[1] <= times[2]
    hour = ward.serve.get("/availability?service=db")["services"][0]["windows"]["1h"]
    assert 0 < hour["availability"] < 1
    assert (hour["incidents"], hour["mean_seconds_to_recover"] > 0) == (1, True)
    statuses = [one["status"] for one in ward.serve.get("/services/db/history?hours=1")["segments"]]
    assert statuses[0] == "unknown"
    assert {"running", "stopped"} <= set(statuses)


def test_a_parent_with_thirty_children_is_one_incident_that_outlives_sigkill_and_is_told_once(
    ward: Ward, receiver: Receiver, tmp_path: Path
) -> None:
    mounted = f"--mount=type=bind,source={tmp_path},target=/switch"
    quick = {"recovery__stable_after": "2", "recovery__backoff_max": "2", "recovery__on_max_failures": "keep_trying"}
    port = str(free_port())  # Docker gives another one at each start, if it is left to it
    parent = ward.admit("parent", mounted, f"--publish=127.0.0.1:{port}:8080", **quick)
    names = [f"child-{number}" for number in range(CHILDREN)]
    asks_parent = {"requires": "parent", "host": "127.0.0.1", "port": port, "health__timeout": "5", "grace": "60"}
    for name in names:
        labels = service_labels(name, recovery__stable_after="2", **asks_parent)
        ward.engine.run(name, "--network=none", *labels, command=SLEEPS)
    for name in names:
        ward.serve.wait_for(name, timeout=PATIENCE, status="running")

    crashes = tmp_path / "crash"
    crashes.write_text("9999")
    ward.engine.kill(parent)
    wait_until(lambda: _members(ward) == {"parent", *names}, PATIENCE, "an incident with thirty-one members")
    (before,) = _of(ward, "parent")
    wait_until(lambda: _told(receiver, before) == ["opened"], PATIENCE, "the message that it is open")
    ward.serve.kill()
    ward.serve.start()
    wait_until(lambda: any("remark" in _kinds(one) for one in _of(ward, "parent")), PATIENCE, "a word on the gap")
    crashes.unlink()
    incident = _closed(ward, "parent")

    assert incident["id"] == before["id"]
    assert incident["cause"]["service"] == "parent"
    assert {one["service"] for one in incident["members"]} == {"parent", *names}
    assert [one["service"] for one in incident["members"] if one["role"] == "root"] == ["parent"]
    assert (incident["opened_at"], incident["timeline"][0]) == (before["opened_at"], before["timeline"][0])
    restarted = [name for name in names if ward.serve.service(name)["restart_count"]]
    assert restarted == [], "they came back by themselves"
    assert ward.serve.get("/incidents?status=open")["incidents"] == []
    wait_until(lambda: _told(receiver, before) == ["opened", "resolved"], PATIENCE, "the message that it is over")
    statuses = [one["status"] for one in ward.serve.get("/services/parent/history?hours=1")["segments"]]
    assert statuses.count("unknown") == 2, "before it was seen, and while we were dead"


def _told(receiver: Receiver, incident: Document) -> list[str]:
    """What kinds of messages came of it."""
    documents = [json.loads(each.body) for each in list(receiver.received)]
    same = (incident["id"], incident["opened_at"])  # the other engine's orchestrator counts from one, too
    return [each["kind"] for each in documents for one in each["incidents"] if (one["id"], one["opened_at"]) == same]


def _members(ward: Ward) -> set[str]:
    found = _of(ward, "parent")
    return {one["service"] for one in found[0]["members"]} if len(found) == 1 else set()
