"""Containers that were only created, brought up: ours beside the engine's own ways to start many.

All at once is as fast as the engine can; one command with every name is what people type. The last lines are ten in
four phases, each of which requires the one before: there a bare loop starts a phase when the one before runs. Both
engines, or the one that is named; after that, numbers of containers in place of the usual ones.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.bare import start
from benchmarks.engines import real_engines, served
from benchmarks.figures import ratio, spread, table
from benchmarks.storm import LIVES, MARKS
from tests.live.engines import Engine, wait_until
from tests.live.serve import service_labels

INDEPENDENT = (10, 50, 150)
PHASES = (4, 3, 2, 1)
ROUNDS = {10: 5, 50: 3}
"""For others two."""
PATIENCE = 240.0
LULL = 2.0
COMMAND = "one command with all names"
AT_ONCE = "all at once"
OURS = "orchestrator up"


@dataclass(frozen=True)
class Stack:
    engine: Engine
    phases: Sequence[Sequence[str]]
    """Container ids; whoever is in one requires everybody in the one before."""
    marks: Path
    folder: Path

    @property
    def containers(self) -> Sequence[str]:
        return [container for phase in self.phases for container in phase]

    def await_marks(self, wanted: int) -> None:
        """Until so many run; that is seen without asking the engine."""
        wait_until(lambda: sum(1 for _ in self.marks.iterdir()) >= wanted, PATIENCE, f"{wanted} that run")


Way = Callable[[Stack], float]
"""Brings the stack up; seconds from the order until the last of it runs."""


def main() -> None:
    kind, *numbers = sys.argv[1:] or [""]
    sizes: Sequence[Sequence[int]] = [[int(number)] for number in numbers] or [
        *([each] for each in INDEPENDENT),
        PHASES,
    ]
    with real_engines() as (folder, engines):
        for engine in engines:
            if kind in ("", engine.kind):
                for phases in sizes:
                    show(engine, phases, measured(engine, phases, folder / f"bringup-{engine.kind}"))


def measured(engine: Engine, phases: Sequence[int], folder: Path) -> Mapping[str, Sequence[float]]:
    ways: dict[str, Way] = {AT_ONCE: at_once, OURS: ours}
    if len(phases) == 1:
        ways[COMMAND] = one_command
    took: dict[str, list[float]] = {name: [] for name in ways}
    chance, numbers = random.Random(1), count()
    for _ in range(ROUNDS.get(sum(phases), 2)):
        for name in chance.sample(list(ways), len(ways)):
            with created(engine, phases, folder / f"{sum(phases)}-{len(phases)}-{next(numbers)}") as stack:
                time.sleep(LULL)
                took[name].append(ways[name](stack))
    return took


@contextmanager
def created(engine: Engine, phases: Sequence[int], folder: Path) -> Iterator[Stack]:
    """New containers, without a network: bridges and proxies would be measured instead."""
    marks = folder / "marks"
    marks.mkdir(parents=True)
    names = [[f"p{phase}-{number}" for number in range(size)] for phase, size in enumerate(phases)]

    def create(place: tuple[int, str]) -> str:
        phase, name = place
        requires = ",".join(names[phase - 1]) if phase else ""
        labels = service_labels(name, port="", health__http="", requires=requires)
        volume = f"--volume={marks}:{MARKS}"
        return engine.create(name, "--network=none", volume, *labels, command=(*LIVES, name))

    with ThreadPoolExecutor(2) as pool:
        made = [list(pool.map(create, [(phase, name) for name in each])) for phase, each in enumerate(names)]
    try:
        yield Stack(engine, made, marks, folder)
    finally:
        for phase in reversed(made):
            engine.command("rm", "--force", *phase, timeout=PATIENCE)


# --- ways ---------------------------------------------------------------------------------------------------------


def at_once(stack: Stack) -> float:
    async def work(phase: Sequence[str]) -> None:
        await asyncio.gather(*(start(str(stack.engine.socket), container) for container in phase))

    begun, wanted = time.monotonic(), 0
    for phase in stack.phases:
        asyncio.run(work(phase))
        wanted += len(phase)
        stack.await_marks(wanted)
    return time.monotonic() - begun


def one_command(stack: Stack) -> float:
    begun = time.monotonic()
    stack.engine.command("start", *stack.containers, timeout=PATIENCE)
    stack.await_marks(len(stack.containers))
    return time.monotonic() - begun


def ours(stack: Stack) -> float:
    """From the command line's start, with the orchestrator serving already."""
    wanted = len(stack.containers)
    with served(stack.engine.url, stack.folder) as serve:

        def all_seen() -> bool:
            listed = serve.get("/services")["services"]
            return [one["status"] for one in listed] == ["stopped"] * wanted

        wait_until(all_seen, PATIENCE, f"{wanted} services that are stopped")
        command = [sys.executable, "-m", "orchestrator", "up", f"--server=127.0.0.1:{serve.port}"]
        begun = time.monotonic()
        with subprocess.Popen([*command, f"--timeout={PATIENCE:g}"], stdout=subprocess.DEVNULL) as process:
            stack.await_marks(wanted)
            took = time.monotonic() - begun
        assert process.returncode == 0
    return took


def show(engine: Engine, phases: Sequence[int], took: Mapping[str, Sequence[float]]) -> None:
    rows = [
        [f"{engine.kind}: {name}", spread(seconds).shown(digits=2), f"{ratio(seconds, took[AT_ONCE]):.2f}"]
        for name, seconds in took.items()
    ]
    words = f"{phases[0]} containers" if len(phases) == 1 else f"{sum(phases)} containers in {len(phases)} phases"
    print(f"\n{words}, until the last one runs, {len(took[OURS])} rounds in turns: seconds, median (least to most)\n")
    print(table(["", "s", f"of {AT_ONCE}"], rows), flush=True)


if __name__ == "__main__":
    main()
