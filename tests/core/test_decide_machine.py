"""A small believable world around one service, moved at random; after every move the promises are checked.

The world knows what is true (does the container run, is it sick); the brain knows what it was shown. Looks may be
late, probes stale, the engine away, hands without an answer, and the orchestrator may be killed at any moment and
come back from what it had kept.
"""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.core import policy
from orchestrator.core.decide import decide
from orchestrator.core.messages import (
    UNSEEN,
    Action,
    Awaited,
    Command,
    Decision,
    Disable,
    Down,
    Enable,
    Facts,
    Hold,
    Message,
    NoEvidence,
    Outcome,
    Release,
    Restart,
    Result,
    Start,
    Stop,
    Up,
)
from orchestrator.core.model import (
    ActionKind,
    ContainerSnapshot,
    ContainerState,
    HealthSpec,
    HttpCheck,
    Instant,
    Kind,
    ProbeResult,
    RecoverySpec,
    ServiceSpec,
    ServiceState,
    Status,
    Verdict,
)
from orchestrator.core.persistence import from_document, to_document
from tests.core.stage import settled

MOSTLY = st.sampled_from([True, True, True, True, False])
RARELY = st.sampled_from([False, False, False, False, True])
BEGUN = (Message.RESTARTING, Message.MANUAL_RESTART, Message.MANUAL_START)
ENDED = (Message.RESTART_COMPLETED, Message.RESTART_FAILED)
UP = (ContainerState.RUNNING, ContainerState.PAUSED)

recoveries = st.builds(
    RecoverySpec,
    max_failures=st.integers(1, 4),
    backoff_base=st.sampled_from([0.0, 0.5, 2.0]),
    backoff_max=st.sampled_from([2.0, 60.0]),
    stable_after=st.sampled_from([None, 5.0]),
    on_max_failures=st.sampled_from(["disable", "keep_trying"]),
    on_manual_stop=st.sampled_from(["restart", "respect"]),
    retry_disabled_after=st.sampled_from([None, 100.0]),
)
specs = st.builds(
    ServiceSpec,
    name=st.just("web"),
    display_name=st.just("Web"),
    kind=st.sampled_from([Kind.SERVICE, Kind.SERVICE, Kind.JOB]),
    lane=st.sampled_from([None, "gpu"]),
    grace=st.sampled_from([0.0, 3.0]),
    health=st.sampled_from([HealthSpec(HttpCheck("/")), HealthSpec(HttpCheck("/"), failures=2), HealthSpec()]),
    recovery=recoveries,
    observe_only=st.sampled_from([None] * 15 + ["owned by systemd"]),
)
actors = st.sampled_from(["ann"])
commands = st.one_of(
    st.builds(Restart, actors, st.booleans()),
    st.builds(Start, actors),
    st.builds(Stop, actors),
    st.builds(Enable, actors),
    st.builds(Enable, actors),
    st.builds(Disable, actors),
    st.builds(Up, actors, st.booleans()),
    st.builds(Down, actors, st.booleans()),
    st.builds(Hold, actors, st.sampled_from([1.0, 300.0])),
    st.builds(Release, actors),
)


