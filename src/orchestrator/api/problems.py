"""Every error of the API as one document: ``application/problem+json`` (RFC 9457) with a ``code`` for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from orchestrator.core.messages import Reply
from orchestrator.errors import (
    ConfigurationError,
    EngineUnavailable,
    OrchestratorError,
    StoreError,
    UnknownIncident,
    UnknownService,
)

MEDIA_TYPE: Final = "application/problem+json"

Code = Literal[
    "unknown_service",
    "unknown_project",
    "unknown_incident",
    "invalid_input",
    "invalid_configuration",
    "disabled",
    "in_flight",
    "no_container",
    "severed",
    "paused",
    "observe_only",
    "refused",
    "engine_away",
    "required",
    "left",
    "store_unavailable",
    "overdue",
    "action_failed",
    "unverified",
    "stalled",
    "too_many",
    "unauthorized",
    "foreign_host",
    "foreign_client",
    "cross_site",
    "read_only",
    "too_large",
    "too_many_failures",
    "http",
    "internal",
]


class InvalidInput(BaseModel):
    """One thing wrong with a request, or with the configuration."""

    where: str = Field(
        description="The parameter, as `query.limit` or `path.name`; of a configuration, its source and key.",
        examples=["query.limit"],
    )
    fact: str


class Problem(BaseModel):
    """Why a request was not served."""

    type: str = "about:blank"
    title: str = Field(description="The HTTP status in words.", examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str = Field(description="The thing, the fact and the remedy, for people.")
    code: Code = Field(description="What it is, for machines.")
    instance: str | None = Field(default=None, description="The path that was asked for.")
    similar: list[str] | None = Field(default=None, description="For `unknown_service`: names that look like it.")
    errors: list[InvalidInput] | None = Field(
        default=None, description="For `invalid_input`, `invalid_configuration`: all."
    )


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        code: Code,
        detail: str,
        *,
        instance: str | None = None,
        similar: Sequence[str] | None = None,
        errors: Sequence[InvalidInput] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        problem = Problem(
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            code=code,
            instance=instance,
            similar=None if similar is None else list(similar),
            errors=None if errors is None else list(errors),
        )
        super().__init__(problem.model_dump(exclude_none=True), status, headers)


class CommandRefused(OrchestratorError):
    """The orchestrator understood a command and does not carry it out."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message)
        self.reply = reply


class UnknownProject(OrchestratorError):
    """No service belongs to this compose project."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        listed = ", ".join(sorted(known))
        there_are = f"There are: {listed}." if listed else "No service belongs to any."
        super().__init__(f"No service belongs to a compose project named {name!r}. {there_are}")


class CommandOverdue(OrchestratorError):
    """The orchestrator did not decide in time; whether it still will is not known."""


class ActionFailed(OrchestratorError):
    """An accepted command was carried out, and did not work."""


class Unverified(OrchestratorError):
    """Whether an accepted command worked was not seen in the time that the client waits."""


class TooMany(OrchestratorError):
    """As many as are served at once are served already."""


class BrainStalled(OrchestratorError):
    """The orchestrator answers requests and decides nothing."""


def install(app: FastAPI) -> None:
    """Answer every exception of ``app`` with a problem document."""
    # Starlette types handlers by their widest exception; each of these is registered for the one that it takes.
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]
    app.add_exception_handler(UnknownProject, _unknown_project)  # type: ignore[arg-type]
    app.add_exception_handler(UnknownIncident, _unknown_incident)  # type: ignore[arg-type]
    app.add_exception_handler(OrchestratorError, _ours)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _internal)


async def _invalid(request: Request, error: RequestValidationError) -> ProblemResponse:
    errors = [
        InvalidInput(where=".".join(str(part) for part in one["loc"]), fact=str(one["msg"])) for one in error.errors()
    ]
    detail = "; ".join(f"{one.where}: {one.fact}" for one in errors)
    return ProblemResponse(422, "invalid_input", detail, instance=request.url.path, errors=errors)


async def _http(request: Request, error: HTTPException) -> ProblemResponse:
    headers = None if error.headers is None else dict(error.headers)
    detail = f"{request.method} {request.url.path}: {error.detail}."
    return ProblemResponse(error.status_code, "http", detail, instance=request.url.path, headers=headers)


async def _unknown_project(request: Request, error: UnknownProject) -> ProblemResponse:
    return ProblemResponse(404, "unknown_project", str(error), instance=request.url.path)


async def _unknown_incident(request: Request, error: UnknownIncident) -> ProblemResponse:
    return ProblemResponse(404, "unknown_incident", str(error), instance=request.url.path)


async def _ours(request: Request, error: OrchestratorError) -> ProblemResponse:
    path = request.url.path
    match error:
        case UnknownService():
            detail = str(error) if error.similar else f"{error} GET /api/system/services lists all."
            return ProblemResponse(404, "unknown_service", detail, instance=path, similar=error.similar)
        case CommandRefused():
            conflict = error.reply.conflict
            if conflict == "engine_away":
                return ProblemResponse(503, conflict, str(error), instance=path)
            return ProblemResponse(409, conflict or "refused", str(error), instance=path)
        case CommandOverdue():
            return ProblemResponse(503, "overdue", str(error), instance=path)
        case ActionFailed():
            return ProblemResponse(502, "action_failed", str(error), instance=path)
        case Unverified():
            return ProblemResponse(504, "unverified", str(error), instance=path)
        case TooMany():
            return ProblemResponse(429, "too_many", str(error), instance=path)
        case BrainStalled():
            return ProblemResponse(503, "stalled", str(error), instance=path)
        case EngineUnavailable():
            return ProblemResponse(503, "engine_away", str(error), instance=path)
        case ConfigurationError(problems=found):
            errors = [
                InvalidInput(where=": ".join(filter(None, (one.source, one.key))), fact=one.fact) for one in found
            ]
            detail = f"The configuration cannot be used; the one in force stays. {'; '.join(map(str, found))}"
            return ProblemResponse(422, "invalid_configuration", detail, instance=path, errors=errors)
        case StoreError():
            return ProblemResponse(503, "store_unavailable", str(error), instance=path)
        case _:
            return ProblemResponse(500, "internal", str(error), instance=path)


async def _internal(request: Request, _error: Exception) -> ProblemResponse:
    # The exception itself goes to the log: the server re-raises what is answered here.
    detail = "The orchestrator failed to answer; its log has the reason. Healing is not affected."
    return ProblemResponse(500, "internal", detail, instance=request.url.path)
