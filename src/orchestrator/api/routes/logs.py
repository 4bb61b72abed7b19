"""``/api/system/services/{name}/logs``: what a service's container wrote, line by line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, BeforeValidator, Field

from orchestrator.api.answers import ONE, problems
from orchestrator.api.problems import CommandRefused, TooMany
from orchestrator.api.schemas import Timestamp
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.evidence import LogLine
from orchestrator.core.messages import Reply
from orchestrator.errors import ActionRefused, ContainerNotFound, EngineError, UnknownService
from orchestrator.runtime.views import timestamp

FOLLOWERS: Final = 16
"""Logs followed at once: each holds a connection to the engine."""
MEDIA_TYPE: Final = "application/x-ndjson"


def _written(given: object) -> object:
    """Pydantic takes a number for seconds, and a larger one for milliseconds: not what the document says."""
    try:
        float(str(given))
    except ValueError:
        return given
    raise ValueError("write date and time, as 2024-01-15T10:30:00Z")


Since = Annotated[
    Annotated[datetime, BeforeValidator(_written)] | None,
    Query(description="Only lines since then; without a zone: UTC."),
]


class LogEntry(BaseModel):
    """One line of the answer."""

    stream: Literal["stdout", "stderr"]
    timestamp: Timestamp | None = Field(description="When the engine got it; null where it does not tell.")
    line: str = Field(description="Without its line end; one beyond 16 KiB comes in pieces.")

    @classmethod
    def of(cls, line: LogLine) -> LogEntry:
        return cls(stream=line.stream, timestamp=None if line.at is None else timestamp(line.at), line=line.text)


class LogRoutes:
    """``/api/system/services/{name}/logs``."""

    def __init__(self, orchestrator: Supervisor) -> None:
        self._orchestrator = orchestrator
        self._followers = 0

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system/services", tags=["services"])
        responses: dict[int | str, dict[str, Any]] = {
            **ONE,
            **problems(
                s409="It has no container, or the engine keeps no logs of it.",
                s429=f"{FOLLOWERS} logs are followed already.",
                s503="The engine cannot be reached.",
            ),
            200: {
                "description": "A JSON document a line. Following ends with the container, or when the engine is lost.",
                "content": {MEDIA_TYPE: {"schema": LogEntry.model_json_schema()}},
            },
        }
        router.get(
            "/{name}/logs",
            summary="What its container wrote, oldest first",
            responses=responses,
            response_class=StreamingResponse,
        )(self.service_logs)
        return router

    async def service_logs(
        self,
        name: Annotated[str, Path(description="The service's name.", examples=["ai-yolo26"])],
        tail: Annotated[int, Query(ge=1, le=10_000, description="The newest so many lines.")] = 100,
        follow: Annotated[bool, Query(description="Go on with what it writes, until it ends.")] = False,
        since: Since = None,
    ) -> StreamingResponse:
        if self._orchestrator.service(name) is None:
            raise UnknownService(name, [one.name for one in self._orchestrator.services()])
        if follow and self._followers >= FOLLOWERS:
            raise TooMany(f"{FOLLOWERS} logs are followed already: end one of them first.")
        try:
            written = await self._orchestrator.logs(name, tail=tail, follow=follow, since=_wall(since))
            first = None if follow else await anext(written, None)
        except (ActionRefused, ContainerNotFound) as error:
            raise CommandRefused(Reply(False, f"No log of {name}: {error}", "no_container")) from None
        return StreamingResponse(self._told(first, written, follow=follow), media_type=MEDIA_TYPE)

    async def _told(
        self, first: LogLine | None, written: AsyncIterator[LogLine], *, follow: bool
    ) -> AsyncGenerator[bytes, None]:
        self._followers += follow
        try:
            if first is not None:
                yield _document(first)
            async with aclosing(written):  # type: ignore[type-var]  # every one is a generator
                async for line in written:
                    yield _document(line)
        except EngineError:
            return
        finally:
            self._followers -= follow


def _document(line: LogLine) -> bytes:
    return LogEntry.of(line).model_dump_json().encode() + b"\n"


def _wall(at: datetime | None) -> float | None:
    return None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
