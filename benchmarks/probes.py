"""What a health probe costs: processor seconds per 1000 probes at 50 a second, side by side in one run.

    python -m benchmarks.probes [--seconds 20]

Every contestant runs alone in a process of its own against one small server in another; its own processor time is
counted (user and system, as the kernel accounts it), the server's is not. Read the ratios: the seconds differ from
machine to machine, and with what else runs there.

The blackbox exporter is asked over HTTP for each probe, because that is how it is used; what it costs Prometheus to
ask is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import aiohttp
import uvloop
from tests.live.servers import Postgres, Redis, free_port

from orchestrator.adapters.probes.http import HttpProbe
from orchestrator.adapters.probes.postgres import PostgresProbe
from orchestrator.adapters.probes.redis import RedisProbe
from orchestrator.core.model import Check, HttpCheck, Instant, PostgresCheck, ProbeResult, RedisCheck, Run, Verdict
from orchestrator.ports import Probe, Target
from orchestrator.runtime.health import HealthMonitor, Watch

RATE = 50
TIMEOUT = 5.0
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\nConnection: close\r\n\r\n"
    b'{"status":"healthy"}'
)
Contest = Callable[[int, float], Awaitable[tuple[float, int]]]
"""Port and seconds to processor seconds spent and probes answered."""


class Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)
        self.transport.close()


def serve(port: int) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    uvloop.run(main())


# --- the contestants: one question at a time, a fiftieth of a second apart -------------------------------------


def paced(ask: Callable[[int], Awaitable[None]]) -> Contest:
    async def contest(port: int, seconds: float) -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        await ask(port)
        tasks: set[asyncio.Task[None]] = set()
        begun, spent, asked = loop.time(), time.process_time(), int(seconds * RATE)
        for number in range(asked):
            task = asyncio.ensure_future(ask(port))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            await asyncio.sleep(begun + (number + 1) / RATE - loop.time())
        await asyncio.gather(*tasks)
        return time.process_time() - spent, asked

    return contest


def request(port: int) -> bytes:
    return f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()


async def over_streams(port: int) -> None:
    async with asyncio.timeout(TIMEOUT):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(port))
        answer = await reader.read(65536)
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200")


class Asking(asyncio.Protocol):
    def __init__(self, answer: asyncio.Future[bytes], question: bytes) -> None:
        self.answer = answer
        self.question = question

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self.question)

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


async def over_protocol(port: int) -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    async with asyncio.timeout(TIMEOUT):
        transport, _ = await loop.create_connection(lambda: Asking(answer, request(port)), "127.0.0.1", port)
        assert (await answer).startswith(b"HTTP/1.1 200")
        transport.close()


async def with_aiohttp(port: int, seconds: float) -> tuple[float, int]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(TIMEOUT)) as session:

        async def ask(port: int) -> None:
            async with session.get(f"http://127.0.0.1:{port}/health") as response:
                await response.read()
                assert response.status == 200

        return await paced(ask)(port, seconds)


# --- ours, as it runs in the product ----------------------------------------------------------------------------


class LoopClock:
    def now(self) -> Instant:
        return Instant(asyncio.get_running_loop().time(), time.time())


def monitored(check: Check, make: Callable[[], Probe], every: float) -> Contest:
    async def contest(port: int, seconds: float) -> tuple[float, int]:
        answers: list[ProbeResult] = []
        monitor = HealthMonitor(LoopClock(), {type(check): make()}, lambda _, result: answers.append(result))
        for number in range(int(RATE * every)):
            name = f"service-{number}"
            watch = Watch(Run(name, 1.0), check, Target(name, "127.0.0.1", port), every, TIMEOUT)
            monitor.watch(name, watch)
        task = asyncio.create_task(monitor.run())
        await asyncio.sleep(2 * every)
        answers.clear()
        spent = time.process_time()
        await asyncio.sleep(seconds)
        spent = time.process_time() - spent
        task.cancel()
        assert {answer.verdict for answer in answers} == {Verdict.PASS}, answers[0]
        return spent, len(answers)

    return contest


@dataclass(frozen=True)
class Contestant:
    name: str
    contest: Contest
    run: Callable[..., tuple[float, int]]
    server: str = "http"


HEALTH = HttpCheck("/health")
CONTESTANTS = (
    Contestant("asyncio streams", paced(over_streams), asyncio.run),
    Contestant("uvloop protocol", paced(over_protocol), uvloop.run),
    Contestant("aiohttp on uvloop", with_aiohttp, uvloop.run),
    Contestant("HealthMonitor, 50 services every 1 s", monitored(HEALTH, HttpProbe, 1.0), uvloop.run),
    Contestant("HealthMonitor, 500 services every 10 s", monitored(HEALTH, HttpProbe, 10.0), uvloop.run),
    Contestant("the same without uvloop", monitored(HEALTH, HttpProbe, 10.0), asyncio.run),
    Contestant("HealthMonitor, redis", monitored(RedisCheck(), RedisProbe, 10.0), uvloop.run, "redis"),
    Contestant("HealthMonitor, postgres", monitored(PostgresCheck(), PostgresProbe, 10.0), uvloop.run, "postgres"),
)


def compete(name: str, port: int, seconds: float, answer: Connection) -> None:
    one = next(contestant for contestant in CONTESTANTS if contestant.name == name)
    answer.send(one.run(one.contest(port, seconds)))


def measure(name: str, port: int, seconds: float) -> float:
    """Processor seconds per 1000 probes."""
    spawn = get_context("spawn")
    receiving, sending = spawn.Pipe(duplex=False)
    process = spawn.Process(target=compete, args=(name, port, seconds, sending))
    process.start()
    sending.close()
    try:
        spent, answered = receiving.recv()
    finally:
        process.join(10)
        process.kill()
    return 1000 * float(spent) / int(answered)


# --- servers and the exporter -----------------------------------------------------------------------------------


@contextmanager
def http_server() -> Iterator[int]:
    port = free_port()
    process = get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.join()


@contextmanager
def real_server(kind: type[Redis] | type[Postgres]) -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="orchestrator-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = kind(folder)
        if isinstance(server, Postgres):
            server.initialize()
        server.start_and_wait()
        try:
            yield server.port
        finally:
            server.end()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"nothing listens on port {port} after 20 s")


def measure_exporter(program: str, port: int, seconds: float) -> float:
    """The exporter's own processor seconds per 1000 probes, asked on one kept connection after another."""
    listen = free_port()
    with tempfile.TemporaryDirectory(prefix="orchestrator-benchmark-") as folder:
        configuration = Path(folder) / "blackbox.yml"
        configuration.write_text("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}}\n")
        command = [program, f"--config.file={configuration}", f"--web.listen-address=127.0.0.1:{listen}"]
        process = subprocess.Popen([*command, "--log.level=error"])
        try:
            wait_for(listen)
            url = f"http://127.0.0.1:{listen}/probe?module=http_2xx&target=http://127.0.0.1:{port}/health"
            before = processor_seconds(process.pid)
            asked = asyncio.run(ask_exporter(url, seconds))
            return 1000 * (processor_seconds(process.pid) - before) / asked
        finally:
            process.terminate()
            process.wait(10)


