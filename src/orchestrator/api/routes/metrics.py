"""``/metrics``: the figures of this orchestrator, for Prometheus."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from orchestrator.api.answers import ACCESS
from orchestrator.api.exposition import Exposition
from orchestrator.api.supervisor import Supervisor

_TEXT: Final[dict[str, Any]] = {"schema": {"type": "string"}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    **ACCESS,
    200: {
        "description": "Prometheus' text format, or OpenMetrics where `Accept` asks for it.",
        "content": {"text/plain": _TEXT, "application/openmetrics-text": _TEXT},
    },
}


class MetricsRoutes:
    """``/metrics``."""

    def __init__(self, orchestrator: Supervisor) -> None:
        self._exposition = Exposition(orchestrator)

    def router(self) -> APIRouter:
        router = APIRouter(tags=["health"])
        route = router.get("/metrics", summary="For Prometheus", responses=_ANSWERS, response_class=Response)
        route(self.metrics)
        return router

    async def metrics(self, request: Request) -> Response:
        body, content_type = self._exposition.text(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})
