"""Several processes frozen (SIGSTOP) at once: how soon the last one answers again, beside one alone.

A check every second. Three have to take about as long as one, and so have ten: what is frozen explains itself. Both
engines, or the one that is named; after that, numbers of containers in place of the usual ones.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.engines import real_engines, served
from benchmarks.figures import ratio, spread, table
from benchmarks.frozen import CHECKED_EVERY_SECOND, LULL, STOPS_POLITELY
from benchmarks.patient import Patient, admit, first_answer, frozen
from tests.live.engines import Engine
from tests.live.serve import Serve, service_labels

SIZES = (1, 3, 10)
ROUNDS = 3
PATIENCE = 120.0


def main() -> None:
    kind, *numbers = sys.argv[1:] or [""]
    sizes = [int(number) for number in numbers] or SIZES
    with real_engines() as (folder, engines):
        for engine in engines:
            if kind in ("", engine.kind):
                show(engine, asyncio.run(measured(engine, sizes, folder)))


async def measured(engine: Engine, sizes: Sequence[int], folder: Path) -> Mapping[int, Sequence[float]]:
    """Each round with a state of its own: a storm that was is remembered."""
    options = [(*service_labels(f"p{number}", **CHECKED_EVERY_SECOND), STOPS_POLITELY) for number in range(max(sizes))]
    patients = [await asyncio.to_thread(admit, engine, f"p{at}", *each) for at, each in enumerate(options)]
    took: dict[int, list[float]] = {size: [] for size in sizes}
    for number in range(ROUNDS):
        for size in sizes:
            with served(engine.url, folder / f"several-{engine.kind}-{number}-{size}") as serve:
                took[size].append(await one_round(serve, patients, size))
    return took


async def one_round(serve: Serve, patients: Sequence[Patient], size: int) -> float:
    """Seconds from the first freeze to the last first answer."""
    for at, patient in enumerate(patients):
        await first_answer(patient.port)
        await asyncio.to_thread(serve.wait_for, f"p{at}", status="running", strikes=0)
    await asyncio.sleep(LULL)
    begun = time.monotonic()
    illnesses = await asyncio.gather(*(frozen(patient, PATIENCE) for patient in patients[:size]))
    return max(illness.answered for illness in illnesses) - begun


def show(engine: Engine, took: Mapping[int, Sequence[float]]) -> None:
    alone = next(iter(took.values()))
    rows = [
        [f"{engine.kind}: {size} frozen", spread(seconds).shown(digits=2), f"{ratio(seconds, alone):.2f}"]
        for size, seconds in took.items()
    ]
    print(f"\nFrom SIGSTOP to the last first HTTP 200, {ROUNDS} rounds: seconds, median (least to most)\n")
    print(table(["", "s", f"of {next(iter(took))}"], rows), flush=True)


if __name__ == "__main__":
    main()
