"""How what a person asked for ended: what was seen, not what the engine answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.core.messages import UNSEEN, Command, Down, Event, Message, NoEvidence, Stop
from orchestrator.core.model import ContainerSnapshot, ContainerState, ServiceState, Status

_DOWN: Final = (ContainerState.CREATED, ContainerState.EXITED, ContainerState.DEAD)
_FAILURES: Final = frozenset(
    {Message.RESTART_FAILED, Message.HEALTH_CHECK_FAILED, Message.MAX_FAILURES, Message.FUTILE, Message.NOT_FOUND}
)


@dataclass(frozen=True, slots=True)
class Ending:
    """``verified``: a service asked to run passes its check, one asked to stop is down."""

    verified: bool
    words: str


def ending_of(
    command: Command, events: Sequence[Event], state: ServiceState, container: ContainerSnapshot | NoEvidence | None
) -> Ending | None:
    """How ``command``, accepted before, has ended; ``None``: it has not.

    ``events`` are those told since it was accepted; the rest is as it is now.
    """
    if isinstance(command, Stop | Down):
        return _of_stop(events, state, container)
    for event in events:
        if event.message is Message.RESTART_COMPLETED:
            return Ending(True, event.cause)
        if event.message in _FAILURES:
            return Ending(False, f"{event.message}: {event.cause}")
    if state.attempt is not None or state.status is not Status.RUNNING:
        return None
    runs = isinstance(container, ContainerSnapshot) and container.state is ContainerState.RUNNING
    return Ending(True, "it runs and is well") if runs else None


def _of_stop(
    events: Sequence[Event], state: ServiceState, container: ContainerSnapshot | NoEvidence | None
) -> Ending | None:
    for event in events:
        if event.message is Message.STOP_FAILED:
            return Ending(False, f"{event.message}: {event.cause}")
    if state.attempt is not None or container is UNSEEN:
        return None
    if container is None:
        return Ending(True, "its container is gone")
    down = isinstance(container, ContainerSnapshot) and container.state in _DOWN
    return Ending(True, "its container is down") if down else None
