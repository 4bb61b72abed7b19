"""A crash loop that the engine's own restart policy keeps going: stopped, and restarted by our backoff instead.

Podman's policy has no pause at all and Docker's forgets after ten seconds, so that a container that dies at once takes
a core for itself. The engine's policy is not changed: what a person stops, no policy restarts, and what we start again
is the policy's again until it dies once more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orchestrator.core import policy
from orchestrator.core.messages import Message
from orchestrator.core.model import ActionKind, ContainerSnapshot, ContainerState
from orchestrator.core.turn import Turn

_LOOP: Final = 2
"""Deaths without a stable run in between that make a loop: the first one is the engine's to heal, at once."""


def take_over(turn: Turn, container: ContainerSnapshot) -> None:
    """Stop what has just died in a loop, and begin its restart that ends when our backoff is over."""
    looping = turn.spec.recovery.take_over and turn.state.strikes >= _LOOP and turn.free_to_heal
    if not looping or turn.actions or not policy.engine_restarts(container):
        return
    between_runs = container.state is ContainerState.RESTARTING
    if not between_runs and not (container.state is ContainerState.RUNNING and turn.restarted_by_engine):
        return
    pause = turn.state.last_backoff
    cause = (
        f"a crash loop of the engine's policy {container.restart_policy!r}, {turn.state.strikes} deaths without a "
        f"stable run: taken over, stopped for {pause:.1f} s"
    )
    turn.order(ActionKind.RESTART, container, cause, pause=max(pause, policy.SHORTEST_PAUSE))
    if turn.actions:
        turn.state = replace(turn.state, taken_over=True)


def give_back(turn: Turn) -> None:
    """After a stable run the next death is the engine's own to heal again."""
    if turn.state.taken_over:
        turn.state = replace(turn.state, taken_over=False)
        turn.tell(Message.GIVEN_BACK, "it has run stably")
