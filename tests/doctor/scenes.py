"""Small makers for the doctor's rules: what was seen, with what a test needs otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from orchestrator.core.model import (
    Check,
    ContainerSnapshot,
    ContainerState,
    HealthSpec,
    HttpCheck,
    PublishedPort,
    ServiceSpec,
    Verdict,
)
from orchestrator.doctor.facts import CheckUp
from orchestrator.doctor.findings import Finding, Level
from orchestrator.ports import Reading, Target

NOW = 1_700_000_000.0
HTTP = HttpCheck("/health")
NOON = "2024-01-15T10:00:00.000Z"


def spec(check: Check | None = HTTP, **settings: Any) -> ServiceSpec:
    return ServiceSpec("web", "Web", port=8080, health=HealthSpec(check, **settings))


def container(state: ContainerState = ContainerState.RUNNING, **fields: Any) -> ContainerSnapshot:
    """Running for an hour, its port 8080 published as 18080."""
    ports = (PublishedPort(8080, 18080, "127.0.0.1"),)
    seen = ContainerSnapshot("c" * 64, "shop-web-1", "image", state, NOW - 7200, NOW - 3600, pid=100, ports=ports)
    return replace(seen, **fields)


def checkup(verdict: Verdict = Verdict.PASS, detail: str = "HTTP 200", **fields: Any) -> CheckUp:
    asked = CheckUp(
        spec(), container(), Target("c" * 64, "127.0.0.1", 18080), Reading(verdict, detail), took=0.01, patience=5.5
    )
    return replace(asked, **fields)


def served(name: str = "web", **fields: Any) -> dict[str, Any]:
    """A service as the API shows it."""
    document = {
        "name": name,
        "status": "running",
        "reason": "",
        "at_rest": False,
        "waiting_on": [],
        "retry_at": None,
        "strikes": 0,
    }
    return document | fields


def health(*services: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """``/api/system/health/full`` of an orchestrator that does well."""
    document: dict[str, Any] = {
        "version": "1.0",
        "turns": 42,
        "services": list(services),
        "workers": [{"name": "brain", "state": "running", "detail": "", "restarts": 0}],
        "engine": {"endpoint": "unix:///run/docker.sock", "reachable": True, "detail": ""},
        "store": {"location": "/state.db", "healthy": True, "detail": "", "pending_writes": 0},
        "notifications": [],
        "dry_run": False,
        "last_turn_at": NOON,
        "own": {"strains": [], "dead_man": None},
        "timestamp": NOON,
    }
    return document | fields


def told(findings: Iterable[Finding], level: Level) -> list[str]:
    """Those of that level, as sentences."""
    return [str(finding) for finding in findings if finding.level is level]