async def ask_exporter(url: str, seconds: float) -> int:
    async with aiohttp.ClientSession() as session:

        async def ask(_: int) -> None:
            async with session.get(url) as response:
                assert "probe_success 1" in await response.text()

        _, asked = await paced(ask)(0, seconds)
    return asked + 1


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the table ----------------------------------------------------------------------------------------------------


def contests(seconds: float) -> Iterator[tuple[str, float]]:
    with http_server() as port:
        for one in CONTESTANTS:
            if one.server == "http":
                yield one.name, measure(one.name, port, seconds)
        program = shutil.which("prometheus-blackbox-exporter")
        if program is not None:
            yield "prometheus-blackbox-exporter", measure_exporter(program, port, seconds)
    with real_server(Redis) as port:
        yield "HealthMonitor, redis", measure("HealthMonitor, redis", port, seconds)
    with real_server(Postgres) as port:
        yield "HealthMonitor, postgres", measure("HealthMonitor, postgres", port, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="measured time of each contestant")
    seconds = parser.parse_args().seconds
    print(f"processor seconds per 1000 probes at {RATE} a second (x: of asyncio streams)")
    first = None
    for name, cost in contests(seconds):
        first = first or cost
        print(f"  {name:<42} {cost:6.3f}   {cost / first:5.2f} x", flush=True)


if __name__ == "__main__":
    main()
