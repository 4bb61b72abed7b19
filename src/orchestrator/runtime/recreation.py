"""One container created anew in the place of another: whole, or not at all.

The old one is renamed, the new one created under its name and started; when it has run for a moment, the old one is
removed. Whatever fails before that, the old one gets its name back. Whoever is killed in between leaves the renamed one
behind: by its name it is found, and :func:`recreate`, given it, finishes or puts it back first.
"""

from __future__ import annotations

import asyncio
from typing import Final

from orchestrator.core import policy
from orchestrator.core.messages import Action, Outcome, Result
from orchestrator.core.model import ContainerSnapshot, ContainerState
from orchestrator.core.rejoin import REPLACES, SUFFIX, original_name
from orchestrator.errors import ActionRefused, ContainerNotFound, EngineError, EngineUnavailable
from orchestrator.ports import Clock, ContainerEngine

_PROBATION: Final = 2.0
"""Seconds that the new container has to run before the old one is removed."""
_GLANCE: Final = 0.25


async def recreate(engine: ContainerEngine, clock: Clock, action: Action) -> Outcome:
    """Never raises but for cancellation; what is half done then is taken up by the next call."""
    recreation = _Recreation(engine, action)
    container_id = action.container_id
    try:
        container_id, detail = await recreation.carry_out()
        result = Result.DONE
    except EngineUnavailable as error:
        return Outcome(action.action_id, Result.UNKNOWN, str(error))
    except EngineError as error:
        result, detail = Result.FAILED, str(error)
    looked_at = clock.now().moment
    try:
        seen = await engine.inspect(container_id)
    except EngineError:
        return Outcome(action.action_id, result, detail)
    return Outcome(action.action_id, result, detail, seen, looked_at)


class _Recreation:
    def __init__(self, engine: ContainerEngine, action: Action) -> None:
        self._engine = engine
        self._action = action

    async def carry_out(self) -> tuple[str, str]:
        """The new container's id, and what was done in words."""
        old = await self._engine.inspect(self._action.container_id)
        name = original_name(old.name)
        if old.name != name:
            finished = await self._take_up(old, name)
            if finished is not None:
                return finished, f"an interrupted recreation was finished: {old.name} is removed"
        if not self._action.successors:
            raise ActionRefused(409, f"{name} is back after an interrupted recreation")
        return await self._replace(old, name), f"created anew in the place of {old.container_id[:12]}"

    async def _take_up(self, old: ContainerSnapshot, name: str) -> str | None:
        """The id of the new container where it runs; ``None``: the old one has its name back."""
        new = await self._successor(old, name)
        if new is None or new.state is not ContainerState.RUNNING:
            await self._put_back(old, name)
            return None
        if new.labels.get(REPLACES) != old.container_id:
            raise ActionRefused(409, _not_ours(old, name))
        await self._engine.remove(old.container_id)
        return new.container_id

    async def _replace(self, old: ContainerSnapshot, name: str) -> str:
        engine, action = self._engine, self._action
        await engine.rename(old.container_id, name + SUFFIX)
        try:
            label = {REPLACES: old.container_id}
            new = await engine.create_like(old.container_id, name, dict(action.successors), label)
            await engine.stop(old.container_id, action.stop_timeout)
            await engine.start(new)
            await self._watch(new)
        except EngineUnavailable:
            raise
        except EngineError:
            await self._put_back(old, name)
            raise
        await engine.remove(old.container_id)
        return new

    async def _watch(self, new: str) -> None:
        for _ in range(round(_PROBATION / _GLANCE)):
            seen = await self._engine.inspect(new)
            if seen.state is not ContainerState.RUNNING:
                raise ActionRefused(409, f"the new container did not stay up: {policy.describe_exit(seen)}")
            await asyncio.sleep(_GLANCE)

    async def _put_back(self, old: ContainerSnapshot, name: str) -> None:
        new = await self._successor(old, name)
        if new is not None:
            if new.labels.get(REPLACES) != old.container_id:
                raise ActionRefused(409, _not_ours(old, name))
            await self._engine.remove(new.container_id)
        await self._engine.rename(old.container_id, name)

    async def _successor(self, old: ContainerSnapshot, name: str) -> ContainerSnapshot | None:
        """What was created in its place, also where somebody has renamed that since; else what has its name."""
        rows = await self._engine.containers()
        ours = (row.container_id for row in rows if row.labels.get(REPLACES) == old.container_id)
        try:
            return await self._engine.inspect(next(ours, name))
        except ContainerNotFound:
            return None


def _not_ours(old: ContainerSnapshot, name: str) -> str:
    return (
        f"{old.name} cannot get its name back: container {name} was created by somebody else; "
        f"remove {old.name} if that one is right"
    )
