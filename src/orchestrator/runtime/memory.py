"""Who waits for GPU memory: weighed for one service before each of its decisions, from what is registered.

Part of the brain. A service that is down, or ill, and needs more memory than is free is held; where others of its lane
are in the same trouble, those that run and are ill are stopped as the first half of their restart, and started one by
one. What is well is never stopped to make room.
"""

from __future__ import annotations

from orchestrator.core.gpus import MEMORY_PATIENCE, Driver, shortage
from orchestrator.core.model import ContainerState, Instant, Status
from orchestrator.runtime.registry import Record, ServiceRegistry

_UP = (ContainerState.RUNNING, ContainerState.PAUSED)


def weigh(record: Record, registry: ServiceRegistry, now: Instant) -> None:
    """Set what its next decision has to know: ``holds``, ``make_room``, ``remark``."""
    if record.spec.vram is None:
        return
    if not in_trouble(record):
        record.trouble_since = None
    elif record.trouble_since is None:
        record.trouble_since = now.moment
    words = _shortage(record, registry)
    record.make_room, record.remark = _room_for_others(record, registry, words), ""
    if not words or record.make_room:
        record.short_since = None
        record.holds.pop("memory", None)
        return
    record.short_since = now.moment if record.short_since is None else record.short_since
    if now.moment - record.short_since < MEMORY_PATIENCE:
        record.holds["memory"] = words
    else:
        record.holds.pop("memory", None)
        record.remark = f"tried all the same after {MEMORY_PATIENCE:g} s: {words}"


def watched_closely(registry: ServiceRegistry) -> bool:
    """Whether somebody waits for memory, or is taking it just now."""
    return any(
        record.spec.vram is not None and (record.state.attempt is not None or in_trouble(record))
        for record in registry.records()
    )


def concerned(registry: ServiceRegistry) -> list[str]:
    """Whose next decision may follow from another reading."""
    return [name for name, record in registry.items() if record.spec.vram is not None and in_trouble(record)]


def in_trouble(record: Record) -> bool:
    """Down or ill, and to be healed as soon as it can be."""
    state, container = record.state, record.container
    if not state.enabled or state.stopped_by is not None or state.completed or record.spec.observe_only is not None:
        return False
    if container is None or not record.seen:
        return False
    return state.status is Status.UNHEALTHY or container.state not in _UP


def _shortage(record: Record, registry: ServiceRegistry) -> str:
    container, need = record.container, record.spec.vram
    reading = registry.host.gpus
    if need is None or container is None or reading.driver is not Driver.ANSWERS or not in_trouble(record):
        return ""
    own = container.container_id if container.state in _UP else None
    if own is None and registry.host.gpus_at < (record.trouble_since or 0.0):
        return "how much GPU memory is free is looked at first"
    return shortage(need, own, reading, registry.services_by_container())


def _room_for_others(record: Record, registry: ServiceRegistry, words: str) -> str:
    """Why it is to be stopped first: it is ill, others of its lane are in trouble too, and memory is short."""
    container = record.container
    if record.state.status is not Status.UNHEALTHY or container is None or not in_trouble(record):
        return ""
    others = {
        name: other
        for name, other in registry.lane(record.spec.lane).items()
        if other is not record and other.spec.vram is not None and in_trouble(other)
    }
    if not others or not (words or any(_shortage(other, registry) for other in others.values())):
        return ""
    return f"GPU memory is short for {', '.join(sorted(others))} too: stopped, and started when its turn comes"
