"""Commands inside containers: one at a time in each, and ended when their time is up.

An abandoned exec goes on inside the container, on both engines; and neither has a call that ends one. So the
command carries a mark in its environment, and its processes are killed from our own process table where the
container is co-located, else by a second command that looks for the mark inside.

Podman keeps two processes (conmon) for 300 s after every exec through its API, whoever asks; no call ends them.
``exit_command_delay = 5`` under ``[engine]`` in its containers.conf makes that five seconds. Checks that need no
exec avoid it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final
from weakref import WeakValueDictionary

from aiodocker.execs import Exec

from orchestrator.adapters.engine import processes
from orchestrator.adapters.engine.connection import Connection, named
from orchestrator.errors import ActionRefused, ContainerNotFound, EngineError
from orchestrator.ports import ExecResult

KEPT: Final = 4096
"""Bytes of output kept: the last ones, where commands say why they failed."""
MARK: Final = "ORCHESTRATOR_COMMAND"
ENDING: Final = 5.0
"""Seconds for ending a command."""
_PAUSE: Final = 0.01
_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126

_SWEEP: Final = """
for pass in 1 2 3; do
  for process in /proc/[0-9]*; do
    case "$(cat "$process/environ" 2>/dev/null)" in *"$1"*) ;; *) continue ;; esac
    if [ "$pass" = 1 ]; then case "$(cat "$process/status" 2>/dev/null)" in *"PPid:\t0"*) continue ;; esac; fi
    kill -9 "${process#/proc/}" 2>/dev/null
  done
done
"""
"""Children first, so that a shell that waits for them reaps them: a process started from outside has parent 0. The
last pass is for what a loop began meanwhile."""

Call = Callable[[float], AbstractAsyncContextManager[Connection]]


class Executor:
    def __init__(self, call: Call, call_timeout: float) -> None:
        """``call``: one guarded call of at most so many seconds."""
        self._call = call
        self._call_timeout = call_timeout
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._left: dict[str, str] = {}
        """Container to a command in it that could not be ended: no other is started until it is gone."""

    async def run(self, container_id: str, command: str | Sequence[str], timeout: float, colocated: bool) -> ExecResult:
        turn = self._turns.setdefault(container_id, asyncio.Lock())
        try:
            async with asyncio.timeout(timeout):
                await turn.acquire()
        except TimeoutError:
            raise TimeoutError(f"another command still ran in the container after {timeout:g} s") from None
        try:
            await self._check_left(container_id)
            return await self._run(container_id, command, timeout, colocated)
        finally:
            turn.release()

    async def _run(
        self, container_id: str, command: str | Sequence[str], timeout: float, colocated: bool
    ) -> ExecResult:
        mark = f"{MARK}={secrets.token_hex(8)}"
        arguments = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        async with self._call(self._call_timeout) as connection:
            container = connection.docker.containers.container(named(container_id))
            begun = await container.exec(arguments, environment=[mark])
        output = bytearray()
        try:
            async with asyncio.timeout(timeout):
                await self._listen(begun, output, timeout)
                exit_code = await self._exit_code(begun)
        except TimeoutError:
            await self._end(container_id, begun, mark, colocated)
            raise TimeoutError(f"the command did not end within {timeout:g} s") from None
        except asyncio.CancelledError:
            with suppress(EngineError):
                await self._end(container_id, begun, mark, colocated)
            raise
        text = output.decode("utf-8", "replace")
        return ExecResult(_plain(exit_code, text), text)

    async def _listen(self, begun: Exec, output: bytearray, timeout: float) -> None:
        """Start the command and read both its streams to their end."""
        async with self._call(timeout + self._call_timeout), begun.start(detach=False) as stream:
            while (message := await stream.read_out()) is not None:
                output += message.data
                del output[:-KEPT]

    async def _exit_code(self, begun: Exec) -> int:
        """The streams end a moment before the engine knows how: a running exec reads exit code 0."""
        while True:
            seen = await self._look(begun)
            if not seen.get("Running"):
                return int(seen.get("ExitCode") or 0)
            await asyncio.sleep(_PAUSE)

    async def _look(self, begun: Exec) -> dict[str, Any]:
        try:
            async with self._call(self._call_timeout) as connection:
                seen: dict[str, Any] = await connection.ask(f"/exec/{begun.id}/json")
                return seen
        except ContainerNotFound:  # what the engine does not find is the command
            raise ActionRefused(404, "how the command ended is not known: its container has stopped") from None

    # --- ending ---------------------------------------------------------------------------------------------

    async def _end(self, container_id: str, begun: Exec, mark: str, colocated: bool) -> None:
        """End the command. If the engine does not answer, its error is raised: then the time-out was the engine's,
        and says nothing about the container."""
        seen = await self._look(begun)
        if not seen.get("Running"):
            return
        leader = int(seen.get("Pid") or 0)
        try:
            async with asyncio.timeout(ENDING):
                if not (colocated and await self._end_here(container_id, leader, mark)):
                    await self._sweep(container_id, mark)
                await self._exit_code(begun)
        except ContainerNotFound:
            return
        except (TimeoutError, ActionRefused):  # no shell in the container, or nobody may kill it
            self._left[container_id] = begun.id

    async def _end_here(self, container_id: str, leader: int, mark: str) -> bool:
        """From our own process table; ``False``: nothing of it is visible, or ours to kill."""
        try:
            return await asyncio.to_thread(processes.end, container_id, leader, mark)
        except PermissionError:
            return False

    async def _sweep(self, container_id: str, mark: str) -> None:
        async with self._call(ENDING) as connection:
            container = connection.docker.containers.container(named(container_id))
            sweep = await container.exec(["/bin/sh", "-c", _SWEEP, "sweep", mark])
            async with sweep.start(detach=False) as stream:
                while await stream.read_out() is not None:
                    pass

    async def _check_left(self, container_id: str) -> None:
        """Refuse a second command beside one that could not be ended."""
        left = self._left.get(container_id)
        if left is None:
            return
        try:
            async with self._call(self._call_timeout) as connection:
                seen = await connection.ask(f"/exec/{left}/json")
        except ContainerNotFound:
            seen = {}
        if seen.get("Running"):
            raise TimeoutError("an earlier command still runs in the container and cannot be ended")
        del self._left[container_id]


def _plain(exit_code: int, output: str) -> int:
    """Docker's runtime reports a command that does not exist as 126; shells, and Podman, say 127."""
    missing = "no such file or directory" in output or "executable file not found" in output
    return _NOT_FOUND if exit_code == _NOT_EXECUTABLE and "OCI runtime" in output and missing else exit_code
