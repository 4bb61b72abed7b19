"""The breaker: whether anything is restarted by itself, while what is wrong looks like the host's or the engine's.

Closed, it watches. It opens when many services that have nothing to do with each other fall ill within seconds, or when
action after action fails with the same words, or is slow beyond anything usual. Deaths do not open it: a hundred killed
containers are a hundred to start. Nor does what explains itself: a hundred frozen processes are a hundred to restart.
Open, nothing is restarted by itself; when the pause is over, one service is tried. If that one is well again, it
closes; if not, the next pause is twice as long. Where the engine tells of all who fell ill as promptly as ever, the
host has nothing to recover from: then one is tried at once.
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

PROMPT: Final = 1.0
"""Seconds within which an engine tells of a container, eight at a time, unless it or its host is in trouble: hundredths
are usual."""

IN_A_ROW: Final = 60.0
"""Seconds within which actions are called one after another: what has failed for long is tried less and less often."""

CALM: Final = 600.0
"""Seconds after a storm within which another one is the same, and pauses longer; and for which a trial that helped is
proof enough, as long as the engine is prompt."""

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
class Examination:
    """A closer look at a container."""

    begun: float
    told_in: float
    """Seconds that the engine took to tell of it."""
    frozen: bool
    """All its processes are stopped (state T): that is its own doing, and a restart ends it."""


@dataclass(frozen=True, slots=True)
class Illness:
    """One cause of ill health. ``examination``: the newest one since it began."""

    since: float
    examination: Examination | None = None


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
    helped_at: float = -math.inf
    """When it closed because the one that was tried was well again."""
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


def watch(storm: Storm, ill: Mapping[str, Illness], services: int, usual: float, now: float) -> Storm:
    """Closed: open it, if it has to be. ``ill``: each cause of ill health; what waits for another service is no cause,
    that one is. ``services``: how many there are."""
    recent = _unexplained(ill, now - WINDOW)
    prompt = all(each.examination is not None and each.examination.told_in <= PROMPT for each in recent)
    helps = prompt and now - storm.helped_at < CALM
    if len(recent) >= many(services) and not helps:
        span = max(now - min(each.since for each in recent), 1.0)
        why = f"{len(recent)} unrelated services failed within {span:.0f} s"
        return replace(_opened(storm, why, now, at_once=prompt), by_illness=True)
    if len(storm.refused) >= FEWEST:
        return _opened(storm, f"the last {FEWEST} starts failed with the same words: {storm.refused[-1].words}", now)
    if len(storm.slow) >= FEWEST:
        words = f"the last {FEWEST} starts took more than {slow_beyond(usual):.0f} s each"
        return _opened(storm, f"{words}, {usual:.1f} s is usual" if usual else words, now)
    return storm


def many(services: int) -> int:
    return max(FEWEST, math.ceil(services * SHARE))


def go_on(
    storm: Storm, ill: Mapping[str, Illness], services: int, candidates: Sequence[Candidate], now: float
) -> Storm:
    """Open, and the pause or the trial is over: try one, or close it where there is nothing left to be tried.

    Undecided, a trial is one in vain: it had all the time that there was.
    """
    if storm.trial:
        return tried(storm, well=False, now=now)
    if not candidates:
        return _closed(storm, "nothing is down any more", now)
    if storm.by_illness and len(_unexplained(ill, storm.since - WINDOW)) < many(services):
        return _closed(storm, "most of what failed came back by itself", now)
    best = min(candidates, key=lambda each: (storm.tried.count(each.service), -each.dependents, each.service))
    return replace(storm, trial=best.service, until=now + LONGEST_PAUSE + best.grace)


def tried(storm: Storm, *, well: bool, now: float) -> Storm:
    """The trial is over."""
    if well:
        return replace(_closed(storm, f"{storm.trial} is well again", now), helped_at=now)
    pause = _longer(storm.pause)
    return replace(storm, trial="", tried=(*storm.tried, storm.trial), pause=pause, until=now + pause)


def untried(storm: Storm, now: float) -> Storm:
    """The trial cannot be held any more, for reasons of people's: another one is."""
    return replace(storm, trial="", until=now)


def _unexplained(ill: Mapping[str, Illness], since: float) -> list[Illness]:
    recent = (each for each in ill.values() if each.since >= since)
    return [each for each in recent if each.examination is None or not each.examination.frozen]


def _opened(storm: Storm, why: str, now: float, *, at_once: bool = False) -> Storm:
    """``at_once``: the host has nothing to recover from."""
    pause = _longer(storm.pause) if now - storm.ended_at < CALM else 0.0 if at_once else FIRST_PAUSE
    return replace(storm, why=why, since=now, pause=pause, until=now + pause, tried=(), ended="")


def _longer(pause: float) -> float:
    return min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)


def _closed(storm: Storm, words: str, now: float) -> Storm:
    return Storm(pause=storm.pause, ended=words, ended_at=now)


def _gist(words: str) -> str:
    """What the engine says last is what it found first; what names one container tells nothing of the others."""
    return _OF_ONE_CONTAINER.sub("...", words.rsplit(": ", 1)[-1]).strip()
