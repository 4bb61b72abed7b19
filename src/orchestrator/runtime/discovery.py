"""The sensor that finds containers: one list after every (re)connect and on every interval, one look for every
container that the list or an event contradicts. Events only say where to look; a lost one costs latency.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from orchestrator.core.compose import project_of
from orchestrator.core.freshness import agrees, summary_of
from orchestrator.core.model import ContainerSnapshot, ContainerSummary
from orchestrator.core.sighting import Changes, Survey, differences
from orchestrator.core.storm import Examination
from orchestrator.core.updating import QUIET
from orchestrator.errors import ContainerNotFound, EngineAway, EngineError, EngineUnavailable
from orchestrator.ports import Clock, ContainerEngine, EngineEvent, Surveyor
from orchestrator.runtime.examination import frozen
from orchestrator.runtime.inbox import (
    EngineLost,
    EngineReached,
    Examined,
    Looked,
    Post,
    ProjectChanged,
    SignalSeen,
    StopSeen,
    Surveyed,
    Unlisted,
)

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0
_LOOKERS: Final = 8
"""Inspects under way at once: enough to hide their latency, too few to crowd out anyone else's calls."""
_RELIST_SOON: Final = 0.02
"""Seconds to gather events that each ask for a list."""

_NEW_FACES: Final = ("create", "start", "rename", "unpause")
"""Events after which a container nobody knows may be worth knowing."""


