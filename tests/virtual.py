"""Waiting, where it costs nothing."""

from __future__ import annotations

import asyncio

from orchestrator.testing import VirtualLoop


async def pass_time(seconds: float) -> None:
    """Let virtual time pass; on a loop in real time this is a defect of the test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "a fast test waits for facts, not for time"
    await asyncio.sleep(seconds)
