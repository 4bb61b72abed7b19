"""One decision in plain words: what was seen, what was decided and why, what is waited for, what comes next.

Told from what was recorded alone. Times are spans from the decision on; who shows them knows when that was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from orchestrator.core import policy
from orchestrator.core.foresight import Intention, foresee
from orchestrator.core.messages import Facts, Message, NoEvidence, Outcome, Result
from orchestrator.core.model import ContainerSnapshot, ContainerState, Instant, ServiceState, Status, Verdict
from orchestrator.core.recording import DecisionRecord


@dataclass(frozen=True, slots=True)
class Chapter:
    """A decision for people. Texts are empty where there is nothing to say."""

    at: Instant
    status: Status
    """After it."""
    seen: str
    decided: str
    why: str
    waiting: str
    """What it waits for from then on."""
    upcoming: str
    """What would come next, if nothing changed."""
    upcoming_at: float | None
    """Wall time of that; ``None``: no moment is known, or there is nothing."""


def tell(record: DecisionRecord) -> Chapter:
    after = record.decision.state
    upcoming, upcoming_in = _upcoming(record)
    return Chapter(
        at=record.now,
        status=after.status,
        seen="; ".join(_seen(record)),
        decided="; ".join(_decided(record)) or "nothing is done",
        why="; ".join(_why(record)),
        waiting="; ".join(_waiting(record)),
        upcoming=upcoming,
        upcoming_at=None if upcoming_in is None else record.now.wall + upcoming_in,
    )


def span(seconds: float) -> str:
    """``4.0 s``, ``5 min``, ``3 h``, ``2 d``: the largest unit alone."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    for size, unit in ((172_800, "d"), (7200, "h")):
        if seconds >= size:
            return f"{seconds / (size / 2):.0f} {unit}"
    return f"{seconds / 60:.0f} min"


# --- what was seen -------------------------------------------------------------------------------------------


def _seen(record: DecisionRecord) -> Iterator[str]:
    facts, before = record.facts, record.before
    if facts.command is not None:
        yield f"{facts.command.actor} asked for {type(facts.command).__name__.lower()}"
    if facts.outcome is not None:
        yield _ending(facts.outcome, before)
    yield _container(facts.container, record.now)
    if facts.stop_requested:
        yield "somebody asked the engine to stop it"
    yield from _answer(facts, before)


def _ending(outcome: Outcome, before: ServiceState) -> str:
    what = "action" if before.attempt is None else str(before.attempt.kind)
    match outcome.result:
        case Result.DONE:
            return f"the {what} was carried out{f' ({outcome.detail})' if outcome.detail else ''}"
        case Result.FAILED:
            return f"the {what} failed: {outcome.detail}"
        case Result.UNKNOWN:
            return f"how the {what} ended is not known: {outcome.detail}"
        case _:
            assert_never(outcome.result)


def _container(container: ContainerSnapshot | NoEvidence | None, now: Instant) -> str:
    if isinstance(container, NoEvidence):
        return "the engine could not be asked"
    if container is None:
        return "it has no container"
    match container.state:
        case ContainerState.RUNNING:
            since = now.wall if container.started_at is None else container.started_at
            return f"container {container.name} runs, for {span(max(now.wall - since, 0.0))}"
        case ContainerState.EXITED | ContainerState.CREATED | ContainerState.DEAD:
            return f"container {container.name} is down: {policy.describe_exit(container)}"
        case _:
            return f"container {container.name} is {container.state}"


def _answer(facts: Facts, before: ServiceState) -> Iterator[str]:
    """Of the check, where it was news."""
    probe, container = facts.probe, facts.container
    if probe is None or not isinstance(container, ContainerSnapshot) or probe.run != container.run:
        return
    if probe.checked.moment <= before.probe_seen or container.state is not ContainerState.RUNNING:
        return
    match probe.verdict:
        case Verdict.PASS:
            yield f"its {probe.method} check passed: {probe.detail}"
        case Verdict.FAIL:
            yield f"its {probe.method} check failed: {probe.detail}"
        case Verdict.UNKNOWN:
            yield f"its {probe.method} check could not be asked: {probe.detail}"
        case _:
            assert_never(probe.verdict)


