"""The remembered latencies of probes, through an illness and beyond their bound."""

from __future__ import annotations

from orchestrator.core.model import Instant, ProbeResult, Run, ServiceSpec, Verdict
from orchestrator.runtime.latencies import MOST_SAMPLES, Latencies
from orchestrator.testing import Scenario


def test_every_answer_is_remembered_in_order_the_failures_too() -> None:
    with Scenario() as world:
        web = world.container("web")
        world.run_for("2m")
        well = world.orchestrator.latency("web", MOST_SAMPLES)
        assert len(well) > 1
        assert {one.verdict for one in well} == {Verdict.PASS}
        assert [one.at for one in well] == sorted(one.at for one in well)
        world.now(web.gets_sick())
        world.run_for("1m")
        assert Verdict.FAIL in {one.verdict for one in world.orchestrator.latency("web", MOST_SAMPLES)}
        assert world.orchestrator.latency("web", 1) == world.orchestrator.latency("web", MOST_SAMPLES)[-1:]


def test_the_oldest_are_let_go_and_a_service_that_leaves_takes_all_with_it() -> None:
    latencies, spec = Latencies(), ServiceSpec("web", "Web")
    for number in range(3 * MOST_SAMPLES):
        moment = Instant(float(number), float(number))
        latencies.probed(spec, ProbeResult(Run("id", 0.0), Verdict.PASS, "http", "", moment, number / 1000))
    kept = latencies.of("web", 10 * MOST_SAMPLES)
    assert len(kept) == MOST_SAMPLES
    assert (kept[-1].at, kept[-1].latency_ms) == (3 * MOST_SAMPLES - 1, 3 * MOST_SAMPLES - 1)
    latencies.gone("web")
    assert latencies.of("web") == ()
