"""All looks together, in virtual time: side by side, each with its deadline, and nothing is lost when one hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.core.model import Check, HttpCheck, PublishedPort, Verdict
from orchestrator.doctor.examination import Examination, Looks
from orchestrator.doctor.facts import Attempt, EngineSeen, Listener, MachineSeen, ServeSeen, StateSeen
from orchestrator.doctor.findings import Finding, Level
from orchestrator.errors import EngineAway
from orchestrator.ports import ContainerEngine, EngineIdentity, Probe, Reading, Target
from orchestrator.testing import Blueprint, FakeDaemon, FakeEngine, VirtualClock, run_virtual
from tests.configuration.scenes import configuration
from tests.doctor.scenes import health, told

SOCKET = "unix:///run/docker.sock"
LONGEST = 15.0


class Answering:
    """The same reading for everybody; ``None``: none ever."""

    def __init__(self, reading: Reading | None) -> None:
        self.reading = reading

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        if self.reading is None:
            await asyncio.Event().wait()
        assert self.reading is not None
        return self.reading

    async def close(self) -> None:
        pass


class Here(FakeEngine):
    """Its processes are ours to see."""

    @property
    def colocated(self) -> bool:
        return True


async def hang(*_: object) -> Any:
    await asyncio.Event().wait()


def examined(folder: Path, reading: Reading | None = None, **looks: Any) -> tuple[tuple[Finding, ...], float]:
    """What is found on an engine with one container, ``loki``, and how many seconds it took."""

    async def story() -> tuple[tuple[Finding, ...], float]:
        clock = VirtualClock()
        daemon = FakeDaemon(clock, asyncio.get_running_loop())
        engine = Here(daemon)
        container = daemon.create(Blueprint("loki", ports=(PublishedPort(3100, 3100, "127.0.0.1"),)))
        await engine.start(container.container_id)

        async def engines(_: ServeSeen | None) -> EngineSeen:
            return EngineSeen((Attempt(SOCKET, EngineIdentity("docker", "20.10", "1.41")),), "anna")

        async def state(_: ServeSeen | None) -> StateSeen:
            return StateSeen("state file /state.db", "/state.db")

        async def serve() -> ServeSeen:
            return ServeSeen("http://127.0.0.1:8787", health())

        async def machine() -> MachineSeen:
            return MachineSeen(1024, "process 7")

        async def listeners(_: str, __: int) -> tuple[Listener, ...]:
            return (Listener(9000, loopback=False),)

        def connect(_: str) -> ContainerEngine:
            return engine

        def probes(_: ContainerEngine) -> Mapping[type, Probe]:
            return {HttpCheck: Answering(reading)}

        everything = Looks(engines, connect, probes, listeners, state, serve, machine)
        begun = clock.now().moment
        examination = Examination(configuration(folder), replace(everything, **looks), clock, version="1.0")
        findings = await examination.run()
        took = clock.now().moment - begun
        await daemon.close()
        return findings, took

    return run_virtual(story())


def test_a_stack_that_does_well_has_nothing_but_ok(tmp_path: Path) -> None:
    findings, _ = examined(tmp_path, Reading(Verdict.PASS, "HTTP 200"))
    assert {finding.level for finding in findings} == {Level.OK}
    assert any("1 of 1 that were asked pass: loki" in words for words in told(findings, Level.OK))


def test_a_check_that_fails_is_looked_into(tmp_path: Path) -> None:
    refused = Reading(Verdict.FAIL, "connection refused")
    findings, _ = examined(tmp_path, refused)
    words = told(findings, Level.FAILED) + told(findings, Level.WARNING)
    assert any("nobody listens on port 3100 in the container, which listens on 9000" in each for each in words)


def test_whatever_hangs_it_ends_and_tells_what_it_saw(tmp_path: Path) -> None:
    findings, took = examined(tmp_path, None, state=hang, serve=hang, machine=hang)
    assert took <= LONGEST
    hung = told(findings, Level.FAILED)
    for what in ("the state", "the running orchestrator", "this process's limits", "the engine and the checks"):
        assert any(words.startswith(f"{what}: not seen within") for words in hung), hung
    assert any("1 service found" in words for words in told(findings, Level.OK))


def test_an_engine_that_hangs_hides_nothing_else(tmp_path: Path) -> None:
    findings, took = examined(tmp_path, engine=hang)
    assert took <= LONGEST
    assert any(words.startswith("state file") for words in told(findings, Level.OK))


def test_without_an_engine_the_rest_is_looked_at(tmp_path: Path) -> None:
    async def none(_: ServeSeen | None) -> EngineSeen:
        return EngineSeen((Attempt(SOCKET, EngineAway(SOCKET, "nobody listens there", "")),), "anna")

    findings, _ = examined(tmp_path, engine=none)
    assert len(told(findings, Level.FAILED)) == 1
    assert any(words.startswith("orchestrator ") for words in told(findings, Level.OK))


def test_an_engine_that_goes_away_meanwhile_is_told(tmp_path: Path) -> None:
    class Gone(FakeEngine):
        async def containers(self) -> Any:
            raise EngineAway(SOCKET, "the connection broke", "Start it")

    def connect(_: str) -> ContainerEngine:
        return Gone(FakeDaemon(VirtualClock(), asyncio.get_running_loop()))

    findings, _ = examined(tmp_path, connect=connect)
    assert any("they cannot be looked at" in words for words in told(findings, Level.FAILED))
