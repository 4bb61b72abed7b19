"""``/api/system/graph``: who needs whom."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from orchestrator.api.answers import ACCESS
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.model import Category, Status
from orchestrator.core.sighting import Origin


class Node(BaseModel):
    name: str
    display_name: str
    category: Category
    status: Status


class Edge(BaseModel):
    dependent: str = Field(serialization_alias="from", description="Needs the other one.")
    dependency: str = Field(
        serialization_alias="to", description="A service, listed or not, or a resource of the host (`gpu`)."
    )
    kind: Literal["hard", "soft"]
    origin: Origin = Field(description="Who says so.")


class Graph(BaseModel):
    nodes: list[Node]
    edges: list[Edge]
    phases: list[list[str]] = Field(description="In the order in which they can start; names sorted within a phase.")
    cycles: list[str] = Field(description="Their last step is not waited for.", examples=[["a -> b -> a"]])


class GraphRoutes:
    """``/api/system/graph``."""

    def __init__(self, orchestrator: Supervisor) -> None:
        self._orchestrator = orchestrator

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["services"])
        responses = ACCESS
        router.get("/graph", summary="Who needs whom", responses=responses)(self.dependency_graph)
        return router

    async def dependency_graph(self) -> Graph:
        view = self._orchestrator.graph()
        return Graph(
            nodes=[
                Node(name=one.name, display_name=one.display_name, category=one.category, status=one.status)
                for one in view.nodes
            ],
            edges=[
                Edge(
                    dependent=one.dependent,
                    dependency=one.dependency,
                    kind="hard" if one.hard else "soft",
                    origin=one.origin,
                )
                for one in view.edges
            ],
            phases=[list(phase) for phase in view.phases],
            cycles=list(view.cycles),
        )
