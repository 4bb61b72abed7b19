"""How long a user waits for the command line, and for ``serve`` to answer, beside the bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.engines import served
from benchmarks.figures import ratio, spread, table

ROUNDS = 11
COMPLETING = {
    "_ORCHESTRATOR_COMPLETE": "bash_complete",
    "COMP_WORDS": "orchestrator restart a",
    "COMP_CWORD": "2",
    "ORCHESTRATOR_SERVER": "http://127.0.0.1:1",
}
"""What bash sets when somebody presses the tabulator."""


def main() -> None:
    interpreter = [sys.executable, "-c", "pass"]
    orchestrator = [str(Path(sys.executable).with_name("orchestrator"))]
    measured: dict[str, Callable[[], float]] = {
        "the bare interpreter": lambda: ended(interpreter),
        "orchestrator --help": lambda: ended([*orchestrator, "--help"]),
        "orchestrator serve --help": lambda: ended([*orchestrator, "serve", "--help"]),
        "orchestrator ps --help": lambda: ended([*orchestrator, "ps", "--help"]),
        "completing a name, nobody serving": lambda: ended(orchestrator, COMPLETING),
        "orchestrator serve, to its first answer": first_answer,
    }
    took: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(ROUNDS + 1):
        for name, measure in measured.items():
            seconds = measure()
            if number > 0:  # the first round fills caches
                took[name].append(seconds)
    bare = took["the bare interpreter"]
    rows = [[name, spread(times).shown(1000), f"{ratio(times, bare):.1f}"] for name, times in took.items()]
    print(f"Wall time of {ROUNDS} rounds in turns: milliseconds, median (least to most)\n")
    print(table(["", "ms", "of the interpreter"], rows))


def ended(command: list[str], environment: Mapping[str, str] | None = None) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    return time.perf_counter() - begun


def first_answer() -> float:
    """From the start of the process to the answer that it lives; no engine is there."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-benchmark-") as name:
        begun = time.perf_counter()
        with served(f"unix://{name}/none.sock", Path(name)) as serve:
            assert serve.ask("GET", "/health/live").status == 200
            return time.perf_counter() - begun


if __name__ == "__main__":
    main()
