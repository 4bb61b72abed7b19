"""Many services: how soon they are listed and judged, by how many calls, and what watching them costs afterwards.

Real containers as far as a small machine holds them, and a stand-in for an engine with more. All have an HTTP check
at the default interval of 30 s. What the engine, the containers and the checked servers use is not counted: only
the process of ``orchestrator serve`` is.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.bare import ask
from benchmarks.engines import real_engines, served
from benchmarks.figures import table
from benchmarks.probes import http_server
from benchmarks.usage import processor_seconds, resident_megabytes
from tests.live.engines import Engine, wait_until
from tests.live.serve import Serve

REAL = 100
STOOD_IN = (100, 300, 500)
SETTLED = 31.0
"""Seconds after which the first round of checks is over and the phases are spread."""
MEASURED = 60.0
PATIENCE = 120.0
GLANCE = 0.1
"""Seconds between two looks at all services: to be asked costs more than to watch."""
FIRST_PORT = {"podman": 20000, "docker": 21000}


@dataclass(frozen=True)
class Crowd:
    """One orchestrator and the services that it watches."""

    name: str
    count: int
    serve: Serve
    listed_after: float
    """Seconds from the first answer of its API, which is before it acts."""
    judged_after: float
    """Until every service had a health verdict."""
    calls: Mapping[str, int]
    """To the engine until then; empty where nobody counts them."""


def main() -> None:
    with real_engines() as (folder, engines), ExitStack() as stack, http_server() as port:
        crowds = []
        for engine in engines:
            populate(engine)
            crowds.append(stack.enter_context(adopted(f"{engine.kind}, real", REAL, engine.url, folder)))
        for count in STOOD_IN:
            socket = folder / f"crowd-{count}.sock"
            stack.enter_context(stand_in(socket, count, port))
            url = f"unix://{socket}"
            crowds.append(stack.enter_context(adopted("stand-in", count, url, folder, partial(calls_to, socket))))
        time.sleep(SETTLED)
        print(f"Many services, checked over HTTP every 30 s; load measured over {MEASURED:g} s\n")
        print(table(HEADINGS, loads(crowds)))


HEADINGS = ("engine", "services", "listed after, s", "judged after, s", "calls", "% of a core", "resident, MB")


def loads(crowds: Sequence[Crowd]) -> list[list[str]]:
    """All of them over the same time."""
    before = [processor_seconds(crowd.serve.pid) for crowd in crowds]
    begun = time.monotonic()
    time.sleep(MEASURED)
    lasted = time.monotonic() - begun
    rows = []
    for crowd, spent in zip(crowds, before, strict=True):
        share = (processor_seconds(crowd.serve.pid) - spent) / lasted
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(crowd.calls.items()))
        times = [f"{crowd.listed_after:.2f}", f"{crowd.judged_after:.2f}"]
        load = [f"{100 * share:.2f}", f"{resident_megabytes(crowd.serve.pid):.0f}"]
        rows.append([crowd.name, str(crowd.count), *times, told, *load])
    return rows


@contextmanager
def adopted(
    name: str, count: int, url: str, folder: Path, calls: Callable[[], Mapping[str, int]] = dict
) -> Iterator[Crowd]:
    with served(url, folder / f"serve-{name.replace(', ', '-')}-{count}") as serve:
        begun = time.monotonic()
        wait_until(partial(complete, listed, serve, count), PATIENCE, f"{count} services listed")
        listed_after = time.monotonic() - begun
        wait_until(partial(complete, judged, serve, count), PATIENCE, f"{count} services judged")
        yield Crowd(name, count, serve, listed_after, time.monotonic() - begun, calls())


def complete(seen: Callable[[Serve], int], serve: Serve, count: int) -> bool:
    time.sleep(GLANCE)
    return seen(serve) == count


def listed(serve: Serve) -> int:
    return len(serve.get("/services")["services"])


def judged(serve: Serve) -> int:
    return sum(service["health"] is not None for service in serve.get("/services")["services"])


# --- who is watched ---------------------------------------------------------------------------------------------


def populate(engine: Engine) -> None:
    """On the host's network, each at a port of its own: a hundred bridges and proxies would measure those."""

    def add(number: int) -> None:
        port = FIRST_PORT[engine.kind] + number
        labels = {"service": f"service-{number}", "port": str(port), "health.http": "/serve"}
        options = [f"--label=orchestrator.{key}={value}" for key, value in labels.items()]
        command = ("httpd", "-f", "-p", str(port), "-h", "/srv")
        engine.run(f"crowd-{number}", "--network=host", *options, command=command)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, range(REAL)))


@contextmanager
def stand_in(socket: Path, count: int, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.standin", str(socket), str(count), str(port)]
    with subprocess.Popen(command) as process:
        try:
            wait_until(socket.exists, 20, f"the stand-in's socket {socket}")
            yield
        finally:
            process.kill()


def calls_to(socket: Path) -> Mapping[str, int]:
    """How often each kind of call came to the stand-in."""

    async def told() -> bytes:
        _, reader, writer = await ask(str(socket), "GET", "/calls")
        body = await reader.read()
        writer.close()
        return body

    calls: dict[str, int] = json.loads(asyncio.run(told()))
    return calls


if __name__ == "__main__":
    main()