class World(RuleBasedStateMachine):
    @initialize(
        spec=specs,
        restart_policy=st.sampled_from(["no", "always"]),
        begins=st.sampled_from([ContainerState.RUNNING, ContainerState.RUNNING, ContainerState.EXITED]),
    )
    def begin(self, spec: ServiceSpec, restart_policy: str, begins: ContainerState) -> None:
        self.spec = spec
        self.now = Instant(1000.0, 1_700_000_000.0)
        self.true: ContainerSnapshot | None = ContainerSnapshot(
            "c1", "web-1", "web:1", begins, self.now.wall, started_at=self.now.wall, restart_policy=restart_policy
        )
        self.sick = False
        self.engine_up = True
        self.state = ServiceState()
        self.shown: ContainerSnapshot | NoEvidence | None = UNSEEN
        self.probe: ProbeResult | None = None
        self.unmet: tuple[str, ...] = ()
        self.crowded = False
        self.unwatched = False
        self.dependents: tuple[tuple[str, ...], tuple[str, ...]] = (), ()
        self.awaited: tuple[Awaited, ...] = ()
        self.lane_taken_by = self.make_room = ""
        self.stopped_by_hand = False
        self.hands: Action | None = None
        self.wake_at: float | None = None
        self.begun = self.ended = 0
        self.seen_ids: set[str] = set()
        self.containers = 1

    # --- the brain's turn, and what must hold of it ---------------------------------------------------------

    def turn(self, outcome: Outcome | None = None, command: Command | None = None, jitter: float = 0.0) -> Decision:
        stop_requested = self.stopped_by_hand and isinstance(self.shown, ContainerSnapshot)
        needed_by, leaving = self.dependents
        facts = Facts(
            self.shown,
            self.probe,
            self.unmet,
            stop_requested,
            outcome,
            command,
            jitter,
            crowded=self.crowded,
            unwatched=self.unwatched and isinstance(self.shown, ContainerSnapshot) and self.shown.state not in UP,
            awaited=self.awaited,
            needed_by=needed_by,
            leaving=leaving,
            lane_taken_by=self.lane_taken_by,
            make_room=self.make_room,
        )
        before = self.state
        decision = decide(self.spec, before, facts, self.now)
        self.state, self.wake_at = decision.state, decision.wake_at
        settled(self.spec, self.state, facts, self.now, decision)
        for event in decision.events:
            self.begun += event.message in BEGUN
            self.ended += event.message in ENDED
            assert event.cause
        for action in decision.actions:
            self.action_is_allowed(action, before, facts)
            assert action.action_id not in self.seen_ids, "an id names one action"
            self.seen_ids.add(action.action_id)
            assert self.hands is None, "one at a time"
            self.hands = action
        assert len(decision.actions) <= 1
        self.transition_is_allowed(before, facts, decision)
        return decision

    def action_is_allowed(self, action: Action, before: ServiceState, facts: Facts) -> None:
        container = facts.container
        assert isinstance(container, ContainerSnapshot), "no evidence, no action"
        assert action.container_id == container.container_id
        assert action.run == container.run
        assert container.state not in (ContainerState.PAUSED, ContainerState.REMOVING, ContainerState.DEAD)
        assert self.spec.observe_only is None
        assert before.attempt is None or not before.attempt.in_flight or facts.outcome is not None
        if action.kind is ActionKind.STOP:
            assert action.manual or facts.make_room
            assert before.leaving is None or isinstance(facts.command, Stop) or not facts.leaving, "dependents first"
            return
        if before.wanted_by is not None and not isinstance(facts.command, Start | Restart):
            assert not facts.unmet, "in its order"
        starts_up = facts.unwatched or before.wanted_by is not None
        assert starts_up or not facts.lane_taken_by, "one at a time in a lane"
        assert self.state.enabled, "disabled is disabled"
        if action.manual:
            return
        assert not facts.unmet, "the dependency first"
        assert self.state.hold is None, "held is held"
        assert not facts.crowded, "each in its turn"
        assert self.state.stopped_by is None
        assert not self.state.completed
        assert container.state is not ContainerState.RESTARTING, "the engine goes first"
        if action.kind is ActionKind.START:
            assert container.state in (ContainerState.EXITED, ContainerState.CREATED)
        elif before.enabled:
            probe = facts.probe
            assert probe is not None
            assert (probe.run, probe.verdict) == (container.run, Verdict.FAIL), "the newest answer is a failure"

    def transition_is_allowed(self, before: ServiceState, facts: Facts, decision: Decision) -> None:
        after = decision.state
        if not before.enabled and after.enabled:
            assert isinstance(facts.command, Enable) or self.trial_is_due(before)
        assert (after.status is Status.DISABLED) == (not after.enabled)
        if after.status is Status.RUNNING:
            assert after.failure_count == 0
        if after.retry_at is not None and after.retry_at != before.retry_at:
            longest = max(1.1 * self.spec.recovery.backoff_max, policy.STOP_REPEAT)
            assert self.now.moment < after.retry_at <= self.now.moment + longest
        if after.retry_at is not None and after.retry_at <= self.now.moment:
            waits_for_the_world = (
                self.unmet
                or self.lane_taken_by
                or after.hold
                or facts.container is UNSEEN
                or not isinstance(facts.container, ContainerSnapshot)
            )
            shown = facts.container
            asked = decision.probe_every is not None
            held = isinstance(shown, ContainerSnapshot) and shown.state not in (
                ContainerState.RUNNING,
                ContainerState.EXITED,
            )
            assert waits_for_the_world or asked or held or decision.due, "a due retry that nothing would ever act on"
        same_run = before.run == after.run and before.run is not None
        if same_run and before.retry_at is not None and after.retry_at is not None and facts.outcome is None:
            down = isinstance(facts.container, ContainerSnapshot) and facts.container.state not in UP
            assert down or after.retry_at == before.retry_at, "not armed again by what fails again"
        if after.strikes < before.strikes:
            self.forgiveness_is_due(before, after, facts)
        assert after.strikes <= before.strikes + 2
        if self.spec.observe_only is not None:
            assert after.strikes == 0

    def trial_is_due(self, before: ServiceState) -> bool:
        after = self.spec.recovery.retry_disabled_after
        since = before.disabled_at
        if before.disabled_by != "max_failures" or after is None or since is None:
            return False
        return self.now.moment >= since + after

    def forgiveness_is_due(self, before: ServiceState, after: ServiceState, facts: Facts) -> None:
        if isinstance(facts.command, Enable) or (isinstance(facts.command, Restart) and facts.command.reset_failures):
            return
        if after.completed and not before.completed:
            return
        if not before.enabled and after.enabled:
            return
        if before.counted:
            healed = after.status is Status.RUNNING
            assert healed or after.stopped_by == "stopped by hand"
            assert after.strikes >= before.strikes - 1 or before.strikes == 0
            return
        assert before.healthy_since is not None
        stable_after = policy.stable_after(self.spec.recovery, before.last_backoff)
        assert self.now.moment >= before.healthy_since + stable_after

    @invariant()
    def every_restart_ends_exactly_once(self) -> None:
        attempt = self.state.attempt
        is_open = attempt is not None and attempt.kind is not ActionKind.STOP
        assert self.begun == self.ended + is_open

    @invariant()
    def hands_and_memory_agree(self) -> None:
        in_flight = self.state.attempt is not None and self.state.attempt.in_flight
        assert in_flight == (self.hands is not None)

    # --- time -----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.0, 2.5, 10.0, 70.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.now.moment + seconds
        for _ in range(20):
            if self.wake_at is None or self.wake_at > end:
                break
            self.now = Instant(self.wake_at, self.now.wall + self.wake_at - self.now.moment)
            self.turn()
        else:
            raise AssertionError("it wakes up again and again")
        self.now = Instant(end, self.now.wall + end - self.now.moment)

    @rule(seconds=st.sampled_from([1.0, 5.0, 30.0, 70.0]), sick=st.booleans())
    def a_while_passes_in_which_it_is_asked(self, seconds: float, sick: bool) -> None:
        self.sick = sick
        for _ in range(4):
            self.time_passes(seconds / 4)
            if self.is_up() and self.engine_up:
                self.a_probe_answers(known=True, jitter=0.0)

    @rule(seconds=st.sampled_from([-4000.0, -1.0, 5000.0]))
    def the_wall_clock_is_stepped(self, seconds: float) -> None:
        self.now = replace(self.now, wall=self.now.wall + seconds)

    # --- the container --------------------------------------------------------------------------------------

    def is_up(self) -> bool:
        return self.true is not None and self.true.state is ContainerState.RUNNING

    def notice(self, seen: bool) -> None:
        """An event wakes the brain, which looks; or the event is lost and a later look tells."""
        if seen and self.engine_up:
            self.shown = self.true
            self.turn()

    def run_anew(self) -> ContainerSnapshot:
        assert self.true is not None
        self.stopped_by_hand = False
        self.now = Instant(self.now.moment + 0.001, self.now.wall + 0.001)
        return replace(self.true, state=ContainerState.RUNNING, started_at=self.now.wall, exit_code=None, error="")

    @precondition(is_up)
    @rule(code=st.sampled_from([0, 1, 137]), policy_acts=st.sampled_from(["at once", "later", "never"]), seen=MOSTLY)
    def it_dies(self, code: int, policy_acts: str, seen: bool) -> None:
        assert self.true is not None
        self.true = replace(self.true, state=ContainerState.EXITED, exit_code=code)
        if self.true.restart_policy == "always" and policy_acts == "later":
            self.true = replace(self.true, state=ContainerState.RESTARTING)
        if self.true.restart_policy == "always" and policy_acts == "at once":
            self.true = replace(self.run_anew(), restart_count=self.true.restart_count + 1)
        self.notice(seen)

    @precondition(lambda self: self.true is not None and self.true.state is ContainerState.RESTARTING)
    @rule(seen=MOSTLY)
    def the_engines_policy_restarts_it(self, seen: bool) -> None:
        assert self.true is not None
        self.true = replace(self.run_anew(), restart_count=self.true.restart_count + 1)
        self.notice(seen)

    @precondition(is_up)
    @rule(seen=MOSTLY)
    def somebody_pauses_it(self, seen: bool) -> None:
        assert self.true is not None
        self.true = replace(self.true, state=ContainerState.PAUSED)
        self.notice(seen)

    @precondition(lambda self: self.true is not None and self.true.state is ContainerState.PAUSED)
    @rule(seen=MOSTLY)
    def somebody_unpauses_it(self, seen: bool) -> None:
        assert self.true is not None
        self.true = replace(self.true, state=ContainerState.RUNNING)
        self.notice(seen)

    @precondition(is_up)
    @rule(seen=MOSTLY)
    def somebody_stops_it(self, seen: bool) -> None:
        assert self.true is not None
        self.true = replace(self.true, state=ContainerState.EXITED, exit_code=143)
        self.stopped_by_hand = True
        self.notice(seen)

    @precondition(lambda self: self.true is not None and self.true.state is ContainerState.EXITED)
    @rule(seen=MOSTLY)
    def somebody_starts_it(self, seen: bool) -> None:
        self.true = self.run_anew()
        self.notice(seen)

    @rule(state=st.sampled_from([ContainerState.RUNNING, ContainerState.CREATED]), really=RARELY, seen=MOSTLY)
    def somebody_recreates_it(self, state: ContainerState, really: bool, seen: bool) -> None:
        if not really and self.true is not None:
            return
        self.containers += 1
        self.stopped_by_hand = False
        restart_policy = "no" if self.true is None else self.true.restart_policy
        started = self.now.wall if state is ContainerState.RUNNING else None
        self.true = ContainerSnapshot(
            f"c{self.containers}", "web-1", "web:1", state, self.now.wall, started, restart_policy=restart_policy
        )
        self.notice(seen)

    @rule(really=RARELY, seen=MOSTLY)
    def somebody_removes_it(self, really: bool, seen: bool) -> None:
        if really:
            self.true = None
            self.notice(seen)

    # --- what the brain is shown ----------------------------------------------------------------------------

    @precondition(lambda self: self.engine_up)
    @rule()
    def the_brain_looks(self) -> None:
        self.shown = self.true
        self.turn()

    @rule(away=RARELY)
    def the_engine_goes_or_comes(self, away: bool) -> None:
        self.engine_up = not away
        self.shown = UNSEEN if away else self.true
        self.turn()

    @rule(crowded=RARELY)
    def others_come_first_or_not(self, crowded: bool) -> None:
        self.crowded = crowded

    @rule(unmet=RARELY)
    def the_dependency_goes_or_comes(self, unmet: bool) -> None:
        self.unmet = ("db",) if unmet else ()
        self.turn()

    @rule(needed=RARELY, leaving=RARELY)
    def dependents_go_or_come(self, needed: bool, leaving: bool) -> None:
        self.dependents = ("web",) if needed else (), ("worker",) if leaving else ()
        self.turn()

    @rule(coming=RARELY, grace=st.sampled_from([5.0, 60.0]), runs=st.booleans())
    def what_it_wants_goes_or_comes(self, coming: bool, grace: float, runs: bool) -> None:
        ends = self.now.moment + grace if runs else None
        self.awaited = (Awaited("model", grace, ends),) if coming else ()
        self.turn()

    @rule(unwatched=st.booleans())
    def nobody_looks_for_a_while(self, unwatched: bool) -> None:
        self.unwatched = unwatched
        self.turn()

    @precondition(lambda self: self.spec.lane is not None)
    @rule(taken=st.booleans(), short=RARELY)
    def others_of_its_lane_come_and_go(self, taken: bool, short: bool) -> None:
        self.lane_taken_by = "llm" if taken else ""
        self.make_room = "memory is short" if short else ""
        self.turn()

    @precondition(is_up)
    @rule(known=MOSTLY, jitter=st.floats(0, 0.1))
    def a_probe_answers(self, known: bool, jitter: float) -> None:
        assert self.true is not None
        assert self.true.run is not None
        verdict = (Verdict.FAIL if self.sick else Verdict.PASS) if known else Verdict.UNKNOWN
        self.now = Instant(self.now.moment + 0.001, self.now.wall + 0.001)
        self.probe = ProbeResult(self.true.run, verdict, "http", f"HTTP {verdict}", self.now)
        self.turn(jitter=jitter)

    @rule(command=commands)
    def somebody_asks(self, command: Command) -> None:
        reply = self.turn(command=command).reply
        assert reply is not None
        assert reply.message
        assert reply.accepted == (reply.conflict == "")

    # --- the hands ------------------------------------------------------------------------------------------

    @precondition(lambda self: self.hands is not None)
    @rule(
        result=st.sampled_from([Result.DONE, Result.DONE, Result.FAILED, Result.UNKNOWN]),
        effect=st.sampled_from(["whole", "whole", "half", "none"]),
        looked=st.booleans(),
    )
    def the_hands_end(self, result: Result, effect: str, looked: bool) -> None:
        action, self.hands = self.hands, None
        assert action is not None
        self.now = Instant(self.now.moment + 0.01, self.now.wall + 0.01)
        self.work(action, effect)
        look = self.true if looked and self.engine_up else None
        self.shown = look if look is not None else UNSEEN
        self.turn(outcome=Outcome(action.action_id, result, "so it says", look))

    def work(self, action: Action, effect: str) -> None:
        untouchable = self.true is None or self.true.state is ContainerState.PAUSED
        if untouchable or self.true is None or self.true.container_id != action.container_id or effect == "none":
            return
        up = self.true.state is ContainerState.RUNNING
        down = replace(self.true, state=ContainerState.EXITED, exit_code=143)
        if action.kind is ActionKind.STOP or (action.kind is ActionKind.RESTART and effect == "half"):
            self.true = down if up else self.true
        elif action.kind is ActionKind.RESTART or not up:
            self.true = self.run_anew()
            if effect == "half":
                self.true = replace(self.true, state=ContainerState.EXITED, exit_code=1)

    @precondition(lambda self: self.hands is not None)
    @rule()
    def the_hands_do_as_they_were_told(self) -> None:
        self.the_hands_end(Result.DONE, "whole", looked=True)

    @rule(acted=st.sampled_from(["whole", "half", "none"]), away=st.floats(0.1, 1000))
    def the_orchestrator_is_killed_and_comes_back(self, acted: str, away: float) -> None:
        if self.hands is not None:
            self.work(self.hands, acted)
            self.hands = None
        document = json.loads(json.dumps(to_document(self.state, self.now), allow_nan=False))
        self.now = Instant(17.0, self.now.wall + away)
        self.state = from_document(document, self.now)
        self.shown, self.probe, self.wake_at = UNSEEN, None, None
        self.stopped_by_hand = False
        assert self.state.retry_at is None or self.state.retry_at - self.now.moment <= 66
        self.turn()


World.TestCase.settings = settings(stateful_step_count=50, suppress_health_check=list(HealthCheck))
TestWorld = World.TestCase
