"""The part of the evidence that is known without asking anybody: put together within the turn in which it happened."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core import policy
from orchestrator.core.evidence import Change, Counts, Dependency, Evidence, Unread, told
from orchestrator.core.gpus import Driver, Gpu
from orchestrator.core.model import ContainerSnapshot, ContainerState, Instant, Run, ServiceState
from orchestrator.runtime.registry import Record, ServiceRegistry

_UP = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.STOPPING)


def known_of(record: Record, registry: ServiceRegistry, run: Run | None, fact: str, now: Instant) -> Evidence:
    """``run``: the one that failed; ``fact``: what people are told of it."""
    container, state = record.container, record.state
    failed = container if container is not None and container.run == run else None
    down = failed is not None and failed.state not in _UP
    return Evidence(
        service=record.spec.name,
        run=run,
        taken_at=now.wall,
        fact=told(policy.describe_exit(failed) if failed is not None and down else fact),
        image="" if container is None else container.image,
        exit_code=failed.exit_code if failed is not None and down else None,
        error=told(failed.error) if failed is not None and down else "",
        oom_flag=failed is not None and failed.oom_killed,
        memory_limit=None if container is None else container.memory_limit,
        counts=Counts(
            failures=state.failure_count,
            strikes=state.strikes,
            restarts=state.restart_count,
            engine_restarts=state.engine_restarts,
        ),
        changes=() if container is None else tuple(_changes(state, container)),
        dependencies=tuple(_dependencies(record, registry)),
        gpus=_gpus(registry),
    )


def _changes(state: ServiceState, container: ContainerSnapshot) -> Iterator[Change]:
    before, at = state.baseline, container.created_at
    if before is None:
        return
    if before.image_id != container.image_id:
        yield Change("image", at, _named(before.image, before.image_id), _named(container.image, container.image_id))
    for part, digest in before.configuration:
        if container.configuration.get(part, digest) != digest:
            yield Change(part, at)


def _named(image: str, image_id: str) -> str:
    """The name alone does not tell two builds of one tag apart."""
    return f"{image} {image_id[:12]}"


def _dependencies(record: Record, registry: ServiceRegistry) -> Iterator[Dependency]:
    for names, hard in ((record.unmet, True), (record.missing, False)):
        for name in names:
            other = registry.get(name)
            yield Dependency(name, None if other is None else other.state.status, hard)


def _gpus(registry: ServiceRegistry) -> tuple[Gpu, ...] | Unread:
    reading = registry.host.gpus
    if reading.driver is Driver.ANSWERS:
        return reading.gpus
    return Unread(reading.detail or "no GPU driver was ever seen here")
