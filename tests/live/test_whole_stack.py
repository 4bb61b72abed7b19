"""The specification's whole stack on a real engine: found stopped, brought up by one command in its four phases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.configuration.catalog import CATALOG
from tests.live.engines import Engine, wait_until
from tests.live.events import EventLog
from tests.live.serve import Serve, serving
from tests.live.test_commands import orchestrator
from tests.live.ward import starts

INFRASTRUCTURE: Final = ("postgres", "redis")
AI: Final = ("ai-yolo26", "ai-llm", "ai-florence", "ai-clip", "ai-enrichment")
PHASES: Final = (INFRASTRUCTURE, AI, ("backend",), ("frontend",))
WARM_UPS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "postgres": 2.0,
        "redis": 1.0,
        "ai-yolo26": 3.0,
        "ai-llm": 3.5,
        "ai-florence": 2.0,
        "ai-clip": 2.0,
        "ai-enrichment": 5.0,
        "backend": 3.0,
        "frontend": 2.0,
        "prometheus": 1.5,
        "grafana": 2.0,
        "alertmanager": 1.0,
        "jaeger": 1.0,
        "loki": 1.5,
        "pyroscope": 1.5,
    }
)
"""Seconds from a process' start to its first good answer: those of the phase tables, scaled down. ``alloy`` has none:
its table gives it no check but that it runs."""
SLOWEST: Final = ("postgres", "ai-enrichment", "backend", "frontend")
"""Of each phase."""
ALLOWED: Final = 1.15
A_CHECK: Final = 0.5
"""Seconds from a first good answer that nobody asks for to the one that is asked for."""
COMPOSE: Final = "--label=com.docker.compose"
AFTER_INFRASTRUCTURE: Final = f"{COMPOSE}.depends_on=postgres:service_healthy:false,redis:service_healthy:false"
"""The second phase waits for the first by what compose writes, as the specification has it; by its matrix, and so by
the catalog, models need no database."""


def create_stack(engine: Engine) -> dict[str, str]:
    """Created and not started, under the catalog's names and ports; full ids by name. Each is sick as long as it warms
    up, for its command check too."""
    return {name: _create(engine, name) for name in (*WARM_UPS, "alloy")}


def _create(engine: Engine, name: str) -> str:
    warms_up = f"touch /switch/sick; sleep {WARM_UPS.get(name, 0)}; rm /switch/sick; exec /srv/serve"
    composed = (f"{COMPOSE}.project=security", f"{COMPOSE}.service={name}")
    options = (*composed, AFTER_INFRASTRUCTURE) if name in AI else composed
    port = f"--env=PORT={CATALOG[name].port}"
    return engine.create(name, "--network=host", port, *options, command=("sh", "-c", warms_up))


def started_at(journal: EventLog, container: str) -> float:
    """Its one start, by the engine's own time."""
    wait_until(lambda: bool(starts(journal, container)), 10, "the news of a start")
    (start,) = starts(journal, container)
    return start.at


def asked_at(serve: Serve, name: str) -> float:
    told = serve.wait_for_event(name, "Manual start initiated")
    return datetime.fromisoformat(told["timestamp"]).timestamp()


def took_by_itself(serve: Serve, journal: EventLog, containers: Mapping[str, str]) -> Iterator[float]:
    """Of each phase's slowest: how long the engine took to start it, and it to warm up. Nobody can be quicker."""
    for name in SLOWEST:
        yield started_at(journal, containers[name]) - asked_at(serve, name) + WARM_UPS[name]


def test_the_whole_stack_comes_up_in_its_four_phases_in_the_time_of_its_critical_path(
    engine: Engine, tmp_path: Path
) -> None:
    containers = create_stack(engine)
    with serving(engine.url, tmp_path) as serve, engine.events() as journal:
        for name in containers:  # a project whose containers have just been made is left to whoever makes them
            serve.wait_for(name, container_state="created", held="")

        up = orchestrator(serve, "up", "--project=security", "--json", "--timeout=55")

        assert up.returncode == 0, (up, serve.log)
        report = json.loads(up.stdout)
        services = {one["name"]: one for one in report["services"]}
        assert {name: one["outcome"] for name, one in services.items()} == dict.fromkeys(containers, "done")
        begun = {name: started_at(journal, container) for name, container in containers.items()}
        well = {name: at + WARM_UPS.get(name, 0.0) for name, at in begun.items()}
        for before, after in pairwise(PHASES):
            assert min(begun[name] for name in after) >= max(well[name] for name in before), (before, after, begun)
        assert begun["grafana"] >= well["prometheus"]
        waited = {name for name, one in services.items() if one["waited_for"]}
        assert waited == {*AI, "backend", "frontend", "grafana"}, "monitoring starts beside the core"
        assert [step["name"] for step in report["critical_path"]] == list(SLOWEST)
        quickest = sum(took_by_itself(serve, journal, containers))
        print(f"{report['total_seconds']} s for a critical path of {quickest:.2f} s")
        assert report["total_seconds"] <= ALLOWED * quickest + A_CHECK * len(PHASES)
