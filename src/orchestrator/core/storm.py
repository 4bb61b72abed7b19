"""The breaker: whether anything is restarted by itself, while what is wrong looks like the host's or the engine's.

Closed, it watches. It opens when many services that have nothing to do with each other fall ill within seconds, or when
action after action fails with the same words, or is slow beyond anything usual. Deaths do not open it: a hundred killed
containers are a hundred to start. Open, nothing is restarted by itself; when the pause is over, one service is tried.
If that one is well again, it closes; if not, the next pause is twice as long.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

WINDOW: Final = 15.0
"""Seconds within which failures are one storm: half the default interval of the checks, so that half of all that fail
together are seen failing in it."""

FEWEST: Final = 5
"""Unrelated failures, or actions in a row, below which nothing is called a storm."""

SHARE: Final = 0.1
"""Of all services, the share whose failing together is a storm: among 500 some fail at any time."""

SLOWEST: Final = 10.0
"""Seconds for one action (beyond its stop time-out) up to which no engine is called slow, whatever is usual for it."""

SLOW_FACTOR: Final = 10.0
"""Times the usual that an action takes when the engine is called slow: waiting for each other, those of a mass recovery
take four times as long."""

FIRST_PAUSE: Final = 30.0
"""Seconds: in one interval of the checks, what comes back by itself is seen to be back."""

LONGEST_PAUSE: Final = 300.0
"""Seconds; pauses double up to it. It is also what a trial may take beyond the grace of the service."""

IN_A_ROW: Final = 60.0
"""Seconds within which actions are called one after another: what has failed for long is tried less and less often."""

CALM: Final = 600.0
"""Seconds after a storm within which another one is the same, and pauses longer."""

_OF_ONE_CONTAINER: Final = re.compile(r"[0-9a-f]{12,}|\"[^\"]*\"|'[^']*'")


@dataclass(frozen=True, slots=True)
class Refusal:
    service: str
    words: str
    moment: float


@dataclass(frozen=True, slots=True)
class Slowness:
    service: str
    moment: float


@dataclass(frozen=True, slots=True)
class Storm:
    """All that is remembered. ``why``: in words, since when it is open; empty: it is closed."""

    why: str = ""
    since: float = -math.inf
    until: float = math.inf
    """Of the pause, or of the trial."""
    pause: float = 0.0
    """Seconds; the newest one."""
    trial: str = ""
    """The service that is tried."""
    tried: tuple[str, ...] = ()
    """Those that were tried in vain."""
    ended: str = ""
    """Why it closed."""
    ended_at: float = -math.inf
    by_illness: bool = False
    """It opened because services fell ill, not because of what the engine said or how long it took."""
    refused: tuple[Refusal, ...] = ()
    """The newest actions in a row that failed with the same words, of one service each."""
    slow: tuple[Slowness, ...] = ()
    """The newest actions in a row that were slow, of one service each."""

    @property
    def words(self) -> str:
        """For people; empty: nothing is paused."""
        if not self.why:
            return ""
        trial = f"; {self.trial} is tried first" if self.trial else ""
        return f"restarts are paused: {self.why}{trial}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A service that would be acted on, were it not for the storm."""

    service: str
    grace: float
    dependents: int


def acted(storm: Storm, service: str, *, refusal: str, took: float, usual: float, now: float) -> Storm:
    """An action ended: ``refusal`` is what the engine said, if it failed; ``took`` and ``usual`` are seconds."""
    refused: tuple[Refusal, ...] = ()
    if refusal:
        newest = Refusal(service, _gist(refusal), now)
        same = (each for each in storm.refused if each.words == newest.words and each.service != service)
        refused = (*(each for each in same if each.moment >= now - IN_A_ROW), newest)
    slow: tuple[Slowness, ...] = ()
    if took > slow_beyond(usual):
        others = (each for each in storm.slow if each.service != service)
        slow = (*(each for each in others if each.moment >= now - IN_A_ROW), Slowness(service, now))
    return replace(storm, refused=refused, slow=slow)


def slow_beyond(usual: float) -> float:
    return max(SLOWEST, SLOW_FACTOR * usual)


def watch(storm: Storm, ill: Mapping[str, float], services: int, usual: float, now: float) -> Storm:
    """Closed: open it, if it has to be. ``ill``: since when each cause of ill health is; what waits for another service
    is no cause, that one is. ``services``: how many there are."""
    recent = [since for since in ill.values() if since >= now - WINDOW]
    if len(recent) >= many(services):
        span = max(now - min(recent), 1.0)
        why = f"{len(recent)} unrelated services failed within {span:.0f} s"
        return replace(_opened(storm, why, now), by_illness=True)
    if len(storm.refused) >= FEWEST:
        return _opened(storm, f"the last {FEWEST} starts failed with the same words: {storm.refused[-1].words}", now)
    if len(storm.slow) >= FEWEST:
        words = f"the last {FEWEST} starts took more than {slow_beyond(usual):.0f} s each"
        return _opened(storm, f"{words}, {usual:.1f} s is usual" if usual else words, now)
    return storm


def many(services: int) -> int:
    return max(FEWEST, math.ceil(services * SHARE))


def go_on(storm: Storm, ill: Mapping[str, float], services: int, candidates: Sequence[Candidate], now: float) -> Storm:
    """Open, and the pause or the trial is over: try one, or close it where there is nothing left to be tried.

    Undecided, a trial is one in vain: it had all the time that there was.
    """
    if storm.trial:
        return tried(storm, well=False, now=now)
    left = [since for since in ill.values() if since >= storm.since - WINDOW]
    if not candidates:
        return _closed(storm, "nothing is down any more", now)
    if storm.by_illness and len(left) < many(services):
        return _closed(storm, "most of what failed came back by itself", now)
    best = min(candidates, key=lambda each: (storm.tried.count(each.service), -each.dependents, each.service))
    return replace(storm, trial=best.service, until=now + LONGEST_PAUSE + best.grace)


def tried(storm: Storm, *, well: bool, now: float) -> Storm:
    """The trial is over."""
    if well:
        return _closed(storm, f"{storm.trial} is well again", now)
    pause = min(2 * storm.pause, LONGEST_PAUSE)
    return replace(storm, trial="", tried=(*storm.tried, storm.trial), pause=pause, until=now + pause)


def untried(storm: Storm, now: float) -> Storm:
    """The trial cannot be held any more, for reasons of people's: another one is."""
    return replace(storm, trial="", until=now)


def _opened(storm: Storm, why: str, now: float) -> Storm:
    again = now - storm.ended_at < CALM
    pause = min(2 * storm.pause, LONGEST_PAUSE) if again else FIRST_PAUSE
    return replace(storm, why=why, since=now, pause=pause, until=now + pause, tried=(), ended="")


def _closed(storm: Storm, words: str, now: float) -> Storm:
    return Storm(pause=storm.pause, ended=words, ended_at=now)


def _gist(words: str) -> str:
    """What the engine says last is what it found first; what names one container tells nothing of the others."""
    return _OF_ONE_CONTAINER.sub("...", words.rsplit(": ", 1)[-1]).strip()
