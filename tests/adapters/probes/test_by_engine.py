"""What commands and the engine's own health words mean, asked of the fake engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.adapters.probes import make_probes
from orchestrator.core.model import Check, CommandCheck, EngineCheck, EngineHealth, Verdict
from orchestrator.ports import Reading, Target
from orchestrator.testing import Blueprint, EngineCheckup, FakeDaemon, FakeEngine, VirtualClock, run_virtual
from orchestrator.testing.container import FakeContainer

Prepare = Callable[[FakeDaemon, FakeContainer], Awaitable[None]]


async def started(daemon: FakeDaemon, container: FakeContainer) -> None:
    await daemon.start(container)


async def never_started(daemon: FakeDaemon, container: FakeContainer) -> None:
    return


async def removed(daemon: FakeDaemon, container: FakeContainer) -> None:
    daemon.remove(container)


async def away(daemon: FakeDaemon, container: FakeContainer) -> None:
    await daemon.start(container)
    daemon.reach.go_away()


async def hung(daemon: FakeDaemon, container: FakeContainer) -> None:
    await daemon.start(container)
    daemon.reach.hang()


def ask(check: Check, prepare: Prepare = started, checkup: EngineCheckup | None = None) -> Reading:
    async def main() -> Reading:
        daemon = FakeDaemon(VirtualClock(), asyncio.get_running_loop())
        container = daemon.create(Blueprint("web", checkup=checkup))
        await prepare(daemon, container)
        probe = make_probes(FakeEngine(daemon))[type(check)]
        return await probe.probe(check, Target(container.container_id), 5.0)

    return run_virtual(main, limit=3600)


def test_exit_code_zero_passes() -> None:
    assert ask(CommandCheck("true")) == Reading(Verdict.PASS, "exit code 0")
    assert ask(CommandCheck(("true",))) == Reading(Verdict.PASS, "exit code 0")


def test_any_other_exit_code_fails_with_the_last_words() -> None:
    reading = ask(CommandCheck("echo trying; echo no such database; exit 3"))
    assert reading == Reading(Verdict.FAIL, "exit code 3: no such database")


def test_a_command_without_end_fails_at_the_time_out() -> None:
    assert ask(CommandCheck("sleep 999")) == Reading(Verdict.FAIL, "the command did not end within 5 s")


def test_a_command_the_container_does_not_have_is_no_observation() -> None:
    reading = ask(CommandCheck("no-such-command"))
    assert reading.verdict is Verdict.UNKNOWN
    assert "exit code 127: no-such-command: not found" in reading.detail


@pytest.mark.parametrize("check", [CommandCheck("true"), EngineCheck()], ids=["command", "engine"])
@pytest.mark.parametrize("prepare", [removed, away, hung])
def test_what_the_engine_cannot_be_asked_is_no_observation(check: Check, prepare: Prepare) -> None:
    assert ask(check, prepare).verdict is Verdict.UNKNOWN


def test_a_command_in_a_container_that_does_not_run_is_no_observation() -> None:
    reading = ask(CommandCheck("true"), never_started)
    assert reading.verdict is Verdict.UNKNOWN
    assert "not running" in reading.detail


def test_a_container_without_a_check_of_the_engine_is_no_observation() -> None:
    assert ask(EngineCheck()).verdict is Verdict.UNKNOWN


def test_a_check_that_has_not_decided_is_no_observation() -> None:
    assert ask(EngineCheck(), checkup=EngineCheckup(interval=30.0)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (EngineHealth("healthy", output="ok"), Reading(Verdict.PASS, "healthy by the engine's check")),
        (EngineHealth("unhealthy", output="wget: \ncan't connect\n"), Reading(Verdict.FAIL, "can't connect")),
        (EngineHealth("unhealthy"), Reading(Verdict.FAIL, "unhealthy by the engine's check")),
        (EngineHealth("none"), Reading(Verdict.UNKNOWN, "the engine's check has no result of this run")),
    ],
)
def test_the_engines_words_are_taken_over(health: EngineHealth, expected: Reading) -> None:
    class Telling(FakeEngine):
        async def health(self, container_id: str) -> EngineHealth | None:
            return health

    async def main() -> Reading:
        engine = Telling(FakeDaemon(VirtualClock(), asyncio.get_running_loop()))
        return await make_probes(engine)[EngineCheck].probe(EngineCheck(), Target("c1"), 5.0)

    assert run_virtual(main) == expected
