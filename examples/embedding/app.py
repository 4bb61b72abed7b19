"""A FastAPI application with the orchestrator in it::

    uvicorn --app-dir examples/embedding app:app --timeout-graceful-shutdown 2

Its own paths are beside ours (/api/system/services, /ws/events, ...), and its worker counts for
/api/system/health/ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from fastapi import FastAPI

from orchestrator.api import Orchestration, Workers


class Detection:
    """A background task of the application."""

    def __init__(self) -> None:
        self.rounds = 0
        self.task: asyncio.Task[None] | None = None

    async def work(self) -> None:
        while True:
            self.rounds += 1
            await asyncio.sleep(1)

    def state(self) -> Literal["running", "stopped"]:
        return "stopped" if self.task is None or self.task.done() else "running"


detection = Detection()
workers = Workers()
workers.register("detection_worker", detection.state)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    detection.task = asyncio.create_task(detection.work())
    yield
    detection.task.cancel()


app = FastAPI(title="Cameras", lifespan=lifespan)


@app.get("/cameras")
async def cameras() -> dict[str, int]:
    return {"rounds": detection.rounds}


Orchestration(workers=workers).mount(app)