class ContainerDiscoveryService:
    """Posts what is called ``Seen`` in :mod:`orchestrator.runtime.inbox`, but for answers of health checks.

    ``interval`` is the pause between two lists in seconds, the bound on how long a lost event can matter.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        surveyor: Surveyor,
        clock: Clock,
        post: Callable[[Post], None],
        *,
        interval: float = 30.0,
        chance: random.Random | None = None,
    ) -> None:
        self._engine = engine
        self._surveyor = surveyor
        self._clock = clock
        self._post = post
        self._interval = interval
        self._chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._summaries: dict[str, ContainerSummary] = {}
        self._known: dict[str, ContainerSnapshot] = {}
        self._services: dict[str, str] = {}
        self._used: set[str] = set()
        """Containers, services or not, that others use something of."""
        self._survey: Survey | None = None
        self._connected = False
        """A list was read in this session: what is not in it is not there."""
        self._wanted: dict[str, None] = {}
        self._looking: set[str] = set()
        self._closely: set[str] = set()
        """Those among the wanted whose processes are looked at too."""
        self._want = asyncio.Event()
        self._list_wanted = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled: connect, follow, and when the engine is lost, say so once and come back."""
        pause = _FIRST_PAUSE
        while True:
            begun = self._clock.now().moment
            try:
                self._post(EngineReached(await self._engine.identify()))
                await self._session()
            except EngineUnavailable as error:
                self._post(EngineLost(error))
            if self._clock.now().moment - begun > self._interval:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause * self._chance.uniform(0.75, 1.25))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def look(self, container_id: str) -> None:
        """Ask for a look at one container soon: somebody's knowledge of it ended."""
        self._wanted[container_id] = None
        self._want.set()

    def examine(self, container_id: str) -> None:
        """Ask for a closer look: it does not do what it should."""
        self._closely.add(container_id)
        self.look(container_id)

    @property
    def surveyor(self) -> Surveyor:
        """The one in force."""
        return self._surveyor

    def adopt(self, surveyor: Surveyor, interval: float) -> Changes:
        """Another configuration, from now on: the containers known are surveyed by it at once. What it does not list
        any more is posted as :class:`Unlisted`."""
        containers = tuple(self._summaries.values())
        before, after = self._surveyor.survey(containers), surveyor.survey(containers)
        self._surveyor, self._interval = surveyor, interval
        changes = differences(before, after)
        for name in changes.removed:
            self._post(Unlisted(name))
        if self._connected:
            self._take_survey()
            self._list_wanted.set()
        else:
            self._survey = after
            self._post(Surveyed(after))
        return changes

    # --- one connection -----------------------------------------------------------------------------------

    async def _session(self) -> None:
        self._looking.clear()
        self._known.clear()
        self._connected = False
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow())
                group.create_task(self._list_again())
                for _ in range(_LOOKERS):
                    group.create_task(self._look_on_demand())
        except BaseExceptionGroup as group_of_errors:
            lost, defects = group_of_errors.split(EngineUnavailable)
            if defects is not None or lost is None:
                raise
            raise _first(lost) from None
        finally:
            self._connected = False

    async def _follow(self) -> None:
        async with aclosing(self._engine.events()) as events:  # type: ignore[type-var]
            async for event in events:
                self._hear(event)
        raise EngineAway(self._engine.endpoint, "the event stream ended", "Reconnecting by itself.")

    def _hear(self, event: EngineEvent) -> None:
        if event.action == "connected":
            self._list_wanted.set()
            return
        if event.action == "stop":
            self._post(StopSeen(event.container_id, event.at))
        elif event.action == "kill":
            self._post(SignalSeen(event.container_id, event.at))
        known = event.container_id in self._services or event.container_id in self._used
        if known or event.action in _NEW_FACES:
            self.look(event.container_id)
        elif event.action == "destroy" and event.container_id in self._summaries:
            self._list_wanted.set()

    async def _list_again(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._interval):
                    await self._list_wanted.wait()
            except TimeoutError:
                pass
            self._list_wanted.clear()
            rows = await self._engine.containers()
            before, self._summaries = self._summaries, {row.container_id: self._completed(row) for row in rows}
            self._known = {key: known for key, known in self._known.items() if key in self._summaries}
            self._tell_of_projects(before)
            self._connected = True
            self._take_survey()
            self._compare()
            await asyncio.sleep(_RELIST_SOON)

    def _completed(self, row: ContainerSummary) -> ContainerSummary:
        """A list tells little of a container's ties, Podman's nothing; a look does, and they cannot change."""
        known = self._known.get(row.container_id)
        if known is None:
            return row
        return replace(row, network_mode=known.network_mode, ties=known.ties)

    def _tell_of_projects(self, before: Mapping[str, ContainerSummary]) -> None:
        """Where nothing was known before, it is news only what was made a moment ago."""
        wall = self._clock.now().wall
        for container_id in before.keys() | self._summaries.keys():
            row = self._summaries.get(container_id)
            if before or (row is not None and wall - row.created_at < QUIET):
                self._tell_of_project(before.get(container_id), row)

    def _tell_of_project(self, before: ContainerSummary | None, after: ContainerSummary | None) -> None:
        """What came, went or was renamed since we looked last is part of what somebody does to its project."""
        either = after or before
        same = before is not None and after is not None and before.name == after.name
        project = None if either is None or same else project_of(either.labels)
        if project is not None:
            self._post(ProjectChanged(project))

    def _compare(self) -> None:
        wall = self._clock.now().wall
        for container_id in self._services:
            if not agrees(self._summaries[container_id], self._known.get(container_id), wall):
                self.look(container_id)

    def _take_survey(self) -> None:
        survey = self._surveyor.survey(tuple(self._summaries.values()))
        before = dict(self._services)
        self._survey = survey
        self._used = {tie.container for row in self._summaries.values() for tie in row.ties}
        self._services = {
            sighting.container.container_id: name
            for name, sighting in survey.services.items()
            if sighting.container is not None
        }
        self._post(Surveyed(survey))
        for name, sighting in survey.services.items():
            if sighting.container is None:
                self._post(Looked(name, None, self._clock.now().moment))
        for container_id, name in self._services.items():
            if before.get(container_id) != name:
                self.look(container_id)
        for name in set(before.values()) - set(survey.services):
            self._post(Looked(name, None, self._clock.now().moment))

    # --- looks --------------------------------------------------------------------------------------------

    async def _look_on_demand(self) -> None:
        while True:
            container_id = self._next_wanted()
            if container_id is None:
                self._want.clear()
                await self._want.wait()
                continue
            self._looking.add(container_id)
            closely = container_id in self._closely
            self._closely.discard(container_id)
            begun = self._clock.now().moment
            try:
                self._seen(await self._engine.inspect(container_id), begun)
                if closely:
                    await self._examine(container_id, begun)
            except ContainerNotFound:
                self._gone(container_id)
            except EngineUnavailable:
                raise
            except EngineError:
                self._list_wanted.set()
            finally:
                self._looking.discard(container_id)
                if self._wanted:
                    self._want.set()

    async def _examine(self, container_id: str, begun: float) -> None:
        """What has just been seen."""
        told_in = self._clock.now().moment - begun
        is_frozen = await frozen(self._engine, container_id)
        if container_id in self._services:
            self._post(Examined(self._services[container_id], Examination(begun, told_in, is_frozen)))

    def _next_wanted(self) -> str | None:
        """The oldest wish whose container is not being looked at: two looks could come back in the wrong order."""
        for container_id in self._wanted:
            if container_id not in self._looking:
                del self._wanted[container_id]
                return container_id
        return None

    def _seen(self, snapshot: ContainerSnapshot, begun: float) -> None:
        container_id = snapshot.container_id
        row = self._summaries.get(container_id)
        seen = self._summaries[container_id] = summary_of(snapshot)
        self._known[container_id] = snapshot
        if self._connected or row is not None:
            self._tell_of_project(row, seen)
        if row is None or self._identity_changed(row, snapshot):
            self._take_survey()
            self._wanted.pop(container_id, None)
        name = self._services.get(container_id)
        if name is None:
            self._known.pop(container_id, None)
            return
        self._post(Looked(name, snapshot, begun))

    def _identity_changed(self, row: ContainerSummary, snapshot: ContainerSnapshot) -> bool:
        """Whether another service, or another container for one, may follow from this look."""
        crowded = self._survey is None or bool(self._survey.warnings)
        matters = crowded or snapshot.container_id in self._used
        return row.name != snapshot.name or row.ties != snapshot.ties or (matters and row.state is not snapshot.state)

    def _gone(self, container_id: str) -> None:
        self._known.pop(container_id, None)
        row = self._summaries.pop(container_id, None)
        if row is not None:
            self._tell_of_project(row, None)
            self._take_survey()


def _first(group: BaseExceptionGroup[EngineUnavailable]) -> EngineUnavailable:
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("an exception group is never empty")
