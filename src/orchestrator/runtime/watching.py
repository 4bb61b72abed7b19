"""From a decision to a watch: what the health monitor is to ask, of whom, and how often."""

from __future__ import annotations

from orchestrator.core import policy
from orchestrator.core.model import CommandCheck, ContainerSnapshot, EngineCheck, RunningCheck, ServiceSpec
from orchestrator.core.reach import Address, reach
from orchestrator.ports import Target
from orchestrator.runtime.health import Watch


def watch_of(
    spec: ServiceSpec,
    container: ContainerSnapshot | None,
    every: float | None,
    published_host: str,
    *,
    urgent: bool,
    reached: bool,
) -> Watch | None:
    """``None``: there is nothing to ask. ``urgent``: somebody waits for the first answer. ``reached``: the service
    has passed a check before, so that the way to it is known to exist."""
    if container is None or every is None or container.run is None:
        return None
    check = policy.effective_check(spec, container)
    if isinstance(check, RunningCheck):
        return None
    return Watch(
        run=container.run,
        check=check,
        target=_target(spec, container, published_host, reached=reached),
        every=every,
        timeout=spec.health.timeout,
        urgent=urgent,
    )


def _target(spec: ServiceSpec, container: ContainerSnapshot, published_host: str, *, reached: bool) -> Target | str:
    if isinstance(policy.effective_check(spec, container), CommandCheck | EngineCheck):
        return Target(container.container_id)
    where = reach(spec, container, published_host)
    if isinstance(where, Address):
        return Target(container.container_id, where.host, where.port, doubtful=where.inside and not reached)
    return where
