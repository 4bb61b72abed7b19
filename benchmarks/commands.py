"""What a command check costs, beside its native twin: processor seconds per 1000 checks.

Counted for a command is everything it uses: the engine's daemons and all that they start, the command itself (the
cheapest there is, ``true``), and our own process. Counted for a native probe is our own process, as in
``benchmarks.probes``.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

import uvloop
from benchmarks.engines import real_engines
from benchmarks.figures import table
from benchmarks.probes import measure, real_server
from benchmarks.usage import Account
from scripts.leftovers import process_ids
from tests.live.engines import Engine
from tests.live.servers import Postgres, Redis

from orchestrator.adapters.engine import DockerClient
from orchestrator.adapters.probes.command import CommandProbe
from orchestrator.core.model import CommandCheck, Verdict
from orchestrator.ports import Target

COMMANDS = 100
CHECK = CommandCheck(("true",))
TIMEOUT = 10.0
CLEANING = 1.0
"""Seconds for what the engine does after the last command: it belongs to the price."""
NATIVE_SECONDS = 10.0
NATIVE: tuple[tuple[str, type[Redis] | type[Postgres]], ...] = (("redis", Redis), ("postgres", Postgres))


def main() -> None:
    costs = {}
    # closed last: Podman's monitors stay with a command for minutes, and end with the engine's folder
    with ExitStack() as accounts, real_engines() as (_, engines):
        for engine in engines:
            account = Account(f"orchestrator-benchmark-{os.getpid()}-{engine.kind}")
            accounts.callback(account.close)
            costs[f"a command in {engine.kind}"] = cost_of_commands(engine, account)
    for name, kind in NATIVE:
        with real_server(kind) as port:
            costs[f"native {name}"] = measure(f"HealthMonitor, {name}", port, NATIVE_SECONDS)
    cheapest = min(cost for name, cost in costs.items() if not name.startswith("native"))
    rows = [[name, f"{cost:.2f}", f"{cheapest / cost:.0f}"] for name, cost in costs.items()]
    print("Processor seconds per 1000 checks, and how many for the price of the cheapest command\n")
    print(table(["", "s", "for one command"], rows))


def cost_of_commands(engine: Engine, account: Account) -> float:
    for pid in daemons(engine.folder):
        account.enrol(pid)
    container = engine.run("asked", f"--cgroup-parent=/{account.name}/containers")
    spent, ours = account.spent(), time.process_time()
    uvloop.run(ask(engine.url, container))
    time.sleep(CLEANING)
    return 1000 * (account.spent() - spent + time.process_time() - ours) / COMMANDS


async def ask(url: str, container: str) -> None:
    client = DockerClient(url)
    probe = CommandProbe(client)
    try:
        for _ in range(COMMANDS):
            reading = await probe.probe(CHECK, Target(container), TIMEOUT)
            assert reading.verdict is Verdict.PASS, reading
    finally:
        await probe.close()
        await client.close()


def daemons(folder: Path) -> list[int]:
    """The engine's own processes: their command lines name its folder."""
    return [pid for pid in process_ids() if pid != os.getpid() and os.fsencode(folder) in command_line(pid)]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


if __name__ == "__main__":
    main()
