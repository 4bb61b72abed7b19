"""A command inside the container, by the engine's exec: the expensive way to ask."""

from __future__ import annotations

from typing import cast

from orchestrator.core.model import Check, CommandCheck, Verdict
from orchestrator.errors import EngineError
from orchestrator.ports import ContainerEngine, Reading, Target

EXCERPT_LENGTH = 120
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


class CommandProbe:
    """Exit code 0 passes.

    A command that the container does not have says nothing about its service: 126 and 127, by which shells and
    engines say so, are no observation.
    """

    def __init__(self, engine: ContainerEngine) -> None:
        self._engine = engine

    async def probe(self, check: Check, target: Target, timeout: float) -> Reading:
        command = cast(CommandCheck, check).command
        try:
            result = await self._engine.execute(target.container_id, command, timeout)
        except TimeoutError:
            return Reading(Verdict.FAIL, f"the command did not end within {timeout:g} s")
        except EngineError as error:
            return Reading(Verdict.UNKNOWN, str(error))
        if result.exit_code == 0:
            return Reading(Verdict.PASS, "exit code 0")
        detail = f"exit code {result.exit_code}"
        excerpt = last_line(result.output)
        if excerpt:
            detail = f"{detail}: {excerpt}"
        if result.exit_code in (_NOT_EXECUTABLE, _NOT_FOUND):
            return Reading(Verdict.UNKNOWN, f"the command cannot be run in this container, {detail}")
        return Reading(Verdict.FAIL, detail)

    async def close(self) -> None:
        """The engine belongs to whoever made it."""


def last_line(output: str) -> str:
    """The last line that says something, shortened: where programs write why they gave up."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:EXCERPT_LENGTH] if lines else ""
