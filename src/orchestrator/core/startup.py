"""How what is down comes up in its order: each service when what it requires runs; there is no other scheduler.

At start-up it also waits for what it wants, as long as that is coming, and no longer than the other's grace. A start-up
is what a person asked for, or follows an end that nobody saw: of the host, of the engine, of ourselves. A death that
was seen is healed without waiting for anything soft.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from orchestrator.core.messages import Awaited, Reply, Up
from orchestrator.core.model import ActionKind, ContainerSnapshot, ContainerState, Kind
from orchestrator.core.resources import met_when
from orchestrator.core.turn import Turn

LEFT_ALONE: Final = "created, never started: left to whoever created it"
FOUND_STOPPED: Final = "found stopped, and left so until somebody starts it"


def bring_up(turn: Turn, command: Up, container: ContainerSnapshot) -> Reply:
    """Take back that it is stopped, and leave its start to the rules for what is down."""
    name, attempt = turn.spec.name, turn.state.attempt
    if turn.state.completed:
        return Reply(True, f"{name} is complete: `start` runs it once more")
    if not command.named and _left_by_somebody(turn, container):
        return Reply(False, f"{name} was never started, or left stopped, by somebody else: name it to start it", "left")
    held_for_long = turn.state.hold is not None or turn.facts.in_window
    if held_for_long and container.state is not ContainerState.RUNNING:
        remedy = "`start` it" if turn.state.hold is None else "`release` it, or `start` it"
        return Reply(False, f"{name} is {turn.held}: {remedy} all the same", "left")
    turn.state = replace(turn.state, stopped_by=None, leaving=None)
    if attempt is not None and attempt.kind is ActionKind.STOP:
        turn.fail_attempt(f"not verified before the next request, by {command.actor}")
    if attempt is not None and attempt.in_flight:
        return Reply(True, f"{name} is being started")
    if container.state in (ContainerState.RUNNING, ContainerState.RESTARTING):
        return Reply(True, f"{name} runs already")
    turn.fail_attempt(f"not verified before the next request, by {command.actor}")
    turn.state = replace(turn.state, wanted_by=command.actor, due_since=None, retry_at=None)
    when = f"as soon as {' and '.join(map(met_when, turn.facts.unmet))}" if turn.facts.unmet else "next"
    return Reply(True, f"{name} is started {when}")


def _left_by_somebody(turn: Turn, container: ContainerSnapshot) -> bool:
    if turn.spec.kind is not Kind.INFERRED:
        return False
    return turn.state.stopped_by == FOUND_STOPPED or container.state is ContainerState.CREATED


def await_sight(turn: Turn, words: str) -> bool:
    """Whether one that it depends on has still to be looked at: what is remembered of it may be over."""
    if turn.facts.dependencies_seen:
        return False
    turn.note(f"{words}; what it depends on has not been looked at yet")
    return True


def await_wanted(turn: Turn, words: str) -> bool:
    """Whether it is a start-up, and soft dependencies are worth waiting for."""
    if not turn.facts.unwatched and turn.state.wanted_by is None:
        return False
    if turn.state.due_since is None:
        turn.state = replace(turn.state, due_since=turn.now.moment)
    patient = [f"{each.name} (soft, up to {each.grace:g} s)" for each, _ in _worth_waiting_for(turn)]
    if patient:
        turn.note(f"waiting for {', '.join(patient)}: {words}")
    return bool(patient)


def wanted_until(turn: Turn) -> float | None:
    """The moment at which the first of the soft dependencies is not waited for any more; ``None``: none is."""
    return min((until for _, until in _worth_waiting_for(turn)), default=None)


def start(turn: Turn, container: ContainerSnapshot, words: str) -> None:
    """Its turn has come."""
    wanted_by = turn.state.wanted_by
    if wanted_by is None:
        turn.order(ActionKind.START, container, words)
        return
    turn.order(ActionKind.START, container, f"asked for by {wanted_by}", manual=True)
    turn.state = replace(turn.state, wanted_by=None)  # not before: a start-up waits for nobody in its lane


def _worth_waiting_for(turn: Turn) -> Iterator[tuple[Awaited, float]]:
    """With the moment until which; from its start, or else from when only it is waited for."""
    since = turn.state.due_since
    if since is None:
        return
    for each in turn.facts.awaited:
        until = since + each.grace if each.grace_ends is None else each.grace_ends
        if turn.now.moment < until:
            yield each, until
