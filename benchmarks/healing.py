"""From a killed process to its first answer: ours beside the engine's own restart policy and beside bare loops.

All healers of both engines take their turns in every round, in an order by chance, each on a container of its own, so
that what slows the machine down slows all of them.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engines import real_engines, served
from benchmarks.figures import ratio, spread, table
from benchmarks.patient import PATH, Patient, admit, first_answer, killed
from tests.live.engines import Engine
from tests.live.serve import Serve, service_labels

ROUNDS = 15
POLICY = "its own --restart=always"
EVENTS = "a bare loop on its events"
PROCESS = "a bare loop on the process"
OURS = "orchestrator serve"
SETTLED = 11.0
"""Docker's policy doubles its pause unless the container ran for 10 s: its kills are this far apart."""
LULL = 0.7
"""Seconds after an answer before anybody is killed again: what the healer does afterwards is over."""
ILL_AGAIN = {"health__http": PATH, "health__interval": "5", "recovery__stable_after": "1"}
"""A first death is healed without a pause; checks and forgiveness are quick, so that each round's death is a first."""


@dataclass(frozen=True)
class Healer:
    engine: Engine
    name: str
    patient: Patient
    serve: Serve | None = None

    async def ready(self) -> None:
        """Until it forgot the last round."""
        if self.serve is not None:
            await asyncio.to_thread(self.serve.wait_for, "ours", status="running", strikes=0)


def main() -> None:
    with real_engines() as (folder, engines), ExitStack() as stack:
        healers = [healer for engine in engines for healer in stack.enter_context(healers_of(engine, folder))]
        show(asyncio.run(rounds(healers)))


@contextmanager
def healers_of(engine: Engine, folder: Path) -> Iterator[Sequence[Healer]]:
    with ExitStack() as stack:
        serve = stack.enter_context(served(engine.url, folder / f"serve-{engine.kind}"))
        ours = admit(engine, "ours", *service_labels("ours", **ILL_AGAIN))
        healers = [Healer(engine, POLICY, admit(engine, "policy", "--restart=always"))]
        for name, heard_by in ((EVENTS, "events"), (PROCESS, "process")):
            if name is PROCESS and engine.kind == "docker":
                continue  # dockerd itself hears of it no sooner
            patient = admit(engine, heard_by)
            stack.enter_context(bare_loop(engine, patient.container, heard_by))
            healers.append(Healer(engine, name, patient))
        yield [*healers, Healer(engine, OURS, ours, serve)]


@contextmanager
def bare_loop(engine: Engine, container: str, heard_by: str) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.bare", heard_by, str(engine.socket), container]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listening\n"
            yield
        finally:
            process.kill()


async def rounds(healers: Sequence[Healer]) -> Mapping[Healer, Sequence[float]]:
    """Seconds from the kill to the first answer, by healer and round. One more round goes before, unmeasured."""
    took: dict[Healer, list[float]] = {healer: [] for healer in healers}
    last: dict[Healer, float] = {}
    chance = random.Random(1)  # in a fixed order, each would always suffer from what the same other one left behind
    for number in range(ROUNDS + 1):
        for healer in chance.sample(healers, len(healers)):
            await first_answer(healer.patient.port)
            await healer.ready()
            pause = last.get(healer, time.monotonic()) + SETTLED - time.monotonic() if healer.name is POLICY else 0.0
            await asyncio.sleep(max(pause, LULL))
            illness = await killed(healer.patient)
            last[healer] = illness.answered
            if number > 0:
                took[healer].append(illness.lasted)
    return took


def show(took: Mapping[Healer, Sequence[float]]) -> None:
    rows = []
    for healer, seconds in took.items():
        beside = {other.name: times for other, times in took.items() if other.engine is healer.engine}
        rows.append(
            [
                f"{healer.engine.kind}: {healer.name}",
                spread(seconds).shown(1000),
                f"{ratio(seconds, beside[POLICY]):.2f}",
                f"{ratio(seconds, beside[EVENTS]):.2f}",
                f"{ratio(seconds, beside[PROCESS]):.2f}" if PROCESS in beside else "",
            ]
        )
    print(f"From SIGKILL to the first HTTP 200, {ROUNDS} rounds in turns: milliseconds, median (least to most)\n")
    print(table(["", "ms", "of its policy", "of events", "of process"], rows))


if __name__ == "__main__":
    main()
