"""A hundred containers killed at once: how soon the last one runs again, and what the host feels until then.

Ours beside the engine's own restart policy and beside two bare loops that ask for the starts, one after another and
all at once. What the host feels is how late a process comes to run that wants to for a moment every few milliseconds.
Both engines, or the one that is named.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bare import start
from benchmarks.engines import real_engines, served
from benchmarks.figures import ratio, spread, table
from tests.live.engines import Engine, wait_until
from tests.live.serve import service_labels

CROWD = 100
ROUNDS = 2
PATIENCE = 240.0
NAP = 0.005
"""Seconds between two moments at which the process that measures wants to run."""
SETTLED = 11.0
"""Seconds before the policy's containers are killed again: Docker doubles its pause unless they ran for 10 s."""
LULL = 2.0
"""Seconds before the others' are."""
POLICY = "its own --restart=always"
ONE_BY_ONE = "a bare loop, one by one"
AT_ONCE = "a bare loop, all at once"
OURS = "orchestrator serve"
MARKS = "/marks"
LIVES = ("sh", "-c", f'echo >> {MARKS}/"$0"; exec sleep 1000000')
"""Leaves a mark for each of its lives: that its process runs is seen without asking the engine."""


@dataclass(frozen=True)
class Crowd:
    engine: Engine
    containers: Sequence[str]
    marks: Path

    def lives(self) -> int:
        return sum(mark.stat().st_size for mark in self.marks.iterdir())

    def processes(self) -> list[int]:
        listed = self.engine.command("container", "inspect", "--format={{.State.Pid}}", *self.containers)
        return [int(pid) for pid in listed.split()]


@dataclass(frozen=True)
class Recovery:
    took: float
    """Seconds from the first kill to the last mark."""
    late: float
    """Seconds: the 99th of a hundred delays of the process that measures."""
    latest: float


def main() -> None:
    if sys.argv[1:] == ["naps"]:
        nap()
        return
    with real_engines() as (folder, engines):
        for engine in engines:
            if engine.kind not in (sys.argv[1:] or [engine.kind]):
                continue
            show(engine, measured(engine, folder / f"storm-{engine.kind}"))


def measured(engine: Engine, folder: Path) -> Mapping[str, Sequence[Recovery]]:
    folder.mkdir()
    plain = populate(engine, folder / "plain", "plain")
    policy = populate(engine, folder / "policy", "policy", "--restart=always")
    found: dict[str, list[Recovery]] = {POLICY: [], ONE_BY_ONE: [], AT_ONCE: [], OURS: []}
    chance = random.Random(1)
    for number in range(ROUNDS):
        for name in chance.sample(list(found), len(found)):
            time.sleep(SETTLED if name is POLICY else LULL)
            healer = ours(engine, folder / f"serve-{number}") if name is OURS else nullcontext()
            ask = {ONE_BY_ONE: one_by_one, AT_ONCE: at_once}.get(name)
            found[name].append(recovery(policy if name is POLICY else plain, healer, ask))
    for container in (*plain.containers, *policy.containers):
        engine.remove(container)
    return found


def populate(engine: Engine, marks: Path, name: str, *options: str) -> Crowd:
    """Without a network: a hundred bridges and proxies would measure those."""
    marks.mkdir()

    def add(number: int) -> str:
        labels = service_labels(f"{name}-{number}", port="", health__http="") if not options else ()
        volume = f"--volume={marks}:{MARKS}"
        command = (*LIVES, str(number))
        return engine.run(f"{name}-{number}", "--network=none", volume, *labels, *options, command=command)

    with ThreadPoolExecutor(2) as pool:
        return Crowd(engine, list(pool.map(add, range(CROWD))), marks)


def recovery(crowd: Crowd, healer: AbstractContextManager[None], ask: Callable[[Crowd], None] | None) -> Recovery:
    with healer:
        lives, processes = crowd.lives(), crowd.processes()
        with napping() as naps:
            begun = time.monotonic()
            for pid in processes:
                os.kill(pid, signal.SIGKILL)
            if ask is not None:
                ask(crowd)
            wait_until(lambda: crowd.lives() >= lives + CROWD, PATIENCE, f"{CROWD} new lives")
            took = time.monotonic() - begun
    delays = sorted(naps)
    return Recovery(took, delays[len(delays) * 99 // 100], delays[-1])


# --- who heals --------------------------------------------------------------------------------------------------


@contextmanager
def ours(engine: Engine, folder: Path) -> Iterator[None]:
    """With a state of its own: each death is a first one."""
    with served(engine.url, folder) as serve:

        def all_run() -> bool:
            return [one["status"] for one in serve.get("/services")["services"]] == ["running"] * CROWD

        wait_until(all_run, PATIENCE, f"{CROWD} services that run")
        yield


def one_by_one(crowd: Crowd) -> None:
    async def work() -> None:
        for container in crowd.containers:
            await start(str(crowd.engine.socket), container)

    asyncio.run(work())


def at_once(crowd: Crowd) -> None:
    async def work() -> None:
        await asyncio.gather(*(start(str(crowd.engine.socket), container) for container in crowd.containers))

    asyncio.run(work())


# --- what the host feels ------------------------------------------------------------------------------------------


@contextmanager
def napping() -> Iterator[list[float]]:
    """How late the process that measures came to run each time, in seconds; filled when the context ends."""
    delays: list[float] = []
    command = [sys.executable, "-m", "benchmarks.storm", "naps"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"napping\n"
        try:
            yield delays
        finally:
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=10)
    delays += json.loads(told)


def nap() -> None:
    going_on = True

    def end(*_: object) -> None:
        nonlocal going_on
        going_on = False

    signal.signal(signal.SIGTERM, end)
    delays: list[float] = []
    print("napping", flush=True)
    while going_on:
        before = time.monotonic()
        time.sleep(NAP)
        delays.append(round(time.monotonic() - before - NAP, 6))
    print(json.dumps(delays))


def show(engine: Engine, found: Mapping[str, Sequence[Recovery]]) -> None:
    took = {name: [each.took for each in recoveries] for name, recoveries in found.items()}
    rows = [
        [
            f"{engine.kind}: {name}",
            spread(took[name]).shown(digits=1),
            f"{ratio(took[name], took[AT_ONCE]):.2f}",
            f"{ratio(took[name], took[ONE_BY_ONE]):.2f}",
            f"{1000 * max(each.late for each in recoveries):.0f}",
            f"{1000 * max(each.latest for each in recoveries):.0f}",
        ]
        for name, recoveries in found.items()
    ]
    print(f"\n{CROWD} containers killed at once, {ROUNDS} rounds in turns: until the last one runs again\n")
    print(table(["", "s", "of all at once", "of one by one", "late, ms (99 %)", "latest, ms"], rows), flush=True)


if __name__ == "__main__":
    main()
