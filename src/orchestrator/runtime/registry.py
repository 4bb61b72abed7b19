"""All that is known of every service, in memory; the brain alone writes it, everybody reads views of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from orchestrator.core import lanes, policy
from orchestrator.core.messages import UNSEEN, Finding, NoEvidence
from orchestrator.core.model import (
    ActionKind,
    Category,
    ContainerSnapshot,
    ContainerState,
    ContainerSummary,
    Instant,
    ProbeResult,
    Run,
    ServiceSpec,
    ServiceState,
    Status,
)
from orchestrator.core.reach import in_network_of, network_owner
from orchestrator.core.resources import is_resource
from orchestrator.core.shutdown import UP
from orchestrator.core.sighting import Loss, Origin, Sighting
from orchestrator.core.storm import Examination
from orchestrator.runtime.host import Host
from orchestrator.runtime.views import HealthView, ServiceView, local_time

SHORT_ID: Final = 12
_DOWN: Final = (Status.UNHEALTHY, Status.STOPPED, Status.NOT_FOUND)

HoldSource = Literal["maintenance", "update", "storm", "memory"]


@dataclass(slots=True)
class Record:
    """One service: what is configured, what was seen last, what is remembered."""

    spec: ServiceSpec
    state: ServiceState = field(default_factory=ServiceState)
    configured: bool = False
    problems: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each setting was written, by its key."""
    container: ContainerSnapshot | None = None
    """As last seen."""
    seen: bool = False
    """Whether ``container`` is evidence still: not after the engine was lost, not before the first look."""
    sight_lost_at: float | None = None
    """The moment at which it ceased to be; ``None``: it is evidence, or nobody has looked since we began."""
    looked_at: float = float("-inf")
    """The moment at which the look that showed it began."""
    probe: ProbeResult | None = None
    reached: bool = False
    """Some check has passed since we began: there is a way from here to it."""
    project: str | None = None
    """The compose project of its container, or of the last one it had."""
    watched: bool = False
    """It was looked at since we began, or the engine is back."""
    watched_since: float = 0.0
    """Moment; what happened before it was told to nobody."""
    missed: Run | None = None
    """The run that had ended when it was looked at again."""
    stop_seen: tuple[str, float] | None = None
    """Container and engine time of the newest stop that an event told of."""
    signal_seen: tuple[str, float] | None = None
    """The same of the newest signal by the engine that asks a process to end."""
    our_stop: Run | None = None
    """The run that an action of ours ended or was to end: a stop of it is no person's."""
    lost: Mapping[str, Loss] = field(default_factory=dict)
    parent: str = ""
    leftover: ContainerSummary | None = None
    examination: Examination | None = None
    """The newest closer look at its container."""
    unmet: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Its soft dependencies that are not running."""
    holds: dict[HoldSource, str] = field(default_factory=dict)
    """Why nothing is done for it by itself, in words, by who says so: what becomes ``Facts.held``."""
    ahead: int | None = None
    """How many are acted on before it; ``None``: it does not wait for its turn."""
    trouble_since: float | None = None
    """The moment since which it is down or ill; of those alone that need GPU memory."""
    short_since: float | None = None
    """The moment since which it waits for GPU memory."""
    make_room: str = ""
    remark: str = ""
    """What of GPU memory its next decision has to know: see ``Facts``."""
    wake_at: float | None = None
    finding: Finding | None = None
    """What the evidence of its last failure came to, until that is taken into a decision."""
    quarantine: str = ""
    """Why no decision could be taken for it: a defect of ours, contained to this service."""
    gone_since: float | None = None
    """The moment since which no container is it."""
    unlisted: bool = False
    """The configuration does not know it any more: it leaves as soon as no action on it is in flight."""
    bearing: tuple[object, ...] = ()
    """What others may count on, as of its last decision: they are decided when it changes."""
    shown: tuple[object, ...] = ()
    """The appearance that observers were told of last."""

    @property
    def appearance(self) -> tuple[object, ...]:
        """Everything that people see of it, without the figures that move all the time: ages, latencies."""
        state, container, probe = self.state, self.container, self.probe
        return (
            self.spec,
            (state.status, state.reason, state.disabled_by, state.stopped_by, state.completed, state.hold),
            (state.failure_count, state.strikes, state.restart_count, state.retry_at),
            None if container is None else (container.run, container.state, container.name, container.image),
            self.seen,
            None if probe is None else (probe.run, probe.verdict, probe.method, probe.detail),
            (self.unmet, self.missing, tuple(self.holds.values())),
            self.problems,
            self.quarantine,
        )

    @property
    def keeps_lane(self) -> bool:
        return self.spec.lane is not None and lanes.keeps(self.state)

    @property
    def in_maintenance(self) -> bool:
        """Whether people know that it may be down: an outage is no news then."""
        return self.state.hold is not None or "maintenance" in self.holds

    @property
    def evidence(self) -> ContainerSnapshot | NoEvidence | None:
        return self.container if self.seen else UNSEEN

    def looked(self, container: ContainerSnapshot | None, begun: float) -> bool:
        """Take in what a look that began at that moment showed; whether it ended a time without sight."""
        regained, self.watched = not self.watched, True
        self.seen, self.looked_at, self.container, self.sight_lost_at = True, begun, container, None
        if regained:
            self.watched_since = begun
            down = container is not None and container.state not in UP
            self.missed = container.run if down and container is not None else None
        return regained

    def lose_sight(self, now: Instant) -> None:
        """From now on what is known of it is what was seen last."""
        if self.seen:
            self.sight_lost_at = now.moment
        self.seen = self.watched = False

    @property
    def unwatched(self) -> bool:
        """Whether its last run ended while nobody looked."""
        return self.container is not None and self.missed is not None and self.container.run == self.missed

    @property
    def up(self) -> bool:
        """Whether it still needs what it requires; a stop is over when its end was told."""
        attempt = self.state.attempt
        being_stopped = attempt is not None and attempt.in_flight and attempt.kind is ActionKind.STOP
        return self.container is not None and (self.container.state in UP or being_stopped)

    @property
    def coming(self) -> bool:
        """Whether it is on its way up, or will be started by itself: worth waiting for."""
        state, container = self.state, self.container
        wanted_up = state.enabled and state.stopped_by is None and self.spec.observe_only is None and not self.holds
        if self.met or not self.seen or container is None or not wanted_up:
            return False
        match container.state:
            case ContainerState.RUNNING:
                return state.status is Status.STARTING and state.grace_ends is not None
            case ContainerState.CREATED:
                being_started = state.attempt is not None and state.attempt.in_flight
                return state.wanted_by is not None or being_started
            case _:
                return container.state in (ContainerState.EXITED, ContainerState.RESTARTING)

    @property
    def stop_requested(self) -> bool:
        """Whether somebody else asked for the present run to be stopped."""
        recorded = self.container is not None and self.container.stopped_by_user is True and not self._ended_by_us
        return recorded or self._asked_for_by_others(self.stop_seen)

    @property
    def being_ended(self) -> bool:
        """Whether somebody else asked the engine to end the present run, by whichever way; it may be over already."""
        return self.stop_requested or self._asked_for_by_others(self.signal_seen)

    def _asked_for_by_others(self, seen: tuple[str, float] | None) -> bool:
        run = None if self.container is None else self.container.run
        if seen is None or run is None or self._ended_by_us:
            return False
        container_id, at = seen
        return run.container_id == container_id and at >= run.started_at

    @property
    def may_have_been_stopped(self) -> bool:
        """Whether it ended as what is stopped does, on an engine that would not always have told of it."""
        return self.container is not None and self.container.stopped_by_user is None and self.ended_politely

    @property
    def ended_politely(self) -> bool:
        """As what somebody else stops does."""
        container = self.container
        if container is None or self._ended_by_us:
            return False
        return container.exit_code in policy.POLITE_EXITS and not policy.is_job(self.spec, container)

    @property
    def _ended_by_us(self) -> bool:
        """Whether an action of ours is to end the present run, also one that an earlier process of ours began."""
        run, attempt = None if self.container is None else self.container.run, self.state.attempt
        if attempt is not None and attempt.kind is not ActionKind.START and attempt.run_before == run:
            return True
        return run == self.our_stop

    @property
    def met(self) -> bool:
        """Whether those who require this service may count on it: not on what is remembered of a run that is over."""
        state, container = self.state, self.container
        if state.completed:
            return True
        if container is not None and (container.state not in UP or container.run != state.run):
            return False
        runs = container is not None and container.state is ContainerState.RUNNING
        enough = state.status is Status.DISABLED and runs and state.healthy_since is not None
        return state.status is Status.RUNNING or enough


class ServiceRegistry:
    """Services by name. ``forget_after`` seconds after its container went, an unconfigured service is dropped."""

    def __init__(self, forget_after: float = 3600.0) -> None:
        self._records: dict[str, Record] = {}
        self._forget_after = forget_after
        self._dependents: dict[str, tuple[str, ...]] = {}
        self.resources: tuple[str, ...] = ()
        """What services require or want of the host, by name; but for the GPUs."""
        self.host: Final = Host()

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def get(self, name: str) -> Record | None:
        return self._records.get(name)

    def records(self) -> Iterable[Record]:
        return self._records.values()

    def items(self) -> Iterator[tuple[str, Record]]:
        return iter(self._records.items())

    def admit(self, sighting: Sighting, state: ServiceState | None) -> Record:
        """Take a sighting in; ``state`` is what the store remembers of a service not known yet."""
        record = self._records.get(sighting.spec.name)
        if record is None:
            record = Record(spec=sighting.spec, state=state or ServiceState())
            self._records[sighting.spec.name] = record
        record.spec = sighting.spec
        record.configured = sighting.configured
        record.problems = sighting.problems
        record.origins = sighting.origins
        record.sources = sighting.sources
        record.lost, record.parent, record.leftover = sighting.lost, sighting.parent, sighting.leftover
        record.unlisted = False
        return record

    def relate(self) -> None:
        """Work out anew who depends on whom."""
        dependents: defaultdict[str, list[str]] = defaultdict(list)
        for name, record in self._records.items():
            parents = {record.parent, *(parent for _, parent in record.state.owners)}
            for needed in {*record.spec.requires, *record.spec.wants, *record.spec.restart_with, *parents}:
                dependents[needed].append(name)
        self._dependents = {needed: tuple(names) for needed, names in dependents.items()}
        self.resources = tuple(sorted(filter(is_resource, dependents)))
        self.host.keep(self.resources)

    def dependents_of(self, name: str) -> tuple[str, ...]:
        """Whoever requires, wants, or is restarted with it, or used its namespaces when they were seen last."""
        return self._dependents.get(name, ())

    def unlist(self, name: str) -> None:
        record = self._records.get(name)
        if record is not None:
            record.unlisted = True

    def lane(self, lane: str | None) -> Mapping[str, Record]:
        """The services of one lane, by name."""
        return {} if lane is None else {name: each for name, each in self._records.items() if each.spec.lane == lane}

    def services_by_container(self) -> Mapping[str, str]:
        """Names by the full id of their container."""
        return {
            record.container.container_id: name
            for name, record in self._records.items()
            if record.container is not None
        }

    def service_of(self, container_id: str) -> str | None:
        """The service that this container is."""
        for name, record in self._records.items():
            if record.container is not None and record.container.container_id == container_id:
                return name
        return None

    def as_reached(self, container: ContainerSnapshot) -> ContainerSnapshot:
        """``container`` with the ports and addresses of the container whose network it uses, where we manage that."""
        owner = network_owner(container)
        if owner is None:
            return container
        for record in self._records.values():
            if record.container is not None and record.container.container_id == owner:
                return in_network_of(container, record.container)
        return container

    def leaving(self, now: Instant) -> list[tuple[str, Record]]:
        """What was unlisted, and what has been gone for long and was named by nobody."""
        return [(name, record) for name, record in self._records.items() if self._leaves(record, now)]

    def forget(self, name: str) -> ServiceState | None:
        """Drop it; the state, where that is worth keeping: a person's wish is, and all of what a person may list
        again; the counters of a container with a throw-away name are not."""
        record = self._records.pop(name)
        return record.state if record.unlisted or _wished(record.state) else None

    def _leaves(self, record: Record, now: Instant) -> bool:
        if record.unlisted:
            return record.state.attempt is None or not record.state.attempt.in_flight
        gone = not record.configured and record.gone_since is not None
        return gone and now.moment - (record.gone_since or 0.0) > self._forget_after

    def category(self, name: str) -> Category | None:
        """``None``: it is not listed."""
        record = self._records.get(name)
        return None if record is None else record.spec.category

    def view(self, name: str, now: Instant) -> ServiceView | None:
        record = self._records.get(name)
        return None if record is None else _view(record, now)

    def views(self, now: Instant) -> tuple[ServiceView, ...]:
        return tuple(_view(self._records[name], now) for name in sorted(self._records))


def _wished(state: ServiceState) -> bool:
    return not state.enabled or state.stopped_by is not None or state.hold is not None


def _view(record: Record, now: Instant) -> ServiceView:
    spec, state = record.spec, record.state
    container = record.container
    run = state.run if container is None else container.run
    runs = container is not None and container.state is ContainerState.RUNNING and run is not None
    container_id = container.container_id if container is not None else state.container_id
    return ServiceView(
        name=spec.name,
        display_name=spec.display_name,
        category=spec.category,
        status=state.status,
        enabled=state.enabled,
        container_id=None if container_id is None or state.status is Status.NOT_FOUND else container_id[:SHORT_ID],
        image=None if container is None else container.image,
        port=spec.port,
        failure_count=state.failure_count,
        restart_count=state.restart_count,
        last_restart_at=state.last_restart_at,
        uptime_seconds=max(int(now.wall - run.started_at), 0) if runs and run is not None else None,
        container_name=None if container is None else container.name,
        container_state=container.state if container is not None and record.seen else None,
        health=_health(record.probe),
        reason=_reason(record),
        strikes=state.strikes,
        retry_at=None if state.retry_at is None or state.withheld else now.wall + state.retry_at - now.moment,
        waiting_on=record.unmet if state.status is not Status.RUNNING else (),
        degraded_by=record.missing if state.status is Status.RUNNING else (),
        requires=spec.requires,
        wants=spec.wants,
        problems=record.problems,
        at_rest=state.completed or state.stopped_by is not None or (record.in_maintenance and state.status in _DOWN),
        held="; ".join(_holders(record, now)),
        held_until=None if state.hold is None else now.wall + state.hold.until - now.moment,
        project=record.project,
        observed=record.seen,
        last_seen_at=None if record.sight_lost_at is None else now.wall + record.sight_lost_at - now.moment,
    )


def _holders(record: Record, now: Instant) -> Iterator[str]:
    hold = record.state.hold
    if hold is not None:
        until = local_time(now.wall + hold.until - now.moment)
        yield f"by {hold.by} until {until}{f' ({hold.why})' if hold.why else ''}"
    yield from record.holds.values()


def _reason(record: Record) -> str:
    words = record.quarantine or record.state.reason or (record.spec.observe_only or "")
    return words if record.ahead is None else f"{words}; waiting for its turn, {in_queue(record.ahead)}"


def in_queue(ahead: int) -> str:
    return "it is next" if ahead == 0 else f"{ahead} before it"


def _health(probe: ProbeResult | None) -> HealthView | None:
    if probe is None:
        return None
    return HealthView(
        verdict=probe.verdict,
        method=probe.method,
        checked_at=probe.checked.wall,
        latency_ms=None if probe.latency is None else round(probe.latency * 1000, 3),
        detail=probe.detail,
    )
