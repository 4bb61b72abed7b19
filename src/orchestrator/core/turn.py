"""One turn of one service in the making: the state as changed so far, and what was told and ordered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from orchestrator.core import policy
from orchestrator.core.evidence import REPEATS
from orchestrator.core.messages import Action, Event, Facts, Failure, Message, Reply, Request
from orchestrator.core.model import (
    ActionKind,
    Attempt,
    ContainerSnapshot,
    ContainerState,
    Instant,
    ServiceSpec,
    ServiceState,
    Status,
)
from orchestrator.core.playbooks import awaits_diagnosis


@dataclass(slots=True)
class Turn:
    """Local to one call of ``decide``: nothing outside ever sees it change."""

    spec: ServiceSpec
    state: ServiceState
    facts: Facts
    now: Instant
    events: list[Event] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    reply: Reply | None = None
    restarted_by_engine: bool = False
    """A run began that the engine's own restart policy is behind."""
    due: bool = False
    """It would be acted on now, were it its turn."""
    withheld: list[ActionKind] = field(default_factory=list)

    def note(self, reason: str) -> None:
        """Say why things are as they are, without making it an event; disabled, the why of that stays."""
        if self.state.enabled and self.state.reason != reason:
            self.state = replace(self.state, reason=reason)

    def become(self, status: Status, reason: str) -> None:
        """Take on a status and its reason; a disabled service stays so until it is enabled."""
        if self.state.enabled:
            self.state = replace(self.state, status=status, reason=reason)

    def doubt(self) -> None:
        """What was confirmed before a gap in the evidence has to be confirmed again after it."""
        if self.state.confirmations:
            self.state = replace(self.state, confirmations=0)

    @property
    def held(self) -> str:
        """Who, or what, wants it left alone for now, in words; empty: nobody."""
        hold = self.state.hold
        if hold is not None:
            return f"held by {hold.by}{f' ({hold.why})' if hold.why else ''}"
        return f"held: {self.facts.held}" if self.facts.held else ""

    @property
    def hindrance(self) -> str:
        """What is not its own and keeps it from being acted on, in words; empty: nothing does."""
        facts = self.facts
        if self.held:
            return self.held
        if not facts.unmet:
            return ""
        deeper = tuple(name for name in facts.roots if name not in facts.unmet)
        cause = f" (down for {', '.join(deeper)})" if deeper else ""
        return f"waiting for {', '.join(facts.unmet)}{cause}"

    def note_hindrance(self, words: str) -> None:
        self.note(f"{self.hindrance}: {words}")

    @property
    def out_of_turn(self) -> str:
        """That another of its lane comes first, in words; empty: it is its turn. A start-up is all of theirs at once:
        the specification's models load side by side."""
        starts_up = self.facts.unwatched or self.state.wanted_by is not None
        taken_by = "" if starts_up else self.facts.lane_taken_by
        return f"waiting for its turn in lane {self.spec.lane}: {taken_by} is being restarted" if taken_by else ""

    @property
    def free_to_heal(self) -> bool:
        """Whether the service may be acted on without anybody asking."""
        wanted_up = self.state.enabled and self.state.stopped_by is None
        return wanted_up and self.spec.observe_only is None and not self.hindrance

    def takes_turn(self) -> bool:
        """Whether it may be acted on now, as far as the engine has room; if not, it is due still when it has."""
        self.due = self.facts.crowded
        return not self.due

    @property
    def early(self) -> bool:
        """Whether its wait is not over yet."""
        return self.state.retry_at is not None and self.now.moment < self.state.retry_at

    def half_done(self, container: ContainerSnapshot) -> bool:
        """Whether a restart of ours stopped the container and did not start it."""
        attempt = self.state.attempt
        return attempt is not None and attempt.kind is ActionKind.RESTART and attempt.run_before == container.run

    def may_still_end(self, container: ContainerSnapshot) -> bool:
        """Whether a restart whose end nobody told us may just be waiting for the run before it to stop."""
        attempt = self.state.attempt
        if attempt is None or attempt.patience_ends is None or self.now.moment >= attempt.patience_ends:
            return False
        return container.state is ContainerState.RUNNING and container.run == attempt.run_before

    def tell(self, message: Message, cause: str) -> None:
        self.events.append(Event(self.spec.name, message, self.state.status, cause, self.now))

    def order(
        self,
        kind: ActionKind,
        container: ContainerSnapshot,
        cause: str,
        *,
        manual: bool = False,
        announced: bool = False,
        pause: float = 0.0,
        successors: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Give one action to the hands; until its outcome nothing else is decided.

        ``announced``: it continues an action that people were told of. ``pause``: of a restart only the stop is done
        now, and the start that many seconds later.

        Where another of its lane comes first, what was announced or asked for is queued, and what would be done by
        itself is not ordered: it is due still when its turn comes. So it is while the engine has no room. In a dry run
        nothing is ordered at all.
        """
        if self.facts.dry_run:
            self.withhold(kind, cause)
            return
        in_lane = kind in (ActionKind.START, ActionKind.RESTART) and not pause
        waits = self.out_of_turn if in_lane else ""
        if waits and not (manual or announced):
            self.note(f"{waits}: {cause}")
            return
        if not (waits or manual or pause) and not self.takes_turn():
            return
        if not announced:
            self.fail_attempt(f"never verified before the next {kind}: {cause}")
        if self.facts.remark and not (manual or waits):
            cause = f"{cause}; {self.facts.remark}"
        self.note(f"{waits or _UNDER_WAY[kind]}: {cause}")
        attempt = Attempt(
            action_id=f"{self.spec.name}-{round(self.now.wall * 1000)}-{kind}-{self.state.restart_count}",
            kind=kind,
            manual=manual,
            cause=cause,
            run_before=container.run,
            in_flight=not waits,
            pauses=pause > 0,
            patience_ends=None if waits else self._patience(kind),
            queued=bool(waits),
        )
        if attempt.in_flight:
            self.actions.append(self._action(attempt, container, successors))
        self.state = replace(
            self.state,
            attempt=attempt,
            run=container.run,
            container_id=container.container_id,
            engine_restarts=container.restart_count,
            retry_at=self.now.moment + pause if pause else None,
            confirmations=0,
        )
        if not announced:
            self.tell(_ANNOUNCEMENTS[manual, kind], cause)

    def withhold(self, kind: ActionKind, cause: str) -> None:
        """Tell it once, however long it goes on, and remember nothing of it as if it had been done."""
        self.state = replace(self.state, confirmations=0)
        self.note(f"dry run, would {kind}: {cause}")
        if kind in self.state.withheld:
            return
        self.state = replace(self.state, withheld=(*self.state.withheld, kind))
        self.withheld.append(kind)
        self.tell(_WITHHELD[kind], cause)

    def _action(
        self, attempt: Attempt, container: ContainerSnapshot, successors: tuple[tuple[str, str], ...]
    ) -> Action:
        return Action(
            action_id=attempt.action_id,
            service=self.spec.name,
            kind=ActionKind.STOP if attempt.pauses else attempt.kind,
            container_id=container.container_id,
            run=container.run,
            cause=attempt.cause,
            manual=attempt.manual,
            stop_timeout=self.spec.recovery.stop_timeout,
            successors=successors,
        )

    def _patience(self, kind: ActionKind) -> float | None:
        """A start that happens late is nothing but a new run; a stop is asked for again until it happened."""
        if kind is not ActionKind.RESTART:
            return None
        return self.now.moment + self.spec.recovery.stop_timeout + policy.STOP_MARGIN

    def fail(self, cause: str, failure: Failure, times: int = 1) -> None:
        """Count one failure, or several at once: arm the retry, or, at the limit, disable. What waits, or is held,
        counts nothing.

        An unhealthy verdict disables only where it would restart: when it was confirmed. A blip may still heal itself.

        The first death after a stable run is healed at once; every other failure waits its backoff. Whatever the
        backoff is, what fails again and again is not tried again and again without any pause.
        """
        if self.hindrance:
            return
        self.failures += [failure] * times
        recovery, container = self.spec.recovery, self.facts.container
        died = failure in (Failure.EXITED, Failure.OOM_KILLED)
        ended = container.finished_at if died and isinstance(container, ContainerSnapshot) else None
        strikes = self.state.strikes + times
        wait = policy.backoff(strikes, recovery) * (1 + self.facts.jitter)
        if strikes > 1 or failure is Failure.ACTION_FAILED:
            wait = max(wait, policy.SHORTEST_PAUSE)
        if strikes >= REPEATS and failure is Failure.EXITED:
            wait = max(wait, policy.EVIDENCE_PATIENCE)
        at_once = died and strikes == 1
        if awaits_diagnosis(self.spec.playbooks, self.state.tried):
            wait = max(wait, policy.EVIDENCE_PATIENCE)
        self.state = replace(
            self.state,
            strikes=strikes,
            failure_count=self.state.failure_count + times,
            last_backoff=wait,
            retry_at=self.now.moment + (0.0 if at_once else wait),
            confirmations=0,
            counted=self.state.counted or failure is not Failure.ACTION_FAILED,
            failed_at=self.state.failed_at if failure is Failure.ACTION_FAILED else ended or self.now.wall,
            healthy_since=None,
        )
        if self.at_limit and failure is not Failure.UNHEALTHY:
            self.give_up(cause)

    def uncount(self) -> None:
        """What was counted last turned out to be no failure of its own."""
        self.state = replace(
            self.state,
            strikes=max(self.state.strikes - 1, 0),
            failure_count=max(self.state.failure_count - 1, 0),
            counted=False,
            retry_at=None,
        )

    @property
    def at_limit(self) -> bool:
        recovery = self.spec.recovery
        return recovery.on_max_failures == "disable" and self.state.strikes >= recovery.max_failures

    def give_up(self, cause: str) -> None:
        """Disable it instead of trying once more."""
        words = f"{self.state.strikes} failures without a stable run in between, the last: {cause}"
        self._disable("max_failures", words, Message.MAX_FAILURES)

    def give_up_early(self, cause: str) -> None:
        """Disable it before the limit does: what happened will happen again."""
        self.fail_attempt(cause)
        self._disable("futile", cause, Message.FUTILE)

    def _disable(self, by: Literal["max_failures", "futile"], reason: str, message: Message) -> None:
        self.state = replace(
            self.state,
            status=Status.DISABLED,
            disabled_by=by,
            disabled_at=self.now.moment,
            retry_at=None,
            reason=reason,
        )
        self.tell(message, reason)

    def fail_attempt(self, cause: str) -> None:
        """End the open attempt, if there is one, as failed: with exactly one event."""
        attempt = self.state.attempt
        if attempt is None:
            return
        self.state = replace(self.state, attempt=None)
        if attempt.kind is ActionKind.PLAYBOOK:
            return  # the playbook has an end of its own
        self.tell(Message.STOP_FAILED if attempt.kind is ActionKind.STOP else Message.RESTART_FAILED, cause)

    def complete_attempt(self, cause: str) -> None:
        """End the open start or restart, if there is one, as verified: with exactly one event."""
        if self.state.attempt is None:
            return
        self.state = replace(self.state, attempt=None)
        self.tell(Message.RESTART_COMPLETED, cause)


_ANNOUNCEMENTS = {
    (False, ActionKind.START): Message.RESTARTING,
    (False, ActionKind.RESTART): Message.RESTARTING,
    (False, ActionKind.RECREATE): Message.RESTARTING,
    (True, ActionKind.START): Message.MANUAL_START,
    (True, ActionKind.RESTART): Message.MANUAL_RESTART,
    (True, ActionKind.RECREATE): Message.MANUAL_RESTART,
    (True, ActionKind.STOP): Message.MANUAL_STOP,
}

_WITHHELD = {
    ActionKind.START: Message.WOULD_START,
    ActionKind.STOP: Message.WOULD_STOP,
    ActionKind.RESTART: Message.WOULD_RESTART,
    ActionKind.RECREATE: Message.WOULD_RECREATE,
    ActionKind.PLAYBOOK: Message.WOULD_RUN_PLAYBOOK,
}

_UNDER_WAY = {
    ActionKind.START: "being started",
    ActionKind.STOP: "being stopped",
    ActionKind.RESTART: "being restarted",
    ActionKind.RECREATE: "being recreated",
}
