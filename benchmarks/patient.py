"""One container that is made ill: its process is killed or frozen, and its first answer after that is waited for.

It is busybox's ``httpd`` behind a published port: it serves within a few milliseconds of its start, so that what is
measured is what the engine and the healer take.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.live.engines import Engine
from tests.live.servers import free_port

PATH = "/serve"
"""A file of the image."""
SERVER = ("httpd", "-f", "-p", "8080", "-h", "/srv")
GLANCE = 0.003
"""Seconds between two attempts to be answered: what a figure is exact to."""
PATIENCE = 30.0
_HOPE = 0.25
"""Seconds for one attempt: one that was made too early may hang instead of being refused."""


@dataclass(frozen=True)
class Patient:
    engine: Engine
    container: str
    port: int
    """On the host, the same at every start."""


@dataclass(frozen=True)
class Illness:
    """Monotonic moments."""

    fell_ill: float
    died: float
    answered: float

    @property
    def lasted(self) -> float:
        return self.answered - self.fell_ill


def admit(engine: Engine, name: str, *options: str) -> Patient:
    port = free_port()
    published = f"--publish=127.0.0.1:{port}:8080"
    return Patient(engine, engine.run(name, published, *options, command=SERVER), port)


async def killed(patient: Patient) -> Illness:
    """SIGKILL to its process, until it answers again."""
    return await _ill(patient, lambda pid: os.kill(pid, signal.SIGKILL))


async def frozen(patient: Patient, patience: float = PATIENCE) -> Illness:
    """SIGSTOP to all its processes, until somebody killed it and it answers again."""
    return await _ill(patient, patient.engine.freeze, patience)


async def _ill(patient: Patient, strike: Callable[[int], None], patience: float = PATIENCE) -> Illness:
    pid = patient.engine.pid(patient.container)
    handle = os.pidfd_open(pid)
    dead = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, dead.set)
    try:
        fell_ill = time.monotonic()
        strike(pid)
        async with asyncio.timeout(patience):
            await dead.wait()
            died = time.monotonic()
            return Illness(fell_ill, died, await first_answer(patient.port))
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def first_answer(port: int) -> float:
    """The moment of the first HTTP 200. Attempts overlap: one that hangs holds no other up."""
    answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    attempts: set[asyncio.Task[None]] = set()
    try:
        async with asyncio.timeout(PATIENCE):
            while not answered.done():
                attempt = asyncio.create_task(_attempt(port, answered))
                attempts.add(attempt)
                attempt.add_done_callback(attempts.discard)
                await asyncio.wait({answered}, timeout=GLANCE)
            return answered.result()
    finally:
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)


async def _attempt(port: int, answered: asyncio.Future[float]) -> None:
    writer = None
    try:
        async with asyncio.timeout(_HOPE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {PATH} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            line = await reader.readline()
    except (OSError, TimeoutError):
        return
    finally:
        if writer is not None:
            writer.close()
    if b" 200 " in line and not answered.done():
        answered.set_result(time.monotonic())
