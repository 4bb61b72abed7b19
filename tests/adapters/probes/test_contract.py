"""What every :class:`orchestrator.ports.Probe` must do: the real ones on real loops, the fakes in virtual time."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import pytest
import uvloop

from orchestrator.adapters.probes import make_probes
from orchestrator.core.model import (
    Check,
    CommandCheck,
    EngineCheck,
    HttpCheck,
    PostgresCheck,
    RedisCheck,
    TcpCheck,
    Verdict,
)
from orchestrator.ports import Probe, Reading, Target
from orchestrator.testing import (
    Blueprint,
    Condition,
    EngineCheckup,
    FakeDaemon,
    FakeEngine,
    ScriptedProbe,
    VirtualClock,
    Workload,
    WorkloadProbe,
    run_virtual,
)
from tests.adapters.probes.servers import http, serving

Situation = Literal["well", "ill", "silent", "unaskable"]
Ready = tuple[Probe, Check, Target]
Setting = Callable[[Situation], AbstractAsyncContextManager[Ready]]

TIMEOUT = 0.05
TOLERANCE = 30.0
"""Seconds: a busy machine is late, a probe that forgot its time-out is never back."""


@dataclass(frozen=True)
class Bench:
    name: str
    run: Callable[[Coroutine[object, object, None]], None]
    setting: Setting
    silence_proves_illness: bool = True
    has_silence: bool = True

    def __str__(self) -> str:
        return self.name

    def play(self, situation: Situation, story: Callable[[Probe, Check, Target], Awaitable[None]]) -> None:
        async def main() -> None:
            async with self.setting(situation) as (probe, check, target):
                await story(probe, check, target)
                await probe.close()

        self.run(main())


# --- over the network ----------------------------------------------------------------------------------------

LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"
MD5_WANTED = b"R\x00\x00\x00\x0c\x00\x00\x00\x05salt"
_FIELDS = b"SFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"
STARTING_UP = b"E" + struct.pack("!i", len(_FIELDS) + 4) + _FIELDS
NETWORK: dict[Check, tuple[bytes, bytes]] = {
    HttpCheck("/health"): (http("200 OK"), http("500 Internal Server Error")),
    RedisCheck(): (b"+PONG\r\n", LOADING),
    PostgresCheck(): (MD5_WANTED, STARTING_UP),
}


def unused_engine() -> FakeEngine:
    return FakeEngine(FakeDaemon(VirtualClock(), asyncio.get_running_loop()))


def over_network(check: Check) -> Setting:
    @asynccontextmanager
    async def setting(situation: Situation) -> AsyncIterator[Ready]:
        probe = make_probes(unused_engine())[type(check)]
        if situation == "unaskable":
            yield probe, check, Target("c1", None, None)
            return
        well, ill = NETWORK[check]
        answer = {"well": [well], "ill": [ill], "silent": []}[situation]
        async with serving(answer, hold=True) as server:
            yield probe, check, Target("c1", server.host, server.port)

    return setting


@asynccontextmanager
async def tcp(situation: Situation) -> AsyncIterator[Ready]:
    probe = make_probes(unused_engine())[TcpCheck]
    if situation == "unaskable":
        yield probe, TcpCheck(), Target("c1", "255.255.255.255", 80)
        return
    async with serving([], hold=True) as server:
        target = Target("c1", server.host, server.port)
        if situation == "well":
            yield probe, TcpCheck(), target
            return
    yield probe, TcpCheck(), target


# --- by way of the engine, and the fakes -----------------------------------------------------------------------

CONDITIONS = {"well": Condition.HEALTHY, "ill": Condition.SICK, "silent": Condition.DEADLOCKED}


def by_engine(check: Check, make: Callable[[FakeEngine], Probe]) -> Setting:
    @asynccontextmanager
    async def setting(situation: Situation) -> AsyncIterator[Ready]:
        daemon = FakeDaemon(VirtualClock(), asyncio.get_running_loop(), dialect="podman")
        workload = Workload(condition=CONDITIONS.get(situation, Condition.HEALTHY))
        checkup = EngineCheckup(interval=1e6, timeout=60.0, retries=1)
        container = daemon.create(Blueprint("web", workload=workload, checkup=checkup))
        await daemon.start(container)
        if situation == "unaskable":
            daemon.reach.go_away()
        yield make(FakeEngine(daemon)), check, Target(container.container_id, "127.0.0.1", 18080)

    return setting


@asynccontextmanager
async def scripted(situation: Situation) -> AsyncIterator[Ready]:
    readings: dict[Situation, Reading | tuple[float, Reading]] = {
        "well": Reading(Verdict.PASS, "HTTP 200"),
        "ill": Reading(Verdict.FAIL, "HTTP 500"),
        "silent": (3600.0, Reading(Verdict.PASS, "HTTP 200")),
        "unaskable": Reading(Verdict.UNKNOWN, "no address to ask"),
    }
    yield ScriptedProbe([readings[situation]]), HttpCheck("/health"), Target("c1", "127.0.0.1", 80)


def on_real_loops() -> list[Bench]:
    benches = []
    for runner, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
        benches += [Bench(f"{type(check).__name__}-{runner}", run, over_network(check)) for check in NETWORK]
        benches.append(Bench(f"TcpCheck-{runner}", run, tcp, has_silence=False))
    return benches


BENCHES = [
    *on_real_loops(),
    Bench("CommandCheck", run_virtual, by_engine(CommandCheck("check"), lambda e: make_probes(e)[CommandCheck])),
    Bench(
        "EngineCheck",
        run_virtual,
        by_engine(EngineCheck(), lambda e: make_probes(e)[EngineCheck]),
        silence_proves_illness=False,
    ),
    Bench("ScriptedProbe", run_virtual, scripted),
    Bench("WorkloadProbe", run_virtual, by_engine(CommandCheck("check"), WorkloadProbe)),
]
every_probe = pytest.mark.parametrize("bench", BENCHES, ids=str)
every_waiting_probe = pytest.mark.parametrize("bench", [one for one in BENCHES if one.has_silence], ids=str)


@every_probe
def test_a_healthy_service_passes(bench: Bench) -> None:
    async def story(probe: Probe, check: Check, target: Target) -> None:
        reading = await probe.probe(check, target, TOLERANCE)
        assert reading.verdict is Verdict.PASS
        assert reading.detail

    bench.play("well", story)


@every_probe
def test_a_sick_service_fails_in_short_words(bench: Bench) -> None:
    async def story(probe: Probe, check: Check, target: Target) -> None:
        reading = await probe.probe(check, target, TOLERANCE)
        assert reading.verdict is Verdict.FAIL
        assert 0 < len(reading.detail) <= 200
        assert "no answer" not in reading.detail

    bench.play("ill", story)


@every_waiting_probe
def test_silence_ends_with_the_time_out(bench: Bench) -> None:
    async def story(probe: Probe, check: Check, target: Target) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        reading = await probe.probe(check, target, TIMEOUT)
        took = loop.time() - begun
        assert reading.verdict is (Verdict.FAIL if bench.silence_proves_illness else Verdict.UNKNOWN)
        assert "0.05 s" in reading.detail
        assert TIMEOUT - 0.01 <= took <= TIMEOUT + TOLERANCE

    bench.play("silent", story)


@every_probe
def test_a_question_that_cannot_be_asked_is_no_observation(bench: Bench) -> None:
    async def story(probe: Probe, check: Check, target: Target) -> None:
        reading = await probe.probe(check, target, TOLERANCE)
        assert reading.verdict is Verdict.UNKNOWN
        assert reading.detail

    bench.play("unaskable", story)


@every_waiting_probe
def test_cancellation_is_not_swallowed(bench: Bench) -> None:
    async def story(probe: Probe, check: Check, target: Target) -> None:
        asking = asyncio.create_task(probe.probe(check, target, 60.0))
        done, _ = await asyncio.wait({asking}, timeout=0.02)
        assert not done, "it waits for an answer"
        asking.cancel()
        done, _ = await asyncio.wait({asking}, timeout=TOLERANCE)
        assert asking in done
        assert asking.cancelled()

    bench.play("silent", story)


@every_probe
def test_many_questions_at_once_are_all_answered(bench: Bench) -> None:
    async def story(probe: Probe, check: Check, target: Target) -> None:
        readings = await asyncio.gather(*(probe.probe(check, target, TOLERANCE) for _ in range(20)))
        assert {reading.verdict for reading in readings} == {Verdict.PASS}

    bench.play("well", story)


@every_probe
def test_closing_twice_is_harmless(bench: Bench) -> None:
    async def story(probe: Probe, check: Check, target: Target) -> None:
        await probe.probe(check, target, TOLERANCE)
        await probe.close()

    bench.play("well", story)
