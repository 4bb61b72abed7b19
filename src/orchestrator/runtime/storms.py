"""The breaker at work: what it is told of, whom it holds, and how people hear of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from orchestrator.core import graph, policy, storm
from orchestrator.core.messages import Action, Event, Message, Outcome, Result
from orchestrator.core.model import ActionKind, Instant, RunningCheck, ServiceSpec, Status
from orchestrator.ports import Clock, EventRecord
from orchestrator.runtime.circumstances import facts_of
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.registry import Record, ServiceRegistry
from orchestrator.runtime.views import ServiceView

_SUBJECT: Final = "restarts"
_WELL: Final = (Message.RESTART_COMPLETED, Message.RECOVERED, Message.HEALTHY)
_IN_VAIN: Final = (Message.RESTART_FAILED, Message.MAX_FAILURES)
_PREVENTED: Final = (Message.DISABLED, Message.MANUAL_STOP, Message.NOT_FOUND)


class Storms(Observer):
    """Told by the brain within its turns. ``usual``: see :attr:`Admission.usual`; ``ask`` has a service's health asked
    for at once, ``examine`` has one container looked at closely, ``tell`` tells what is no service's: subject, message,
    cause."""

    def __init__(
        self,
        registry: ServiceRegistry,
        clock: Clock,
        *,
        usual: Callable[[], float],
        ask: Callable[[str], None],
        examine: Callable[[str], None],
        tell: Callable[[str, str, str, Instant], None],
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._usual = usual
        self._ask = ask
        self._examine = examine
        self._tell = tell
        self._storm = storm.Storm()
        self._failing: dict[str, float] = {}
        """Since when each service that is not well has not been."""
        self._begun: dict[str, tuple[float, float]] = {}
        """Of each action: when, and what of its time is no fault of the engine's."""
        self._told_of = False
        """People know that restarts are paused."""

    @property
    def words(self) -> str:
        """Why nothing is restarted by itself; empty: nothing is paused."""
        return self._storm.words

    @property
    def why(self) -> str:
        """The same without saying so, and without who is tried."""
        return self._storm.why

    @property
    def wake_at(self) -> float:
        return self._storm.until

    # --- told ------------------------------------------------------------------------------------------------

    def changed(self, view: ServiceView) -> None:
        if view.status is Status.UNHEALTHY:
            if view.name not in self._failing:
                self._failing[view.name] = self._clock.now().moment
                self._have_examined(view.name)
        elif view.status is not Status.STARTING:
            self._failing.pop(view.name, None)

    def _have_examined(self, name: str) -> None:
        """A check also fails because its container has just died, and nobody has heard of that yet."""
        record = self._registry.get(name)
        if record is not None and record.container is not None:
            self._examine(record.container.container_id)

    def gone(self, name: str) -> None:
        self._failing.pop(name, None)
        if name == self._storm.trial:
            self._storm = storm.untried(self._storm, self._clock.now().moment)

    def told(self, record: EventRecord, event: Event, view: ServiceView) -> None:
        if not self._storm.trial or event.service != self._storm.trial:
            return
        if event.message in _WELL:
            self._storm = storm.tried(self._storm, well=True, now=event.at.moment)
        elif event.message in _IN_VAIN:
            self._storm = storm.tried(self._storm, well=False, now=event.at.moment)
        elif event.message in _PREVENTED:
            self._storm = storm.untried(self._storm, event.at.moment)

    def ordered(self, action: Action, spec: ServiceSpec) -> None:
        if spec.lane is None:
            patience = 0.0 if action.kind is ActionKind.START else action.stop_timeout
            self._begun[action.action_id] = self._clock.now().moment, patience

    def ended(self, service: str, outcome: Outcome) -> None:
        begun = self._begun.pop(outcome.action_id, None)
        if begun is None:
            return
        moment, patience = begun
        refused = outcome.result is Result.FAILED and outcome.container is not None  # else there is nothing to act on
        took = self._clock.now().moment - moment - patience
        self._storm = storm.acted(
            self._storm,
            service,
            refusal=outcome.detail if refused else "",
            took=took,
            usual=self._usual(),
            now=self._clock.now().moment,
        )

    # --- at the end of each turn -------------------------------------------------------------------------------

    def weigh(self, now: Instant) -> Sequence[str]:
        """Open, go on or close; the services that have to be decided anew because of it."""
        if self._storm.why and now.moment >= self._storm.until:
            self._go_on(now)
        if self._told_of and not self._storm.why:
            self._told_of = False
            self._tell(_SUBJECT, "Restarts resumed", self._storm.ended, now)
            return self._hold()
        if not self._told_of:
            self._watch(now)
            if not self._storm.why:
                return ()
            self._told_of = True
            self._tell(_SUBJECT, "Restarts paused", self._storm.why, now)
        return self._hold()

    def _watch(self, now: Instant) -> None:
        recent = [since for since in self._failing.values() if since >= now.moment - storm.WINDOW]
        ill = self._causes() if len(recent) >= storm.FEWEST else {}
        self._storm = storm.watch(self._storm, ill, len(self._registry), self._usual(), now.moment)

    def _go_on(self, now: Instant) -> None:
        candidates = tuple(self._candidates())
        self._storm = storm.go_on(self._storm, self._causes(), len(self._registry), candidates, now.moment)
        if self._storm.trial:
            self._ask(self._storm.trial)

    def _hold(self) -> list[str]:
        """All but the one that is tried; those for whom this is new."""
        concerned = []
        for name, record in self._registry.items():
            words = "" if name == self._storm.trial else self._storm.words
            if record.holds.get("storm", "") == words:
                continue
            concerned.append(name)
            if words:
                record.holds["storm"] = words
            else:
                del record.holds["storm"]
        return concerned

    # --- the level ---------------------------------------------------------------------------------------------

    def _causes(self) -> dict[str, storm.Illness]:
        """What is ill, or is behind the ill health of others, with the moment since when. Who has not been examined
        since it fell ill is left out, because it may be dead; so is whose dependencies have not been asked since,
        because one of them may be the cause, and who has not failed by itself since one of them came back. One that
        cannot be asked at all is taken for it."""
        causes: dict[str, float] = {}
        for name, since in self._failing.items():
            record = self._registry.get(name)
            if record is None or _examined(record, since) is None or self._may_come_back(record):
                continue
            facts = facts_of(record, self._registry)
            if not facts.roots and facts.dependencies_asked < since:
                continue
            for cause in facts.roots or self._unaskable(record) or (name,):
                causes[cause] = min(causes.get(cause, since), since)
        return {name: self._illness(name, since) for name, since in causes.items()}

    def _illness(self, name: str, since: float) -> storm.Illness:
        record = self._registry.get(name)
        return storm.Illness(since, None if record is None else _examined(record, since))

    def _may_come_back(self, record: Record) -> bool:
        """Whether its time to follow a dependency is not over, or its newest answer is to a question from before."""
        if record.state.grace_ends is not None:
            return True
        probe, required = record.probe, [self._registry.get(name) for name in record.spec.requires]
        well_since = max((each.state.healthy_since or 0.0 for each in required if each is not None), default=0.0)
        return probe is not None and probe.checked.moment - (probe.latency or 0.0) < well_since

    def _unaskable(self, record: Record) -> tuple[str, ...]:
        """The hard dependencies of which nothing is known but that they run."""
        known = [(name, self._registry.get(name)) for name in record.spec.requires]
        return tuple(
            name
            for name, other in known
            if other is not None
            and other.container is not None
            and isinstance(policy.effective_check(other.spec, other.container), RunningCheck)
        )

    def _candidates(self) -> Iterator[storm.Candidate]:
        requires = {name: record.spec.requires for name, record in self._registry.items()}
        for name, record in self._registry.items():
            if self._would_be_acted_on(record):
                yield storm.Candidate(name, record.spec.grace, len(graph.dependents(name, requires)))

    def _would_be_acted_on(self, record: Record) -> bool:
        state, facts = record.state, facts_of(record, self._registry)
        ill = state.status is Status.UNHEALTHY or (state.status is Status.STOPPED and not state.completed)
        wanted_up = state.enabled and state.stopped_by is None and state.hold is None
        touchable = record.spec.observe_only is None and record.seen and set(record.holds) <= {"storm"}
        return ill and wanted_up and touchable and not facts.unmet


def _examined(record: Record, since: float) -> storm.Examination | None:
    found = record.examination
    return found if found is not None and found.begun >= since else None
