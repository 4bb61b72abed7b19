"""From a frozen process (SIGSTOP) to its first answer with a check every second, beside a plain restart by the engine.

A plain restart is what tools do that call the engine's restart as soon as they are sure: a frozen process cannot hear
SIGTERM, so the whole stop time-out passes first. Both engines are measured at once: most of the time is waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from benchmarks.engines import real_engines, served
from benchmarks.figures import spread, table
from benchmarks.patient import PATH, Illness, admit, first_answer, frozen
from tests.live.engines import Engine
from tests.live.serve import Serve, service_labels

ROUNDS = 6
PLAIN_ROUNDS = 3
"""Each takes the engine's default stop time-out of 10 s."""
LULL = 0.6
STOPS_POLITELY = "--stop-signal=SIGTERM"
"""As most servers; the live tests' own containers ask for SIGKILL."""
CHECKED_EVERY_SECOND = {
    "health__http": PATH,
    "health__interval": "1",
    "health__timeout": "1",
    "recovery__backoff_base": "1",
    "recovery__stable_after": "1",
}


@dataclass(frozen=True)
class Parts:
    """Seconds."""

    detected: float
    """From the freeze to the unhealthy verdict."""
    confirmed: float
    """From the verdict to the order to restart, given only if further checks fail too."""
    restarted: float
    """From that order to the first answer."""


def main() -> None:
    with real_engines() as (folder, engines), ExitStack() as stack:
        serves = [stack.enter_context(served(engine.url, folder / f"serve-{engine.kind}")) for engine in engines]
        rows = asyncio.run(all_rows(engines, serves))
    print("From SIGSTOP to the first HTTP 200, a check every second: seconds, median (least to most)\n")
    print(table(["", "unhealthy after", "confirmed after", "answers after", "in all"], rows))


async def all_rows(engines: Sequence[Engine], serves: Sequence[Serve]) -> list[list[str]]:
    pairs = zip(engines, serves, strict=True)
    both = await asyncio.gather(*(rows_of(engine, serve) for engine, serve in pairs))
    return [row for rows in both for row in rows]


async def rows_of(engine: Engine, serve: Serve) -> list[list[str]]:
    ours = await rounds_of_ours(engine, serve)
    plain = await rounds_of_restart(engine)
    columns = zip(*((one.detected, one.confirmed, one.restarted) for one in ours), strict=True)
    shown = [spread(column).shown(digits=2) for column in columns]
    in_all = spread([one.detected + one.confirmed + one.restarted for one in ours]).shown(digits=2)
    return [
        [f"{engine.kind}: orchestrator serve", *shown, in_all],
        [f"{engine.kind}: plain restart", "", "", spread(plain).shown(digits=2), ""],
    ]


async def rounds_of_ours(engine: Engine, serve: Serve) -> list[Parts]:
    options = (*service_labels("ours", **CHECKED_EVERY_SECOND), STOPS_POLITELY)
    patient = await asyncio.to_thread(admit, engine, "ours", *options)
    parts = []
    for _ in range(ROUNDS):
        await first_answer(patient.port)
        await asyncio.to_thread(serve.wait_for, "ours", status="running", strikes=0)
        await asyncio.sleep(LULL)
        wall = time.time() - time.monotonic()
        illness = await frozen(patient)
        parts.append(await asyncio.to_thread(taken_apart, serve, illness, wall))
    return parts


def taken_apart(serve: Serve, illness: Illness, wall: float) -> Parts:
    """``wall`` is what is to be added to a monotonic moment to give wall time, as events have it."""
    told = {event["message"]: moment(event["timestamp"]) - wall for event in serve.events("ours")}
    unhealthy, ordered = told["Health check failed"], told["Restart initiated"]
    return Parts(unhealthy - illness.fell_ill, ordered - unhealthy, illness.answered - ordered)


def moment(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


async def rounds_of_restart(engine: Engine) -> list[float]:
    """Seconds from the engine's restart command to the first answer."""
    patient = await asyncio.to_thread(admit, engine, "plain", STOPS_POLITELY)
    took = []
    for _ in range(PLAIN_ROUNDS):
        await first_answer(patient.port)
        illness = asyncio.create_task(frozen(patient))
        await asyncio.sleep(LULL)
        ordered = time.monotonic()
        await asyncio.to_thread(engine.command, "restart", patient.container)
        took.append((await illness).answered - ordered)
    return took


if __name__ == "__main__":
    main()
