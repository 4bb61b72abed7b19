"""What is wrong to do while people do what they like to their containers, read from a ledger of it, real or virtual.

Beyond the promises of every story (:mod:`orchestrator.testing.promises`): an action on a service whose compose project
is being updated, on one that a person has stopped or holds, or on a container that compose has given a passing name; a
start of what has been started already; and anything for a service while one that it requires is down.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from orchestrator.core.messages import Command, Down, Restart, Start, Stop, Up
from orchestrator.testing.ledger import Happening, Ledger
from orchestrator.testing.promises import ASKED

NEWS: Final = 1.0
"""Seconds in which an action may still begin that was decided before the news of what people do had come."""
MOMENT: Final = 0.01
"""Seconds by which a bound may be off that was kept as wall time."""
STOPPED: Final = "a person has stopped it"
HELD: Final = "a person holds it"
BEFORE: Final = "-before"
"""Of the name that somebody gives a container for a while."""
_PASSING: Final = re.compile(r"[0-9a-f]{12}_")


@dataclass
class Span:
    """Of moments in which nothing is to be done about a service."""

    service: str
    why: str
    begun: float
    ended: float = inf
    project: str = ""
    """That is being updated."""


@dataclass(frozen=True)
class Case:
    """Times of ``commands`` (moment, service, command) and ``spans`` are the ledger's moments."""

    ledger: Ledger
    commands: Sequence[tuple[float, str, Command]]
    spans: Sequence[Span]
    projects: Mapping[str, Collection[str]]
    """The services of each."""
    requires: Mapping[str, str]
    news: float = NEWS
    asked: float = ASKED

    def wrong_actions(self) -> list[str]:
        """In words; empty: there is none."""
        wrong: list[str] = []
        seen = _Seen()
        for each in self.ledger:
            if each.what.startswith("asked"):
                if each.by == "orchestrator":
                    wrong += self._wrong_about(each, seen)
            else:
                seen.take(each)
        return wrong

    def _wrong_about(self, request: Happening, seen: _Seen) -> Iterator[str]:
        if _PASSING.match(request.container) and self._put_aside(request):
            yield f"what compose has put aside was touched: {request}"
        if self._asked_for(request):
            return
        for span in self.spans:
            if self._covers(span, request):
                yield f"{request}, although {span.why} since {span.begun:.3f} s"
        moment = request.at.moment - self.news
        started = seen.up.get(request.container)
        if request.what == "asked to start" and started is not None and started <= moment:
            yield f"{request}, although it has been started at {started:.3f} s"
        needed = self.requires.get(service_of(request), "")
        ended = seen.down.get(needed)
        if request.what != "asked to stop" and ended is not None and ended <= moment:
            yield f"{request}, although {needed}, which it requires, has been down since {ended:.3f} s"

    def _put_aside(self, request: Happening) -> bool:
        """Whether it has had its passing name for so long that the news has come."""
        return any(
            request.at.moment - each.at.moment >= self.news
            for each in self.ledger
            if (each.what, each.detail) == ("renamed", f"to {request.container}")
            or (each.what, each.container) == ("created", request.container)
        )

    def _asked_for(self, request: Happening) -> bool:
        return any(
            service == service_of(request) and 0 <= request.at.moment - moment < self.asked
            for moment, service, command in self.commands
            if isinstance(command, Restart | Start | Stop | Up | Down)
        )

    def _covers(self, span: Span, request: Happening) -> bool:
        if span.service != service_of(request) or not span.begun <= request.at.moment < span.ended - MOMENT:
            return False
        begun, ended = span.begun, span.ended
        if span.why == STOPPED:
            starts = [each for each in self.ledger if each.what == "started" and service_of(each) == span.service]
            ended = min((each.at.moment for each in starts if each.at.moment >= begun), default=ended)
        if span.project:
            begun = min((each.at.moment for each in self._changes(span)), default=inf)
        return begun + self.news <= request.at.moment < ended

    def _changes(self, update: Span) -> Iterator[Happening]:
        """What a tool does to a project that nobody takes for anything else; a start is nothing of the kind."""
        for each in self.ledger:
            within = update.begun <= each.at.moment < update.ended and each.by == "user"
            known = service_of(each) in self.projects[update.project] or _PASSING.match(each.container)
            if within and known and each.what in ("created", "exited", "removed", "renamed"):
                yield each


@dataclass
class _Seen:
    """Containers by name, each with the moment since when it is up, or down."""

    up: dict[str, float] = field(default_factory=dict)
    down: dict[str, float] = field(default_factory=dict)

    def take(self, each: Happening) -> None:
        name, moment = each.container, each.at.moment
        if each.what == "renamed":
            for known in (self.up, self.down):
                if name in known:
                    known[each.detail.removeprefix("to ")] = known.pop(name)
        elif each.what in ("created", "started", "exited", "removed"):
            self.up.pop(name, None)
            self.down.pop(name, None)
        if each.what == "started":
            self.up[name] = moment
        elif each.what == "exited":
            self.down[name] = moment


def service_of(happening: Happening) -> str:
    return happening.container.removesuffix(BEFORE)
