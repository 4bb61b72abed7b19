"""The bare loop that healing is measured beside: it hears of one container's death and asks for its start.

    python -m benchmarks.bare events|process SOCKET CONTAINER

It looks at nothing, decides nothing and remembers nothing: nobody could heal sooner in this language. ``events``
hears it from the engine's event stream, ``process`` from the kernel, by a handle on the container's first process.
Prints a line when it listens. Works until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import uvloop

DEATHS = ("die", "died")
PAUSE = 0.002
"""Seconds before the next try when the engine does not know of the death yet, and says that there is nothing to do."""


async def ask(socket: str, method: str, path: str) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
    """One request on a connection of its own; the status, and the connection with the body still to be read."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(f"{method} /v1.40{path} HTTP/1.0\r\nHost: engine\r\n\r\n".encode())  # 1.0: no chunks
    status = int((await reader.readline()).split()[1])
    while (await reader.readline()).strip():
        pass
    return status, reader, writer


async def start(socket: str, container: str) -> None:
    while True:
        status, _, writer = await ask(socket, "POST", f"/containers/{container}/start")
        writer.close()
        if status == 204:
            return
        await asyncio.sleep(PAUSE)


async def by_events(socket: str, container: str) -> None:
    _, reader, _ = await ask(socket, "GET", "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D")
    print("listening", flush=True)
    while line := await reader.readline():
        event = json.loads(line)
        if event["Action"] in DEATHS and event["Actor"]["ID"] == container:
            await start(socket, container)


async def by_process(socket: str, container: str) -> None:
    loop = asyncio.get_running_loop()
    while True:
        handle = os.pidfd_open(await first_process(socket, container))
        died = asyncio.Event()
        loop.add_reader(handle, died.set)
        print("listening", flush=True)
        await died.wait()
        await start(socket, container)
        loop.remove_reader(handle)
        os.close(handle)


async def first_process(socket: str, container: str) -> int:
    _, reader, writer = await ask(socket, "GET", f"/containers/{container}/json")
    body = await reader.read()
    writer.close()
    return int(json.loads(body)["State"]["Pid"])


if __name__ == "__main__":
    heard_by, socket_path, container_id = sys.argv[1:]
    uvloop.run({"events": by_events, "process": by_process}[heard_by](socket_path, container_id))
