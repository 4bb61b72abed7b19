"""``/api/system/graph``: who needs whom."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from orchestrator.api.answers import ACCESS
from orchestrator.api.supervisor import Supervisor
from orchestrator.core.gpus import Driver
from orchestrator.core.model import Category, Status
from orchestrator.core.resources import Presence
from orchestrator.core.sighting import Origin


class Node(BaseModel):
    name: str
    display_name: str
    category: Category
    status: Status


class Edge(BaseModel):
    dependent: str = Field(serialization_alias="from", description="Needs the other one.")
    dependency: str = Field(
        serialization_alias="to",
        description="A service, listed or not, or a resource of the host (`gpu`, `mount:/mnt/x`).",
    )
    kind: Literal["hard", "soft"]
    origin: Origin = Field(description="Who says so.")


class Resource(BaseModel):
    name: str = Field(examples=["gpu", "tcp:10.0.0.9:5432"])
    state: Driver | Presence = Field(description="unknown: it cannot be asked, or never was seen; nobody waits for it.")
    detail: str = Field(description="What there is of it, or why it is not there.")


class Graph(BaseModel):
    nodes: list[Node]
    resources: list[Resource] = Field(description="Of the host: those that a service needs, and those that there are.")
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
            resources=[Resource(name=one.name, state=one.state, detail=one.detail) for one in view.resources],
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
