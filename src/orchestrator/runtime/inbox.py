"""What reaches the brain, and the one bounded place where it waits.

Sensors post levels: a newer one replaces the older of the same kind and service, so that the inbox never holds
more than a few entries for each service, however fast the world changes. Outcomes are never replaced; there is at
most one for each service. Only commands could pile up, and are refused when too many wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from orchestrator.core.ending import Ending
from orchestrator.core.gpus import GpuReading
from orchestrator.core.messages import Command, Outcome, Reply
from orchestrator.core.model import ContainerSnapshot, ProbeResult
from orchestrator.core.resources import ResourceReading
from orchestrator.core.sighting import Survey
from orchestrator.core.storm import Examination
from orchestrator.errors import EngineUnavailable
from orchestrator.ports import Document, EngineIdentity, Kept
from orchestrator.runtime.requests import Requester

MOST_WAITING_COMMANDS: Final = 64


@dataclass(frozen=True, slots=True)
class EngineReached:
    identity: EngineIdentity


@dataclass(frozen=True, slots=True)
class EngineLost:
    error: EngineUnavailable


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A whole list was read."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Another configuration does not know the service any more."""

    service: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One container was inspected; ``None``: the service has none."""

    service: str
    container: ContainerSnapshot | None
    begun: float
    """The moment at which the look began: of two, the one that began later is true."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A closer look was taken at one container that is ill."""

    service: str
    examination: Examination


@dataclass(frozen=True, slots=True)
class Probed:
    service: str
    result: ProbeResult


@dataclass(frozen=True, slots=True)
class StopSeen:
    """An event says that somebody asked the engine to stop this container."""

    container_id: str
    at: float


@dataclass(frozen=True, slots=True)
class GpusRead:
    """The driver was asked."""

    reading: GpuReading
    begun: float
    """The moment at which it was: what happened later may be missing in it."""


@dataclass(frozen=True, slots=True)
class ResourceAsked:
    """One that services require of the host was asked for."""

    name: str
    reading: ResourceReading
    begun: float
    """The moment at which it was."""


@dataclass(frozen=True, slots=True)
class SignalSeen:
    """An event says that somebody had the engine send this container a signal that asks it to end."""

    container_id: str
    at: float


@dataclass(frozen=True, slots=True)
class ProjectChanged:
    """A container of this compose project was made, removed or renamed."""

    project: str


@dataclass(frozen=True, slots=True)
class Ended:
    service: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Asked:
    service: str
    command: Command
    reply: asyncio.Future[Reply]
    ending: asyncio.Future[Ending] | None = None
    """For whoever waits until it is carried out."""
    requester: Requester | None = None


@dataclass(frozen=True, slots=True)
class HistoryFound:
    """The store could be opened at last."""

    kept: Kept
    """Of the services that memory has told nothing of."""
    outrun: Mapping[str, Document]
    """What it had of the services that memory did tell of."""


Seen = EngineReached | EngineLost | Surveyed | Looked | Examined | Probed | StopSeen | SignalSeen | ProjectChanged
Post = Seen | Unlisted | GpusRead | ResourceAsked | Ended | Asked | HistoryFound


class InboxFull(Exception):
    """Too many commands wait; the caller is told to come back."""


@dataclass(slots=True)
class Inbox:
    """Ordered by arrival; single-threaded like everything around it."""

    _posts: dict[object, Post] = field(default_factory=dict)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _commands: int = 0

    def post(self, post: Post) -> None:
        if isinstance(post, Asked):
            if self._commands >= MOST_WAITING_COMMANDS:
                raise InboxFull
            self._commands += 1
        key = _key(post)
        if isinstance(post, Surveyed):  # keeps the older one's place: looks that wait may be at what both list, and
            for service in post.survey.services:  # mean nothing before
                self._posts.pop(("unlisted", service), None)
        else:
            self._posts.pop(key, None)
        self._posts[key] = post
        self._ready.set()

    def drain(self) -> list[Post]:
        posts = list(self._posts.values())
        self._posts.clear()
        self._commands = 0
        self._ready.clear()
        return posts

    async def wait(self, timeout: float | None) -> None:
        """Until something was posted, or ``timeout`` seconds passed."""
        if self._posts:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            return

    def __len__(self) -> int:
        return len(self._posts)


def _key(post: Post) -> object:  # noqa: PLR0912 - one case for each kind of post
    match post:
        case EngineReached() | EngineLost():
            return "engine"
        case Surveyed():
            return "survey"
        case Unlisted(service=service):
            return "unlisted", service
        case Looked(service=service):
            return "look", service
        case Examined(service=service):
            return "examination", service
        case Probed(service=service):
            return "probe", service
        case StopSeen(container_id=container_id):
            return "stop", container_id
        case GpusRead():
            return "gpus"
        case ResourceAsked(name=name):
            return "resource", name
        case SignalSeen(container_id=container_id):
            return "signal", container_id
        case ProjectChanged(project=project):
            return "project", project
        case Ended(outcome=outcome):
            return "outcome", outcome.action_id
        case HistoryFound():
            return "history"
        case Asked():
            return id(post)
