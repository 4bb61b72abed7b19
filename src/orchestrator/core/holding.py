"""A person's hold: the service is observed and nothing is done to it by itself, for so long and no longer."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orchestrator.core.messages import Hold, Message, Release, Reply
from orchestrator.core.model import Held
from orchestrator.core.turn import Turn

LONGEST: Final = 7 * 86_400.0
"""Seconds. What is to be left alone for longer is disabled."""

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def take_hold(turn: Turn, command: Hold) -> Reply:
    """From now on; of two holds the later one counts, whoever asked for it."""
    words = f"for {span(command.seconds)}"
    turn.state = replace(turn.state, hold=Held(turn.now.moment + command.seconds, command.actor, command.why))
    turn.tell(Message.HELD, f"{words} by {command.actor}{f': {command.why}' if command.why else ''}")
    return Reply(True, f"{turn.spec.name} is held {words}: it is observed, and nothing is done to it by itself")


def release(turn: Turn, command: Release) -> Reply:
    name = turn.spec.name
    if turn.state.hold is None:
        return Reply(True, f"{name} is not held by anybody")
    _let_go(turn, f"by {command.actor}")
    return Reply(True, f"{name} is released: it is healed again")


def end_hold(turn: Turn) -> None:
    """When its time is over, whether or not anybody is there."""
    hold = turn.state.hold
    if hold is not None and turn.now.moment >= hold.until:
        _let_go(turn, f"the time of the hold by {hold.by} is over")


def span(seconds: float) -> str:
    """``1h30m``, as durations are written everywhere."""
    left, words = max(round(seconds), 1), ""
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        words += f"{count}{unit}" if count else ""
    return words


def _let_go(turn: Turn, cause: str) -> None:
    turn.state = replace(turn.state, hold=None)
    turn.tell(Message.RELEASED, cause)
