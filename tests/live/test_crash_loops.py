"""A container that dies at once, and an engine whose policy restarts it again and again: Podman's without any pause."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.engines import wait_until
from tests.live.ward import Ward, engine_of, lent, opened

LOOP_TIMEOUT = 60.0


@pytest.fixture(scope="module", params=["podman", "docker"])
def ward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("loops")
    with lent(engine_of(request, request.param)) as engine, opened(engine, folder) as ward:
        yield ward


def test_a_loop_is_counted_and_ends_disabled_with_its_cause(ward: Ward) -> None:
    container = ward.admit("looping", "--restart=always", recovery__max_failures="5")
    ward.engine.switch(container, "crash", "1000")
    ward.engine.kill(container)
    service = ward.serve.wait_for("looping", timeout=LOOP_TIMEOUT, status="disabled")
    assert service["strikes"] >= 5
    assert "policy 'always'" in service["reason"] or "exited with code 3" in service["reason"]
    assert ward.serve.told("looping").count("Service disabled - max failures reached") == 1
    ward.engine.command("rm", "--force", container)


def test_a_loop_that_is_taken_over_is_slowed_down_and_given_back(ward: Ward) -> None:
    taken = {"recovery__take_over": "true", "recovery__max_failures": "20", "recovery__stable_after": "2"}
    container = ward.admit("taken", "--restart=always", **taken)
    ward.engine.switch(container, "crash", "5")
    ward.engine.kill(container)
    begun = ward.serve.wait_for_event("taken", "Restart initiated", timeout=LOOP_TIMEOUT)
    assert "a crash loop of the engine's policy 'always'" in begun["cause"]
    wait_until(lambda: ward.engine.state(container) == "exited", LOOP_TIMEOUT, "its pause")
    ward.serve.wait_for_event("taken", "Given back to the engine's restart policy", timeout=LOOP_TIMEOUT)
    ward.serve.wait_for("taken", status="running", strikes=0)
    told = ward.serve.told("taken")
    assert told.count("Restart initiated") == told.count("Restart completed") + told.count("Restart failed"), told
