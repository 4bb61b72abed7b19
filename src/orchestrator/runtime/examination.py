"""A closer look at a container that does not do what it should: whether its processes could."""

from __future__ import annotations

import asyncio
from typing import Final

from orchestrator.errors import EngineError
from orchestrator.ports import ContainerEngine

TIME_TO_LOOK: Final = 2.0


async def frozen(engine: ContainerEngine, container_id: str) -> bool:
    """Whether all its processes are stopped (state T); ``False`` where that cannot be told within two seconds."""
    try:
        async with asyncio.timeout(TIME_TO_LOOK):
            states = await engine.process_states(container_id)
    except (EngineError, TimeoutError):
        return False
    return bool(states) and all(state in "TtZ" for state in states) and any(state in "Tt" for state in states)