# --- what was decided ----------------------------------------------------------------------------------------

_SAID_OTHERWISE = (Message.RESTARTING, Message.HEALTH_CHECK_FAILED, Message.MAX_FAILURES)
"""By the action, the status, or both."""


def _decided(record: DecisionRecord) -> Iterator[str]:
    before, decision = record.before, record.decision
    after = decision.state
    if decision.reply is not None:
        yield f"{'accepted' if decision.reply.accepted else 'refused'}: {decision.reply.message}"
    for action in decision.actions:
        yield f"{action.kind} it"
    if after.status is not before.status:
        yield f"{after.status}, it was {before.status}"
    if after.strikes > before.strikes:
        yield f"failure {after.strikes}{_of_how_many(record)}"
    elif before.strikes and not after.strikes:
        yield "its failures are forgiven"
    if after.confirmations > before.confirmations:
        yield f"failed check {after.confirmations} since the failure: that confirms it"
    for event in decision.events:
        if event.message not in _SAID_OTHERWISE:
            yield event.message


def _of_how_many(record: DecisionRecord) -> str:
    recovery = record.spec.recovery
    return f" of {recovery.max_failures}" if recovery.on_max_failures == "disable" else ""


def _why(record: DecisionRecord) -> Iterator[str]:
    decision = record.decision
    causes = [action.cause for action in decision.actions] or [event.cause for event in decision.events]
    for cause in dict.fromkeys(causes or filter(None, [decision.state.reason])):
        if not any(cause in other and cause != other for other in causes):
            yield cause


# --- what comes ----------------------------------------------------------------------------------------------


def _waiting(record: DecisionRecord) -> Iterator[str]:
    after, facts, now = record.decision.state, record.facts, record.now
    yield from _attempted(after)
    if after.retry_at is not None and after.retry_at > now.moment:
        yield f"its backoff, {span(after.retry_at - now.moment)}"
    if after.grace_ends is not None and after.grace_ends > now.moment:
        yield f"a check that passes, or the end of its grace in {span(after.grace_ends - now.moment)}"
    if after.status is not Status.RUNNING:
        yield from facts.unmet
    if after.due_since is not None:
        yield from (each.name for each in facts.awaited)
    if after.hold is not None:
        yield f"the end of the hold by {after.hold.by}, in {span(max(after.hold.until - now.moment, 0.0))}"
    if facts.held:
        yield facts.held
    if record.decision.due:
        yield "its turn: the engine has enough to do"


def _attempted(after: ServiceState) -> Iterator[str]:
    attempt = after.attempt
    if attempt is None:
        return
    if attempt.queued:
        yield f"its turn in the lane, for the {attempt.kind}"
    elif attempt.in_flight:
        yield f"the end of the {attempt.kind}"
    elif not attempt.pauses:
        yield f"what becomes of the {attempt.kind}"


def _upcoming(record: DecisionRecord) -> tuple[str, float | None]:
    """In words, and in how many seconds."""
    after, now = record.decision.state, record.now
    if after.withheld or (after.attempt is not None and after.attempt.in_flight):
        return "", None
    levels = replace(record.facts, outcome=None, command=None, dry_run=False)
    foreseen = foresee(record.spec, after, levels, now)
    left = None if foreseen.at is None else max(foreseen.at - now.moment, 0.0)
    match foreseen.intention:
        case Intention.NOTHING if foreseen.at is None:
            return "", None
        case Intention.NOTHING:
            return foreseen.cause, left
        case Intention.WAIT:
            return "", None
        case Intention.HELD:
            return f"nothing, whatever happens: {', '.join(foreseen.blocked_by)}", None
        case _:
            when = "" if left is None else f" in {span(left)}"
            return f"{foreseen.intention}{when}, unless something changes", left
