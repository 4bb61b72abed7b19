"""The application: routes, access rules and error documents around one orchestrator."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from orchestrator.api import problems, stream
from orchestrator.api.dashboard import Dashboard
from orchestrator.api.envelope import Envelope
from orchestrator.api.routes.ai import AiRoutes
from orchestrator.api.routes.availability import AvailabilityRoutes
from orchestrator.api.routes.configuration import ConfigurationRoutes
from orchestrator.api.routes.graph import GraphRoutes
from orchestrator.api.routes.health import HealthRoutes
from orchestrator.api.routes.hold import HoldRoutes
from orchestrator.api.routes.incidents import IncidentRoutes
from orchestrator.api.routes.insight import InsightRoutes
from orchestrator.api.routes.latency import LatencyRoutes
from orchestrator.api.routes.logs import LogRoutes
from orchestrator.api.routes.metrics import MetricsRoutes
from orchestrator.api.routes.monitoring import MonitoringRoutes
from orchestrator.api.routes.notifications import NotificationRoutes
from orchestrator.api.routes.playbooks import PlaybookRoutes
from orchestrator.api.routes.ready import ReadyRoutes
from orchestrator.api.routes.rollout import RolloutRoutes
from orchestrator.api.routes.services import COMMAND_DEADLINE, ServiceRoutes
from orchestrator.api.routes.session import SessionRoutes
from orchestrator.api.security import Access, Guard
from orchestrator.api.sessions import Sessions
from orchestrator.api.supervisor import Reload, Supervisor
from orchestrator.api.workers import Workers
from orchestrator.ports import Clock

DESCRIPTION: Final = """\
A self-healing supervisor of Docker and Podman containers.

Errors are `application/problem+json` documents (RFC 9457). A command that was accepted answers 202 (it takes time) or
200 (it is done); one that was refused never does.
"""


def create_app(
    orchestrator: Supervisor,
    clock: Clock,
    access: Access | None = None,
    *,
    reload: Reload | None = None,
    version: str = "0",
    command_deadline: float = COMMAND_DEADLINE,
    workers: Workers | None = None,
    dashboard: Dashboard | None = None,
    openapi_path: str = "/openapi.json",
) -> FastAPI:
    """An ASGI application over a running orchestrator: served by itself, or mounted into another one.

    It neither starts nor stops ``orchestrator``. Without ``access`` the rules of a loopback address apply.
    ``workers`` are those of the application around us, for its readiness. Without ``reload`` there is no endpoint
    for it, and without ``dashboard`` no page.
    """
    access = access or Access()
    sessions = Sessions(clock, access.token, access.read_token)
    # The interactive pages of FastAPI load scripts from a foreign host: a tool that restarts containers does not.
    app = FastAPI(
        title="Container Orchestrator",
        version=version,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=openapi_path,
        redirect_slashes=False,  # a redirect would lead to whatever host the request names
        generate_unique_id_function=lambda route: route.name,
    )
    services = ServiceRoutes(orchestrator, clock, command_deadline)
    app.include_router(services.router())
    app.include_router(RolloutRoutes(orchestrator, services).router())
    app.include_router(HoldRoutes(orchestrator, services).router())
    app.include_router(PlaybookRoutes(orchestrator, services, clock).router())
    app.include_router(AiRoutes(orchestrator, clock).router())
    app.include_router(MonitoringRoutes(orchestrator, clock).router())
    app.include_router(ReadyRoutes(orchestrator, workers or Workers()).router())
    app.include_router(GraphRoutes(orchestrator).router())
    app.include_router(InsightRoutes(orchestrator, clock).router())
    app.include_router(LatencyRoutes(orchestrator, clock).router())
    app.include_router(LogRoutes(orchestrator).router())
    app.include_router(IncidentRoutes(orchestrator, clock).router())
    app.include_router(AvailabilityRoutes(orchestrator, clock).router())
    app.include_router(HealthRoutes(orchestrator, clock).router())
    app.include_router(NotificationRoutes(orchestrator, clock).router())
    app.router.routes.append(stream.route(orchestrator.broadcast))
    app.include_router(MetricsRoutes(orchestrator).router())
    app.include_router(SessionRoutes(access, sessions).router())
    if reload is not None:
        app.include_router(ConfigurationRoutes(reload).router())
    if dashboard is not None:
        app.router.routes.extend(dashboard.routes())
    app.add_middleware(Guard, access=access, sessions=sessions, clock=clock)
    app.add_middleware(Envelope)
    problems.install(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the media type that our errors really have."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        for path in document["paths"].values():
            for operation in path.values():
                _retype_problems(operation["responses"])
        app.openapi_schema = document
    return app.openapi_schema


def _retype_problems(responses: dict[str, Any]) -> None:
    for response in responses.values():
        content = response.get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if schema.get("$ref") == "#/components/schemas/Problem":
            content[problems.MEDIA_TYPE] = content.pop("application/json")
