"""Commands inside a fake container: a handful that every image has, and for all others how the process is."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence

from orchestrator.ports import ExecResult
from orchestrator.testing.container import FakeContainer
from orchestrator.testing.daemon import FakeDaemon
from orchestrator.testing.workload import Condition

KEPT_OUTPUT = 4096


async def run_command(daemon: FakeDaemon, container: FakeContainer, command: str | Sequence[str]) -> ExecResult:
    """Understands ``true``, ``false``, ``exit N``, ``echo ...``, ``sleep N``, joined by ``;``; any other program
    asks the container's process how it is, as a health command does. The caller bounds the time."""
    lines = command.split(";") if isinstance(command, str) else [shlex.join(command)]
    output = ""
    code = 0
    for line in lines:
        code, text = await _program(daemon, container, shlex.split(line))
        output += text
        if line.split()[:1] == ["exit"]:
            break
    return ExecResult(code, output[-KEPT_OUTPUT:])


async def _program(daemon: FakeDaemon, container: FakeContainer, words: list[str]) -> tuple[int, str]:
    match words:
        case [] | ["true", *_]:
            return 0, ""
        case ["false", *_]:
            return 1, ""
        case ["exit", code]:
            return int(code), ""
        case ["echo", *rest]:
            return 0, " ".join(rest) + "\n"
        case ["sleep", seconds]:
            await asyncio.sleep(float(seconds))
            return 0, ""
        case [program, *_] if program in container.workload.missing_commands:
            return 127, f"{program}: not found\n"
        case [program, *_] if daemon.cure(program):
            return 0, f"{program}: done\n"
        case _:
            return await _ask_the_process(daemon, container)


async def _ask_the_process(daemon: FakeDaemon, container: FakeContainer) -> tuple[int, str]:
    await asyncio.sleep(container.workload.answer_after)
    condition = container.answers(daemon.clock.now().moment)
    if condition is Condition.HEALTHY:
        return 0, "ok\n"
    if condition in (Condition.DEADLOCKED, Condition.FROZEN):
        await asyncio.get_running_loop().create_future()
    return 1, "connection refused\n" if condition is None else "HTTP 500\n"
