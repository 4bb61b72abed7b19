"""A stage for one service: facts go in, and after every turn the same facts once more must change nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from orchestrator.core.decide import decide
from orchestrator.core.messages import (
    UNSEEN,
    Awaited,
    Command,
    Companion,
    Decision,
    Disable,
    Facts,
    Message,
    NoEvidence,
    Outcome,
    Result,
    Severed,
)
from orchestrator.core.model import (
    ActionKind,
    ContainerSnapshot,
    ContainerState,
    ContainerSummary,
    HealthSpec,
    HttpCheck,
    Instant,
    ProbeResult,
    RecoverySpec,
    Run,
    ServiceSpec,
    ServiceState,
    Status,
    Verdict,
)

WALL = 1_700_000_000.0
GRACE = 10.0
DAY = 86_400.0
BY_HTTP = HealthSpec(check=HttpCheck("/health"))


def a_spec(**changes: Any) -> ServiceSpec:
    """Checked by HTTP; backoff 2, 4, 8 ... 60 s, disabled at the 10th strike, 10 s of grace."""
    recovery = replace(RecoverySpec(), **{k: changes.pop(k) for k in list(changes) if hasattr(RecoverySpec(), k)})
    defaults: dict[str, Any] = {"health": BY_HTTP, "grace": GRACE, "recovery": recovery}
    return ServiceSpec("web", "Web", **(defaults | changes))


def settled(spec: ServiceSpec, state: ServiceState, facts: Facts, now: Instant, decision: Decision) -> None:
    """Idempotence: nothing new was seen and no deadline passed, so nothing is done, told or remembered."""
    again = replace(facts, outcome=None, command=None, jitter=0.05)
    horizon = now.moment + DAY if decision.wake_at is None else decision.wake_at
    assert horizon > now.moment, "a wake-up must lie ahead"
    for share in (0.0, 0.5, 0.999):
        elapsed = (horizon - now.moment) * share
        if now.moment + elapsed >= horizon:
            continue
        repeated = decide(spec, decision.state, again, Instant(now.moment + elapsed, now.wall + elapsed))
        assert repeated.actions == ()
        assert repeated.events == ()
        assert repeated.state == decision.state
        assert repeated.wake_at is None or repeated.wake_at > now.moment + elapsed


def _container(wall: float) -> ContainerSnapshot:
    return ContainerSnapshot(
        container_id="c1",
        name="web-1",
        image="web:1",
        state=ContainerState.RUNNING,
        created_at=wall - DAY,
        started_at=wall - DAY,
    )


class Stage:
    """The newest facts about one service, kept as levels, and the last decision."""

    def __init__(self, spec: ServiceSpec | None = None, state: ServiceState | None = None) -> None:
        self.spec = spec or a_spec()
        self.state = state or ServiceState()
        self.now = Instant(1000.0, WALL)
        self.container: ContainerSnapshot | NoEvidence | None = UNSEEN
        self.probe: ProbeResult | None = None
        self.unmet: tuple[str, ...] = ()
        self.unmet_ended = math.inf
        self.in_window = False
        self.stop_requested = False
        self.roots: tuple[str, ...] = ()
        self.held = ""
        self.dependencies_asked = math.inf
        self.companions: tuple[Companion, ...] = ()
        self.lane_taken_by = ""
        self.make_room = ""
        self.remark = ""
        self.owners: tuple[tuple[str, str], ...] = ()
        self.severed: Severed | None = None
        self.leftover: ContainerSummary | None = None
        self.crowded = False
        self.unwatched = False
        self.dependencies_seen = True
        self.awaited: tuple[Awaited, ...] = ()
        self.needed_by: tuple[str, ...] = ()
        self.leaving: tuple[str, ...] = ()
        self.decision = Decision(self.state)
        self.announced: list[Message] = []
        """Every event so far."""

    @property
    def facts(self) -> Facts:
        """The levels, as they are now."""
        return Facts(
            container=self.container,
            probe=self.probe,
            unmet=self.unmet,
            unmet_ended=self.unmet_ended,
            in_window=self.in_window,
            stop_requested=self.stop_requested,
            roots=self.roots,
            held=self.held,
            dependencies_asked=self.dependencies_asked,
            companions=self.companions,
            lane_taken_by=self.lane_taken_by,
            make_room=self.make_room,
            remark=self.remark,
            owners=self.owners,
            severed=self.severed,
            leftover=self.leftover,
            crowded=self.crowded,
            unwatched=self.unwatched,
            dependencies_seen=self.dependencies_seen,
            awaited=self.awaited,
            needed_by=self.needed_by,
            leaving=self.leaving,
        )

    # --- what happens ---------------------------------------------------------------------------------------

    def turn(self, *, outcome: Outcome | None = None, command: Command | None = None, jitter: float = 0.0) -> Decision:
        facts = replace(self.facts, outcome=outcome, command=command, jitter=jitter)
        decision = decide(self.spec, self.state, facts, self.now)
        assert decision == decide(self.spec, self.state, facts, self.now), "the same arguments, the same decision"
        settled(self.spec, self.state, facts, self.now, decision)
        self.state, self.decision = decision.state, decision
        self.announced += [event.message for event in decision.events]
        return decision

    def after(self, seconds: float) -> Stage:
        self.now = Instant(self.now.moment + seconds, self.now.wall + seconds)
        return self

    def wake(self) -> Decision:
        """Sleep to the deadline that the last decision named."""
        assert self.decision.wake_at is not None, "nothing would ever wake it"
        self.now = Instant(self.decision.wake_at, self.now.wall + self.decision.wake_at - self.now.moment)
        return self.turn()

    def looks(self, container: ContainerSnapshot | NoEvidence | None) -> Decision:
        self.container = container
        return self.turn()

    def seen(self, **changes: Any) -> ContainerSnapshot:
        """The container as last seen, changed."""
        known = self.container if isinstance(self.container, ContainerSnapshot) else _container(self.now.wall)
        return replace(known, **changes)

    def new_run(self, **changes: Any) -> ContainerSnapshot:
        defaults: dict[str, Any] = {"state": ContainerState.RUNNING, "started_at": self.now.wall, "exit_code": None}
        return self.seen(**(defaults | changes))

    def starts(self, **changes: Any) -> Decision:
        return self.looks(self.new_run(**changes))

    def exits(self, code: int = 1, **changes: Any) -> Decision:
        return self.looks(self.seen(state=ContainerState.EXITED, exit_code=code, **changes))

    def turns_into(self, state: ContainerState) -> Decision:
        return self.looks(self.seen(state=state))

    def probed(self, verdict: Verdict, detail: str, *, run: Run | None = None) -> Decision:
        assert isinstance(self.container, ContainerSnapshot)
        asked = run or self.container.run
        assert asked is not None
        self.probe = ProbeResult(asked, verdict, "http", detail, self.now)
        return self.turn()

    def passes(self) -> Decision:
        return self.probed(Verdict.PASS, "HTTP 200")

    def fails(self, detail: str = "HTTP 500") -> Decision:
        return self.probed(Verdict.FAIL, detail)

    def cannot_tell(self) -> Decision:
        return self.probed(Verdict.UNKNOWN, "no address to ask")

    def ends(
        self, result: Result, look: ContainerSnapshot | NoEvidence | None = UNSEEN, detail: str = "no such device"
    ) -> Decision:
        """The hands report on the action in flight, with the look they took, if they could."""
        assert self.state.attempt is not None
        assert self.state.attempt.in_flight
        self.container = look
        container = look if isinstance(look, ContainerSnapshot) else None
        return self.turn(outcome=Outcome(self.state.attempt.action_id, result, detail, container))

    def restarts(self) -> Decision:
        """The action in flight works: a new run begins."""
        return self.ends(Result.DONE, self.new_run())

    # --- where it stands ------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def told(self) -> list[Message]:
        return [event.message for event in self.decision.events]

    @property
    def does(self) -> list[ActionKind]:
        return [action.kind for action in self.decision.actions]

    @property
    def waits(self) -> float | None:
        """Seconds until the armed retry."""
        return None if self.state.retry_at is None else round(self.state.retry_at - self.now.moment, 6)


# --- where a story begins ------------------------------------------------------------------------------------


def undiscovered(spec: ServiceSpec | None = None) -> Stage:
    return Stage(spec)


def starting(spec: ServiceSpec | None = None) -> Stage:
    """Seen for the first time one second into its run."""
    stage = Stage(spec)
    stage.looks(replace(_container(WALL), started_at=WALL - 1))
    assert stage.status in (Status.STARTING, Status.RUNNING), "running at once, where that is all there is to know"
    return stage


def healthy(spec: ServiceSpec | None = None) -> Stage:
    """Passing for a day: out of grace, and no strike to its name."""
    stage = starting(spec)
    stage.passes()
    stage.after(DAY).passes()
    assert stage.status is Status.RUNNING
    return stage


def unhealthy(spec: ServiceSpec | None = None) -> Stage:
    """One failed probe after a stable run."""
    stage = healthy(spec)
    stage.after(30).fails()
    assert stage.status is Status.UNHEALTHY
    return stage


def stopped(spec: ServiceSpec | None = None) -> Stage:
    """Dead for the second time within a short while: it waits its backoff."""
    stage = healthy(spec)
    stage.exits()
    if not stage.does:
        stage.wake()
    stage.restarts()
    stage.after(1).exits()
    assert stage.status is Status.STOPPED
    assert stage.state.retry_at is not None
    return stage


def disabled(spec: ServiceSpec | None = None) -> Stage:
    """Disabled by a person while it was healthy."""
    stage = healthy(spec)
    stage.turn(command=Disable("ann"))
    assert stage.status is Status.DISABLED
    return stage


def restarting(spec: ServiceSpec | None = None) -> Stage:
    """Unhealthy and confirmed: an automatic restart is in flight."""
    stage = unhealthy(spec)
    stage.after(1).fails()
    stage.wake()
    assert stage.does == [ActionKind.RESTART]
    return stage
