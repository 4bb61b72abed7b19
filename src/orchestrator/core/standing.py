"""How a service stands, as incidents see it, and in which words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from orchestrator.core import policy
from orchestrator.core.gpus import RESOURCE
from orchestrator.core.incidents import Cause, Condition, HostCondition, Stand
from orchestrator.core.model import (
    ContainerSnapshot,
    ContainerState,
    ProbeResult,
    RecoverySpec,
    ServiceState,
    Status,
    Verdict,
)
from orchestrator.core.startup import LEFT_ALONE

_HOST_WORDS: Final[Mapping[str, str]] = {RESOURCE: "the GPU driver does not answer"}


def stand_of(state: ServiceState, container: ContainerSnapshot | None, *, held: bool) -> Stand:
    """``held``: a maintenance or an update of its project leaves it alone for now."""
    if _wished(state, container) or held or state.hold is not None:
        return "excused"
    if state.completed:
        return "well"
    match state.status:
        case Status.RUNNING:
            return "well"
        case Status.STARTING:
            return "coming"
        case Status.NOT_FOUND:
            return "ill" if state.discovered else "coming"
        case Status.STOPPED if state.reason == LEFT_ALONE:
            return "excused"
        case _:
            return "ill"


def _wished(state: ServiceState, container: ContainerSnapshot | None) -> bool:
    paused = container is not None and container.state is ContainerState.PAUSED
    return state.disabled_by == "human" or state.stopped_by is not None or paused


def stable_at(state: ServiceState, recovery: RecoverySpec) -> float:
    """The moment from which it is stably healthy; infinite: it is not well."""
    if state.completed:
        return -math.inf
    if state.status is not Status.RUNNING or state.healthy_since is None:
        return math.inf
    return state.healthy_since + policy.stable_after(recovery, state.last_backoff)


def sentence_of(
    name: str, state: ServiceState, container: ContainerSnapshot | None, probe: ProbeResult | None, held: str
) -> str:
    """``held``: by whom or what it is left alone, in words; empty: by nothing but what its state tells."""
    if state.hold is not None:
        return f"{name} is held by {state.hold.by}"
    if state.disabled_by == "human":
        return f"{name} is disabled by a person"
    if state.disabled_by is not None:
        return f"{name} was given up after {state.reason}"
    if state.stopped_by is not None:
        return f"{name} is stopped: {state.stopped_by}"
    if container is not None and container.state is ContainerState.PAUSED:
        return f"{name} is paused"
    if held:
        return f"{name} is held: {held}"
    if state.completed:
        return f"{name} is complete"
    return _plainly(name, state, container, probe)


def _plainly(name: str, state: ServiceState, container: ContainerSnapshot | None, probe: ProbeResult | None) -> str:
    match state.status:
        case Status.NOT_FOUND:
            return f"the container of {name} is gone" if state.discovered else f"{name} has no container"
        case Status.STARTING:
            return f"{name} is starting"
        case Status.RUNNING:
            return f"{name} is running"
        case Status.STOPPED if container is not None and container.state is not ContainerState.RUNNING:
            return f"{name} {policy.describe_exit(container)}"
        case Status.UNHEALTHY if probe is not None and probe.verdict is Verdict.FAIL:
            return f"{name} fails its health check: {probe.detail}"
        case _:
            return f"{name} is {state.status}: {state.reason}"


def cause_of(key: str, conditions: Mapping[str, Condition], host: HostCondition) -> Cause:
    """``key``: a service, or what of the host dependents name."""
    condition = conditions.get(key)
    if condition is not None:
        return Cause(condition.sentence, service=key, confidence="certain" if condition.certain else "likely")
    words = _HOST_WORDS.get(key, f"{key} is not there")
    detail = host.missing.get(key, "")
    return Cause(f"{words}: {detail}" if detail else words, subject=key)
