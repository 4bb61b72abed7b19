"""Restarted after another service was: because somebody said so, or because a namespace of the other's that it joined
ended with the other's run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from orchestrator.core.messages import Companion
from orchestrator.core.model import ActionKind, ContainerSnapshot, TieKind
from orchestrator.core.turn import Turn

_NAMESPACE_WORDS: Final[Mapping[TieKind, str]] = {"network": "network", "ipc": "shared memory"}


def follow_companions(turn: Turn, container: ContainerSnapshot) -> None:
    """Once for every new run of a companion that is well, unless this run began after it anyway.

    A companion seen for the first time asks for nothing: whoever restarted it before we came knew what they did. A
    shared namespace is dead all the same.
    """
    remembered = dict(turn.state.companions)
    due = [each for each in turn.facts.companions if _asks(each, remembered, container)]
    taken = {each.name: each.run.started_at for each in turn.facts.companions if each not in due}
    free = turn.free_to_heal and not turn.out_of_turn and not turn.actions
    if due and free and turn.takes_turn():
        taken |= {each.name: each.run.started_at for each in due}
        turn.order(ActionKind.RESTART, container, _words(due))
    if taken:
        turn.state = replace(turn.state, companions=tuple(sorted((remembered | taken).items())))


def _asks(companion: Companion, remembered: dict[str, float], container: ContainerSnapshot) -> bool:
    began_after = container.started_at is not None and container.started_at >= companion.run.started_at
    known = remembered.get(companion.name)
    if began_after or companion.run.started_at == known:
        return False
    return known is not None or companion.shared is not None


def _words(due: list[Companion]) -> str:
    names = ", ".join(each.name for each in due)
    shared = next((each.shared for each in due if each.shared is not None), None)
    if shared is not None:
        return f"its {_NAMESPACE_WORDS[shared]} ended when {names} was restarted"
    return f"restarted with {names}, which was restarted"
