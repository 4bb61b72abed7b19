"""When the monitor asks whom, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.core.model import (
    Check,
    CommandCheck,
    EngineCheck,
    HttpCheck,
    ProbeResult,
    Run,
    RunningCheck,
    TcpCheck,
    Verdict,
)
from orchestrator.ports import Probe, Reading, Target
from orchestrator.runtime.health import HealthMonitor, Watch
from orchestrator.testing import VirtualClock, run_virtual
from tests.virtual import pass_time

PASS = Reading(Verdict.PASS, "HTTP 200")
HEALTH = HttpCheck("/health")


@dataclass
class Recorder:
    """A probe that takes as long as told for each container and notes who asked when."""

    takes: dict[str, float] = field(default_factory=dict)
    reading: Reading = PASS
    asked: list[tuple[float, str]] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    most_of_one: int = 0
    cancelled: list[str] = field(default_factory=list)

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        name = target.container_id
        self.asked.append((asyncio.get_running_loop().time(), name))
        self.in_flight[name] += 1
        self.most_at_once = max(self.most_at_once, self.in_flight.total())
        self.most_of_one = max(self.most_of_one, self.in_flight[name])
        takes = self.takes.get(name, 0.001)
        try:
            await pass_time(min(takes, timeout))
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        finally:
            self.in_flight[name] -= 1
        return self.reading if takes <= timeout else Reading(Verdict.FAIL, f"no answer within {timeout:g} s")

    async def close(self) -> None:
        return

    def moments(self, name: str) -> list[float]:
        return [moment for moment, asked in self.asked if asked == name]


@dataclass
class Desk:
    """A monitor at work, and everything it posted."""

    monitor: HealthMonitor
    recorder: Recorder
    posted: list[tuple[str, ProbeResult]]

    def results(self, service: str) -> list[ProbeResult]:
        return [result for name, result in self.posted if name == service]


@asynccontextmanager
async def at_work(recorder: Recorder | None = None, seed: int = 1, **limits: Any) -> AsyncIterator[Desk]:
    probe = recorder or Recorder()
    posted: list[tuple[str, ProbeResult]] = []
    probes: Mapping[type, Probe] = dict.fromkeys((HttpCheck, TcpCheck, CommandCheck, EngineCheck), probe)
    monitor = HealthMonitor(
        VirtualClock(), probes, lambda name, result: posted.append((name, result)), random=Random(seed), **limits
    )
    task = asyncio.create_task(monitor.run())
    try:
        yield Desk(monitor, probe, posted)
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert probe.in_flight.total() == 0


def watch(name: str = "c1", **changes: Any) -> Watch:
    return replace(Watch(Run(name, 1.0), HEALTH, Target(name, "127.0.0.1", 80), every=30.0, timeout=5.0), **changes)


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await story()

    run_virtual(main, limit=86400 * 2)


# --- when ---------------------------------------------------------------------------------------------------


def test_an_urgent_service_is_asked_at_once() -> None:
    async def story() -> None:
        async with at_work() as desk:
            await pass_time(1.234)
            desk.monitor.watch("web", watch(urgent=True))
            await pass_time(0.01)
            assert desk.recorder.moments("c1") == [1.234]

    play(story)


def test_a_result_is_stamped_with_the_run_the_method_and_the_moment() -> None:
    async def story() -> None:
        recorder = Recorder({"c1": 0.25}, Reading(Verdict.PASS, "HTTP 200", {"status": "healthy"}))
        async with at_work(recorder) as desk:
            desk.monitor.watch("web", watch(urgent=True))
            await pass_time(1)
        (result,) = desk.results("web")
        assert (result.run, result.verdict, result.method) == (Run("c1", 1.0), Verdict.PASS, "http")
        assert result.detail == "HTTP 200"
        assert result.checked.moment == pytest.approx(0.25)
        assert result.latency == pytest.approx(0.25)
        assert result.body == {"status": "healthy"}

    play(story)


def test_five_hundred_services_are_not_asked_in_a_burst() -> None:
    async def story() -> None:
        async with at_work() as desk:
            for number in range(500):
                desk.monitor.watch(f"s{number}", watch(f"c{number}"))
            await pass_time(120)
        first_seconds = Counter(int(moment) for moment, _ in desk.recorder.asked if moment <= 3.06)
        assert first_seconds.total() == 500
        assert max(first_seconds.values()) <= 500 / 3 * 1.3
        settled = Counter(int(moment / 4) for moment, _ in desk.recorder.asked if 60 <= moment < 120)
        assert settled.total() == pytest.approx(1000, abs=30)
        assert max(settled.values()) <= 4 * 500 / 15 * 1.5
        assert len({name for _, name in desk.recorder.asked}) == 500

    play(story)


def test_services_due_close_together_share_a_wake_up() -> None:
    async def story() -> None:
        async with at_work() as desk:
            for number in range(500):
                desk.monitor.watch(f"s{number}", watch(f"c{number}"))
            await pass_time(600)
        later = [moment for moment, _ in desk.recorder.asked if moment > 60]
        assert len(later) / len(set(later)) > 6

    play(story)


@given(every=st.floats(0.05, 600), seed=st.integers(0, 1000))
@example(every=0.05, seed=336)
@settings(max_examples=settings().max_examples // 2)
def test_the_phase_is_stable_and_no_interval_is_longer_than_promised(every: float, seed: int) -> None:
    async def story() -> None:
        async with at_work(seed=seed) as desk:
            desk.monitor.watch("web", watch(every=every))
            await pass_time(every * 100)
        moments = desk.recorder.moments("c1")
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        grain = max(0.05, every / 32) + 0.01
        assert max(gaps) <= every + grain
        assert min(gaps[1:]) >= every - grain
        assert sum(gaps[1:]) / len(gaps[1:]) == pytest.approx(every, abs=grain / 20)

    play(story)


def test_a_service_asked_longer_than_its_interval_skips_and_keeps_its_phase() -> None:
    async def story() -> None:
        async with at_work(Recorder({"c1": 2.5})) as desk:
            desk.monitor.watch("web", watch(every=1.0, urgent=True))
            await pass_time(10)
            assert desk.recorder.moments("c1") == pytest.approx([0.0, 3.0, 6.0, 9.0])
            assert desk.recorder.most_of_one == 1

    play(story)


# --- what changes -------------------------------------------------------------------------------------------


def test_the_same_watch_again_changes_nothing() -> None:
    async def story() -> None:
        async with at_work() as desk:
            for _ in range(200):
                desk.monitor.watch("web", watch(every=10.0, urgent=True))
                await pass_time(0.1)
            assert len(desk.recorder.asked) <= 3

    play(story)


def test_a_new_run_is_asked_anew_and_the_older_answer_is_discarded() -> None:
    async def story() -> None:
        async with at_work(Recorder({"c1": 2.0})) as desk:
            desk.monitor.watch("web", watch(urgent=True))
            await pass_time(1)
            newer = watch(urgent=True, run=Run("c1", 2.0))
            desk.monitor.watch("web", newer)
            await pass_time(5)
        assert desk.recorder.cancelled == ["c1"]
        assert [result.run for result in desk.results("web")] == [newer.run]
        assert desk.recorder.most_of_one == 1

    play(story)


@pytest.mark.parametrize("change", [{"check": TcpCheck()}, {"target": Target("c1", "127.0.0.2", 80)}])
def test_another_question_is_asked_anew(change: dict[str, Any]) -> None:
    async def story() -> None:
        async with at_work() as desk:
            desk.monitor.watch("web", watch(urgent=True))
            await pass_time(1)
            desk.monitor.watch("web", watch(urgent=True, **change))
            await pass_time(0.5)
            assert desk.recorder.moments("c1") == pytest.approx([0.0, 1.0])

    play(story)


def test_a_shorter_interval_counts_from_now() -> None:
    async def story() -> None:
        async with at_work() as desk:
            desk.monitor.watch("web", watch(urgent=True))
            await pass_time(5)
            desk.monitor.watch("web", watch(every=1.0, urgent=True))
            await pass_time(3.5)
            assert desk.recorder.moments("c1") == pytest.approx([0.0, 6.0, 7.0, 8.0])

    play(story)


def test_a_longer_interval_does_not_put_off_what_is_due() -> None:
    async def story() -> None:
        async with at_work() as desk:
            desk.monitor.watch("web", watch(every=2.0, urgent=True))
            await pass_time(1)
            desk.monitor.watch("web", watch(every=60.0, urgent=True))
            await pass_time(121)
            first, second, third, *_ = desk.recorder.moments("c1")
            assert (first, second) == pytest.approx((0.0, 2.0))
            assert 30 <= third - second <= 62

    play(story)


def test_a_watch_that_becomes_urgent_is_asked_at_once() -> None:
    async def story() -> None:
        async with at_work() as desk:
            desk.monitor.watch("web", watch())
            await pass_time(4)
            before = len(desk.recorder.asked)
            desk.monitor.watch("web", watch(urgent=True))
            await pass_time(0.01)
            assert desk.recorder.moments("c1")[before:] == [4.0]

    play(story)


def test_a_new_time_out_is_used_from_the_next_question_on() -> None:
    async def story() -> None:
        async with at_work(Recorder({"c1": 3.0})) as desk:
            desk.monitor.watch("web", watch(every=10.0, timeout=1.0, urgent=True))
            await pass_time(2)
            desk.monitor.watch("web", watch(every=10.0, timeout=5.0, urgent=True))
            await pass_time(20)
            details = [result.detail for result in desk.results("web")]
            assert details[:2] == ["no answer within 1 s", "HTTP 200"]

    play(story)


def test_a_service_no_longer_watched_is_left_alone() -> None:
    async def story() -> None:
        async with at_work(Recorder({"c1": 2.0})) as desk:
            desk.monitor.watch("web", watch(urgent=True))
            await pass_time(1)
            desk.monitor.watch("web", None)
            desk.monitor.watch("never-watched", None)
            await pass_time(300)
            assert desk.posted == []
            assert desk.recorder.cancelled == ["c1"]
            assert len(desk.recorder.asked) == 1

    play(story)


def test_what_is_watched_before_the_monitor_runs_is_asked_when_it_does() -> None:
    async def story() -> None:
        recorder, posted = Recorder(), list[str]()
        monitor = HealthMonitor(VirtualClock(), {HttpCheck: recorder}, lambda name, _: posted.append(name))
        monitor.watch("web", watch(urgent=True))
        await pass_time(5)
        assert posted == []
        for expected in (["web"], ["web", "web"]):
            task = asyncio.create_task(monitor.run())
            await pass_time(31)
            assert posted[: len(expected)] == expected
            task.cancel()
            await asyncio.wait({task})
            asked = len(recorder.asked)
            await pass_time(100)
            assert len(recorder.asked) == asked

    play(story)


# --- what cannot be asked -----------------------------------------------------------------------------------


def test_a_service_that_cannot_be_reached_is_unknown_in_words_once_an_interval_at_most() -> None:
    async def story() -> None:
        async with at_work() as desk:
            unreachable = watch(target="it has no port", every=10.0, urgent=True)
            for _ in range(100):
                desk.monitor.watch("web", unreachable)
                await pass_time(1)
        results = desk.results("web")
        assert {(result.verdict, result.detail) for result in results} == {(Verdict.UNKNOWN, "it has no port")}
        assert 9 <= len(results) <= 12
        assert desk.recorder.asked == []

    play(story)


def test_a_check_without_a_probe_is_unknown() -> None:
    async def story() -> None:
        async with at_work() as desk:
            desk.monitor.watch("web", watch(check=RunningCheck(), urgent=True))
            await pass_time(1)
        assert [(result.verdict, result.method) for result in desk.results("web")] == [(Verdict.UNKNOWN, "running")]

    play(story)


def test_a_probe_that_raises_is_shown_blames_nobody_and_disturbs_no_other() -> None:
    class Broken(Recorder):
        async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
            if target.container_id == "c1":
                raise ZeroDivisionError("a defect")
            return await super().probe(check, target, timeout)

    async def story() -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        async with at_work(Broken()) as desk:
            desk.monitor.watch("web", watch("c1", urgent=True, every=1.0))
            desk.monitor.watch("db", watch("c2", urgent=True, every=1.0))
            await pass_time(2.5)
        assert {result.verdict for result in desk.results("web")} == {Verdict.UNKNOWN}
        assert "a defect" in desk.results("web")[0].detail
        assert len(desk.results("web")) == len(desk.results("db")) == len(reported) == 3
        assert {result.verdict for result in desk.results("db")} == {Verdict.PASS}

    play(story)


# --- who waits for whom -------------------------------------------------------------------------------------


def test_a_hung_service_delays_no_other() -> None:
    async def story() -> None:
        async with at_work(Recorder({"hung": 1e9})) as desk:
            desk.monitor.watch("hung", watch("hung", every=1.0, urgent=True))
            desk.monitor.watch("web", watch("c1", every=1.0, urgent=True))
            await pass_time(60)
            assert len(desk.results("web")) == 60
            assert desk.results("hung")[0].detail == "no answer within 5 s"
            assert desk.recorder.most_of_one == 1

    play(story)


def test_network_probes_in_flight_are_bounded_and_all_get_their_turn() -> None:
    async def story() -> None:
        takes = {f"c{number}": 1.0 for number in range(100)}
        async with at_work(Recorder(takes), max_in_flight=10) as desk:
            for number in range(100):
                desk.monitor.watch(f"s{number}", watch(f"c{number}", urgent=True, every=60.0))
            await pass_time(10.5)
            assert desk.recorder.most_at_once == 10
            assert [name for _, name in desk.recorder.asked] == [f"c{number}" for number in range(100)]
            assert {result.verdict for _, result in desk.posted} == {Verdict.PASS}

    play(story)


def test_commands_are_rationed_and_waiting_is_neither_failure_nor_time_out() -> None:
    async def story() -> None:
        takes = {f"c{number}": 4.0 for number in range(12)}
        async with at_work(Recorder(takes), exec_slots=2) as desk:
            for number in range(12):
                asked = watch(f"c{number}", check=CommandCheck("check"), urgent=True, every=60.0, timeout=5.0)
                desk.monitor.watch(f"s{number}", asked)
            await pass_time(24.5)
            assert desk.recorder.most_at_once == 2
            assert [name for _, name in desk.recorder.asked] == [f"c{number}" for number in range(12)]
            results = [result for _, result in desk.posted]
            assert len(results) == 12
            assert {(result.verdict, round(result.latency or 0)) for result in results} == {(Verdict.PASS, 4)}

    play(story)


def test_commands_waiting_for_slots_do_not_hold_up_network_probes() -> None:
    async def story() -> None:
        async with at_work(Recorder({"slow": 1e9}), exec_slots=1) as desk:
            desk.monitor.watch("slow", watch("slow", check=CommandCheck("check"), urgent=True, every=1.0))
            desk.monitor.watch("web", watch("c1", every=1.0, urgent=True))
            await pass_time(30)
            assert len(desk.results("web")) == 30

    play(story)


def test_one_container_has_one_command_in_flight_whoever_asks() -> None:
    async def story() -> None:
        async with at_work(Recorder({"c1": 2.0})) as desk:
            for number, check in enumerate((CommandCheck("one"), CommandCheck("two"), EngineCheck())):
                desk.monitor.watch(f"s{number}", watch("c1", check=check, urgent=True, every=60.0))
            desk.monitor.watch("other", watch("c2", check=CommandCheck("check"), urgent=True, every=60.0))
            await pass_time(7)
            assert desk.recorder.most_of_one == 1
            assert desk.recorder.moments("c1") == pytest.approx([0.0, 2.0, 4.0])
            assert desk.recorder.moments("c2") == [0.0]

    play(story)


def test_who_is_forgotten_while_waiting_is_not_asked() -> None:
    async def story() -> None:
        async with at_work(Recorder({"c1": 5.0}), exec_slots=1) as desk:
            for name in ("c1", "c2"):
                desk.monitor.watch(name, watch(name, check=CommandCheck("check"), urgent=True, every=60.0))
            await pass_time(1)
            desk.monitor.watch("c2", None)
            await pass_time(20)
            assert [name for _, name in desk.recorder.asked] == ["c1"]

    play(story)
