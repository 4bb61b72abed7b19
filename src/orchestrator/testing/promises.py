"""What holds in every story, whatever happens in it.

1. What runs and is healthy is never restarted or stopped, unless a person asked for it, or for that whenever another
   one is restarted.
2. What is paused is never acted on.
3. Every restart that was told of ends in exactly one *Restart completed* or *Restart failed*, before the next.
4. Events are numbered without gaps and without repeats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf

from orchestrator.core.messages import Command, Down, Message, Restart, Start, Stop, Up
from orchestrator.testing.ledger import Happening, Ledger
from orchestrator.testing.told import Told

_BEGINNINGS = (Message.RESTARTING, Message.MANUAL_RESTART, Message.MANUAL_START)
_ENDS = (Message.RESTART_COMPLETED, Message.RESTART_FAILED)
ASKED = 120.0
"""Seconds after a person's request within which an action may be its consequence, unless told otherwise."""

Asked = Sequence[tuple[float, str, Command]]


def broken_promises(
    ledger: Ledger, told: Sequence[Told], commands: Asked, *, asked: float = ASKED, news: float = 0.0
) -> list[str]:
    """In words; empty when all were kept. ``news``: seconds until the orchestrator can know of a pause."""
    return [
        *_healthy_ones_touched(ledger, told, commands, asked),
        *_paused_ones_touched(ledger, news),
        *_unpaired(told),
        *_misnumbered(told),
    ]


def _on_request(happening: Happening, commands: Asked, asked: float) -> bool:
    return any(
        service == happening.container and 0 <= happening.at.moment - moment < asked
        for moment, service, command in commands
        if isinstance(command, Restart | Start | Stop | Up | Down)
    )


def _healthy_ones_touched(ledger: Ledger, told: Sequence[Told], commands: Asked, asked: float) -> Iterable[str]:
    for request in ledger.requests():
        if not request.well or request.what == "asked to start" or _on_request(request, commands, asked):
            continue
        if not any(_restarted_with_another(event, request, asked) for event in told):
            yield f"what was healthy was touched: {request}"


def _restarted_with_another(event: Told, request: Happening, asked: float) -> bool:
    """``restart_with`` restarts the healthy, and says so."""
    said = event.service == request.container and event.cause.startswith("restarted with ")
    return said and 0 <= request.at.wall - event.wall < asked


def _paused_ones_touched(ledger: Ledger, news: float) -> Iterable[str]:
    paused: dict[str, float] = {}
    for each in ledger:
        if each.what == "paused":
            paused[each.container] = each.at.moment
        elif each.what in ("unpaused", "exited", "removed"):
            paused.pop(each.container, None)
        elif each.what == "renamed" and each.container in paused:
            paused[each.detail.removeprefix("to ")] = paused.pop(each.container)
        elif each.what.startswith("asked") and each.by == "orchestrator":
            known_at = paused.get(each.container, inf) + news
            yield from [f"what was paused was touched: {each}"] if each.at.moment >= known_at else []


def _unpaired(told: Sequence[Told]) -> Iterable[str]:
    by_service: defaultdict[str, Told | None] = defaultdict(lambda: None)
    for event in told:
        begun = by_service[event.service]
        if event.message in _BEGINNINGS:
            if begun is not None:
                yield f"a restart never ended before the next began: {begun}, then {event}"
            by_service[event.service] = event
        elif event.message == Message.DISCOVERED:
            by_service[event.service] = None  # its memory was away when this life began: it does not know of more
        elif event.message in _ENDS:
            if begun is None:
                yield f"a restart ended that was never begun, or ended twice: {event}"
            by_service[event.service] = None


def _misnumbered(told: Sequence[Told]) -> Iterable[str]:
    for before, after in pairwise(told):
        if after.sequence != before.sequence + 1:
            yield f"events are missing between {before} and {after}"
