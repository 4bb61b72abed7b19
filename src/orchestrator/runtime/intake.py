"""Taking in what the sensors post: what is known of each service afterwards, and whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.core.compose import project_of
from orchestrator.core.gpus import RESOURCE
from orchestrator.core.inherit import inherit
from orchestrator.core.messages import Outcome
from orchestrator.core.model import ContainerSnapshot, ContainerState, Instant, ServiceState, Verdict
from orchestrator.core.persistence import from_document, to_document
from orchestrator.core.updating import QUIET
from orchestrator.ports import ContainerEngine, Document, Kept
from orchestrator.runtime import memory, narrator
from orchestrator.runtime.history import Histories
from orchestrator.runtime.host import take_in_gpus, take_in_resource
from orchestrator.runtime.inbox import (
    Asked,
    Ended,
    EngineLost,
    EngineReached,
    Examined,
    GpusRead,
    HistoryFound,
    Looked,
    Post,
    Probed,
    ProjectChanged,
    ResourceAsked,
    SignalSeen,
    StopSeen,
    Surveyed,
    Unlisted,
)
from orchestrator.runtime.incidents import IncidentLedger
from orchestrator.runtime.journal import Journal
from orchestrator.runtime.maintenance import MaintenanceWindows
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.resources import concerned
from orchestrator.runtime.surroundings import Surroundings
from orchestrator.runtime.updates import ProjectUpdates

_UP = (ContainerState.RUNNING, ContainerState.STOPPING)
_DOWN = (ContainerState.EXITED, ContainerState.RESTARTING, ContainerState.DEAD)


class Intake:
    """Part of the brain: plain functions, called within a turn. ``look`` asks for a look at one container, ``require``
    for those resources of the host that nobody required before."""

    def __init__(
        self,
        *,
        registry: ServiceRegistry,
        surroundings: Surroundings,
        engine: ContainerEngine,
        journal: Journal,
        look: Callable[[str], None],
        require: Callable[[], None],
        updates: ProjectUpdates,
        windows: MaintenanceWindows,
        incidents: IncidentLedger,
        histories: Histories,
    ) -> None:
        self._registry = registry
        self._surroundings = surroundings
        self._engine = engine
        self._journal = journal
        self._look = look
        self._require = require
        self._updates = updates
        self._windows = windows
        self._incidents = incidents
        self._histories = histories
        self._history: dict[str, Document] = {}
        self._warned: set[str] = set()

    def remember(self, kept: Kept, now: Instant) -> None:
        """History, for services to take up when they are first seen; and what is not over yet."""
        self._history.update(kept.services)
        self._histories.take_over(kept)
        self._incidents.take_over(kept, now)

    def set_aside(self, name: str, state: ServiceState, now: Instant) -> None:
        """The history of a service that is not listed any more, for when it is again."""
        self._history[name] = to_document(state, now)

    def lose_sight(self) -> None:
        """From now on nothing counts as seen until it is looked at again."""
        for record in self._registry.records():
            record.seen = record.watched = False

    def take_in(self, post: Post, now: Instant) -> Sequence[str]:  # noqa: PLR0912 - one case for each kind of post
        """Update what is known; the services that this concerns."""
        match post:
            case EngineReached(identity=identity):
                if self._surroundings.reached(identity, now):
                    narrator.engine_found(self._engine.endpoint, identity)
                return ()
            case EngineLost(error=error):
                if self._surroundings.lost(error, now):
                    narrator.engine_lost(error)
                self.lose_sight()
                self._forget_requests()
                return tuple(self._registry)
            case Surveyed():
                return self._surveyed(post, now)
            case Unlisted(service=service):
                self._registry.unlist(service)
                return ()
            case Looked():
                return self._looked(post, now)
            case Examined(service=service, examination=examination):
                examined = self._registry.get(service)
                if examined is not None:
                    examined.examination = examination
                return ()
            case Probed(service=service, result=result):
                probed = self._registry.get(service)
                if probed is not None:
                    probed.probe = result
                    probed.reached = probed.reached or result.verdict is Verdict.PASS
                return (service,)
            case GpusRead():
                return self._gpus_read(post, now)
            case ResourceAsked():
                return self._resource_asked(post, now)
            case StopSeen() | SignalSeen():
                return self._end_requested(post, now)
            case ProjectChanged(project=project):
                self._updates.changed(project, now)
                return ()
            case HistoryFound(kept=kept, outrun=outrun):
                self._histories.take_over(kept)
                self._incidents.take_over(kept, now)
                return self._inherit({**kept.services, **outrun}, now)
            case Ended(service=service, outcome=outcome):
                return self._acted(service, outcome, now)
            case Asked(service=service):
                return (service,)

    def _surveyed(self, post: Surveyed, now: Instant) -> Sequence[str]:
        survey = post.survey
        self._surroundings.cycles = survey.cycles
        self._windows.adopt(survey.windows)
        for name, sighting in survey.services.items():
            document = self._history.pop(name, None)
            record = self._registry.admit(sighting, None if document is None else from_document(document, now))
            if sighting.container is not None:
                record.project = project_of(sighting.container.labels)
        self._registry.relate()
        if self._registry.resources:
            self._require()
        found = [name for name, sighting in survey.services.items() if sighting.container is not None]
        if self._surroundings.discovered(found):
            narrator.discovered(found, survey.ignored)
        for warning in survey.warnings:
            self._warn_once(warning)
        for name, sighting in survey.services.items():
            for problem in sighting.problems:
                self._warn_once(f"{name}: {problem}")
        return tuple(survey.services)

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            narrator.warned(text)

    def _looked(self, post: Looked, now: Instant) -> Sequence[str]:
        record = self._registry.get(post.service)
        if record is None or post.begun < record.looked_at:
            return ()
        before = record.container
        regained = record.looked(post.container, post.begun)
        if post.container is None:
            record.gone_since = now.moment if record.gone_since is None else record.gone_since
        else:
            record.gone_since = None
            record.project = project_of(post.container.labels)
            self._notice_stop(record, before, post.container, now)
        return self._after_look(post.service, regained=regained)

    def _notice_stop(
        self, record: Record, before: ContainerSnapshot | None, seen: ContainerSnapshot, now: Instant
    ) -> None:
        """Podman does not always tell of a stop, but shows it while it lasts; one that was told of ends; and who came
        in the middle of one was not told of it."""
        if seen.state is ContainerState.STOPPING and seen.started_at is not None:
            record.stop_seen = (seen.container_id, seen.started_at)
        went_down = before is not None and before.state in _UP and seen.state in _DOWN
        asked = record.being_ended and (went_down or seen.state is ContainerState.STOPPING)
        just_missed = before is None and seen.finished_at is not None and now.wall - seen.finished_at < QUIET
        unheard = went_down and not record.unwatched and now.moment - record.watched_since < QUIET
        missed = (just_missed or unheard) and record.ended_politely
        if asked or missed or (went_down and record.may_have_been_stopped):
            self._updates.stopped(record, now)

    def _end_requested(self, post: StopSeen | SignalSeen, now: Instant) -> Sequence[str]:
        for name, record in self._registry.items():
            if record.container is not None and record.container.container_id == post.container_id:
                if isinstance(post, StopSeen):
                    record.stop_seen = (post.container_id, post.at)
                else:
                    record.signal_seen = (post.container_id, post.at)
                if record.being_ended:
                    self._updates.stopped(record, now)
                return (name,)
        return ()

    def _gpus_read(self, post: GpusRead, now: Instant) -> Sequence[str]:
        waiting = memory.concerned(self._registry)
        self._registry.host.gpus_at = post.begun
        if take_in_gpus(self._registry.host, post.reading, self._journal, now):
            return (*self._registry.dependents_of(RESOURCE), *waiting)
        return waiting

    def _resource_asked(self, post: ResourceAsked, now: Instant) -> Sequence[str]:
        if post.name not in self._registry.resources:
            return ()
        if take_in_resource(self._registry.host, post, self._journal, now):
            return self._registry.dependents_of(post.name)
        return concerned(post.name, self._registry)

    def _forget_requests(self) -> None:
        """An engine that ends politely tells of a stop of every container, as if a person had asked for it."""
        for record in self._registry.records():
            record.stop_seen = record.signal_seen = None

    def _acted(self, service: str, outcome: Outcome, now: Instant) -> Sequence[str]:
        """The look after an action is the newest; without one nothing is known until somebody looks."""
        record = self._registry.get(service)
        if record is None:
            return (service,)
        if outcome.container is None or outcome.looked_at is None:
            record.seen = False
            record.looked_at = now.moment  # what a look begun before now shows may be older than the action
            if record.container is not None:
                self._look(record.container.container_id)
        elif outcome.looked_at >= record.looked_at:
            return self._after_look(service, regained=record.looked(outcome.container, outcome.looked_at))
        return (service,)

    def _after_look(self, service: str, *, regained: bool) -> Sequence[str]:
        """Those who depend on what was not known may have waited for just that."""
        return (service, *(self._registry.dependents_of(service) if regained else ()))

    def _inherit(self, documents: Mapping[str, Document], now: Instant) -> Sequence[str]:
        """History found late: services that were judged without it get what still counts, others when first seen."""
        for name, document in documents.items():
            record = self._registry.get(name)
            if record is None:
                self._history[name] = document
                continue
            record.state = inherit(record.state, from_document(document, now))
            self._journal.remember(name, to_document(record.state, now))
        return tuple(documents)
