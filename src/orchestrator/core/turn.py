"""One turn of one service in the making: the state as changed so far, and what was told and ordered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from orchestrator.core import policy
from orchestrator.core.messages import Action, Event, Facts, Message, Reply
from orchestrator.core.model import (
    ActionKind,
    Attempt,
    ContainerSnapshot,
    Instant,
    ServiceSpec,
    ServiceState,
    Status,
)


@dataclass(slots=True)
class Turn:
    """Local to one call of ``decide``: nothing outside ever sees it change."""

    spec: ServiceSpec
    state: ServiceState
    facts: Facts
    now: Instant
    events: list[Event] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    reply: Reply | None = None

    def note(self, reason: str) -> None:
        """Say why things are as they are, without making it an event; disabled, the why of that stays."""
        if self.state.enabled and self.state.reason != reason:
            self.state = replace(self.state, reason=reason)

    def become(self, status: Status, reason: str) -> None:
        """Take on a status and its reason; a disabled service stays so until it is enabled."""
        if self.state.enabled:
            self.state = replace(self.state, status=status, reason=reason)

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
    ) -> None:
        """Give one action to the hands; until its outcome nothing else is decided.

        ``announced``: it continues an action that people were told of.
        """
        action_id = f"{self.spec.name}-{round(self.now.wall * 1000)}-{self.state.restart_count}"
        self.actions.append(
            Action(
                action_id=action_id,
                service=self.spec.name,
                kind=kind,
                container_id=container.container_id,
                run=container.run,
                cause=cause,
                manual=manual,
                stop_timeout=self.spec.recovery.stop_timeout,
            )
        )
        self.state = replace(
            self.state,
            attempt=Attempt(action_id, kind, manual, cause, container.run),
            retry_at=None,
            confirmations=0,
        )
        if not announced:
            self.tell(_ANNOUNCEMENTS[manual, kind], cause)

    def fail(self, cause: str, *, death: bool) -> None:
        """Count one failure: arm the retry, or, at the limit, disable.

        The first death after a stable run is healed at once; every other failure waits its backoff.
        """
        recovery = self.spec.recovery
        strikes = self.state.strikes + 1
        wait = policy.backoff(strikes, recovery) * (1 + self.facts.jitter)
        at_once = death and self.state.strikes == 0
        self.state = replace(
            self.state,
            strikes=strikes,
            failure_count=self.state.failure_count + 1,
            last_backoff=wait,
            retry_at=self.now.moment + (0.0 if at_once else wait),
            confirmations=0,
            healthy_since=None,
        )
        if recovery.on_max_failures == "disable" and strikes >= recovery.max_failures:
            self.state = replace(
                self.state,
                status=Status.DISABLED,
                disabled_by="max_failures",
                disabled_at=self.now.moment,
                retry_at=None,
                reason=f"{strikes} failures without a stable run in between, the last: {cause}",
            )
            self.tell(Message.MAX_FAILURES, self.state.reason)

    def close_attempt(self, message: Message, cause: str) -> None:
        """End the open attempt, if there is one, with exactly one event."""
        if self.state.attempt is None:
            return
        self.state = replace(self.state, attempt=None)
        self.tell(message, cause)


_ANNOUNCEMENTS = {
    (False, ActionKind.START): Message.RESTARTING,
    (False, ActionKind.RESTART): Message.RESTARTING,
    (True, ActionKind.START): Message.MANUAL_START,
    (True, ActionKind.RESTART): Message.MANUAL_RESTART,
    (True, ActionKind.STOP): Message.MANUAL_STOP,
}
