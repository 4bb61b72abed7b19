"""Run the benchmarks, all or those named: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from importlib import import_module

OPTIONS = {"probes": ("--seconds=10",)}
NAMES = (
    "startup",
    "healing",
    "frozen",
    "several_frozen",
    "bringup",
    "crowd",
    "storm",
    "stream",
    "commands",
    "probes",
    "page",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all of them by default")
    names = parser.parse_args().names or NAMES
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    failed = [name for name in names if not run(name)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def run(name: str) -> bool:
    """Each in a process of its own, so that none pays for what another one imported."""
    subject = (import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]
    print(f"\n## {name}\n\n{subject}\n", flush=True)
    begun, load = time.monotonic(), os.getloadavg()[0]
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *OPTIONS.get(name, ())], check=False)
    print(f"\n{time.monotonic() - begun:.0f} s; the machine's load before it was {load:.1f}", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
