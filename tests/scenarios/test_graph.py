"""The graph that is shown is the one that is acted on."""

from __future__ import annotations

from orchestrator.runtime.views import EdgeView
from orchestrator.testing import Scenario


def test_every_edge_names_its_origin_and_phases_follow_the_edges() -> None:
    compose = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    configuration = {"services": {"web": {"wants": ["cache"]}}}
    with Scenario(configuration=configuration) as world:
        world.container("cache")
        world.container("db", labels={**compose, "com.docker.compose.service": "db"})
        web = {**compose, "com.docker.compose.depends_on": "db:service_healthy:false"}
        world.container("web", labels=web)
        world.container("proxy", labels={"orchestrator.requires": "web"})
        world.container("sidecar", uses={"network": "web"})
        world.container("tracer", uses={"pid": "web", "volumes": "cache"})
        world.run_for("1m")
        drawn = world.orchestrator.graph()
        assert set(drawn.edges) == {
            EdgeView("web", "cache", False, "configuration"),
            EdgeView("web", "db", True, "compose"),
            EdgeView("proxy", "web", True, "label"),
            EdgeView("sidecar", "web", True, "network"),
            EdgeView("tracer", "web", True, "pid"),
            EdgeView("tracer", "cache", True, "volumes"),
        }
        assert drawn.phases == (("cache", "db"), ("web",), ("proxy", "sidecar", "tracer"))
        assert [node.name for node in drawn.nodes] == ["cache", "db", "proxy", "sidecar", "tracer", "web"]
        assert drawn.cycles == ()


def test_what_the_catalog_says_is_told_as_the_catalog_s() -> None:
    with Scenario() as world:
        for name in ("backend", "postgres", "redis"):
            world.container(name, check="running")
        world.run_for("1m")
        origins = {(edge.dependent, edge.dependency): edge.origin for edge in world.orchestrator.graph().edges}
        assert origins["backend", "postgres"] == "catalog"


def test_a_cycle_is_shown_with_its_path_and_its_last_step_is_no_edge() -> None:
    with Scenario() as world:
        world.container("a", labels={"orchestrator.requires": "b"})
        world.container("b", labels={"orchestrator.requires": "a"})
        world.run_for("1m")
        drawn = world.orchestrator.graph()
        assert len(drawn.cycles) == 1
        assert drawn.cycles[0] in ("a -> b -> a", "b -> a -> b")
        assert len(drawn.edges) == 1
        assert len(drawn.phases) == 2
