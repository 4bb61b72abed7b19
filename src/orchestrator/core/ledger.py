"""The reducer of incidents: one turn, from how services stand and what happened to them.

Dependents are placed before what they depend on, so that what takes many down in one turn is one incident from the
start. :mod:`orchestrator.core.joining` says which failures are one incident, :mod:`orchestrator.core.standing` how a
service stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.core.draft import Draft, Reckoning
from orchestrator.core.incidents import (
    ENGINE,
    STORM,
    Cause,
    Condition,
    HostCondition,
    Incident,
    Incidents,
    Note,
)
from orchestrator.core.joining import merge, place
from orchestrator.core.model import Instant, Status
from orchestrator.core.policy import SHORTEST_STABLE_RUN

STORM_REACHES_BACK: Final = 60.0
"""Seconds. Incidents opened, or acted on first, within them before restarts were paused are part of the same storm."""


def reckon(
    incidents: Incidents,
    conditions: Sequence[Condition],
    notes: Sequence[Note],
    host: HostCondition,
    now: Instant,
    *,
    gone: Collection[str] = (),
) -> Reckoning:
    """``conditions``: of the services that something changed for, and of what those are down for; ``gone``: services
    that are not managed any more. Pure, and total."""
    draft = Draft.of(incidents, conditions, host, now)
    failed = {note.service: note.text for note in notes if note.failure}
    _weigh_host(draft)
    for condition in _dependents_first(draft, conditions):
        words = failed.get(condition.service, "")
        if condition.stand == "ill":
            if words or not _starts_up(draft, condition):
                place(draft, condition, failed=bool(words))
        elif words and condition.stand != "excused":
            draft.conditions[condition.service] = replace(condition, sentence=f"{condition.service} failed: {words}")
            place(draft, draft.conditions[condition.service], failed=True)
    for note in notes:
        _write_down(draft, note)
    for condition in conditions:
        _follow(draft, condition)
    for name in gone:
        if name in draft.where:
            draft.dismiss(draft.where[name], name, f"{name} is not managed any more")
    for number in list(draft.open):
        _wind_up(draft, number)
    return draft.result()


def adopt(incidents: Incidents, kept: Iterable[Incident], last_id: int, now: Instant) -> Reckoning:
    """Take over what an earlier process left open. What was opened without knowing of it is numbered above it, and
    merged with what it continues."""
    ours = {number + last_id: replace(each, id=number + last_id) for number, each in incidents.open.items()}
    older = {each.id: each for each in kept if each.closed_at is None}
    before = replace(incidents, open={**older, **ours}, last_id=incidents.last_id + last_id)
    draft = Draft.of(before, (), incidents.host, now)
    for number, own in ours.items():
        services = [each.service for each in own.members if each.left_at is None]
        subject = own.cause.subject
        earlier = sorted(
            each.id
            for each in older.values()
            if (subject and each.cause.subject == subject) or any(_holds(each, name) for name in services)
        )
        if earlier:
            merge(draft, earlier[0], number, draft.open[earlier[0]].cause)
    draft.before = replace(before, open=older)
    return draft.result()


def _holds(incident: Incident, service: str) -> bool:
    member = incident.member(service)
    return member is not None and member.left_at is None


def _dependents_first(draft: Draft, conditions: Sequence[Condition]) -> list[Condition]:
    """Of those, the ones that an incident is named for at first: they take it along to what they are down for."""

    def rank(condition: Condition) -> tuple[bool, bool]:
        named = draft.where.get(condition.service)
        leads = named is not None and draft.open[named].cause.service == condition.service
        return not condition.roots, not leads

    return sorted(conditions, key=rank)


def _starts_up(draft: Draft, condition: Condition) -> bool:
    """Whether it is down for no fault of its own, and is just being brought up: nobody looked when it ended. What waits
    for something of the host that is not there, or for what fails, is in trouble."""
    if not condition.unwatched or condition.service in draft.where or ENGINE in draft.where:
        return False
    return all(key in draft.conditions and key not in draft.where for key in condition.roots)


# --- the host ------------------------------------------------------------------------------------------------------


def _weigh_host(draft: Draft) -> None:
    before, host = draft.before.host, draft.host
    if host.engine and not before.engine:
        cause = Cause(f"the engine does not answer: {host.engine}", subject=ENGINE, remedy=host.remedy)
        number = draft.where.get(ENGINE)
        if number is None:
            draft.start(cause, "critical")
        else:
            draft.tell(number, "detected", "", cause.sentence)
    elif before.engine and not host.engine and ENGINE in draft.where:
        draft.tell(draft.where[ENGINE], "recovered", "", "the engine answers again")
    if host.storm and not before.storm:
        _break_out(draft)
    elif before.storm and not host.storm and STORM in draft.where:
        draft.tell(draft.where[STORM], "remark", "", "restarts are resumed")


def _break_out(draft: Draft) -> None:
    """What failed just before is no cause any more, but what the storm took down."""
    cause = Cause(f"restarts are paused: {draft.host.storm}", subject=STORM, confidence="likely")
    since = draft.now.wall - STORM_REACHES_BACK
    parts = [
        number
        for number, each in draft.open.items()
        if each.cause.subject not in (ENGINE, STORM) and max(each.opened_at, each.acted_at or 0.0) >= since
    ]
    number = draft.where.get(STORM)
    if number is None and not parts:
        draft.start(cause, "critical")
        return
    whole = parts.pop(0) if number is None else number
    for part in parts:
        whole = merge(draft, whole, part, draft.open[min(whole, part)].cause)
    for member in draft.open[whole].members:
        draft.change(whole, member.service, role="dependent")
    draft.name(whole, cause)
    draft.worsen(whole)


# --- what happened ---------------------------------------------------------------------------------------------------


def _write_down(draft: Draft, note: Note) -> None:
    incident = draft.open.get(_told_in(draft, note) or 0)
    if incident is None:
        return
    member = incident.member(note.service)
    joined_now = member is not None and member.joined_at == draft.now.wall
    if note.failure or (note.kind == "waiting" and joined_now):
        return  # the line that it was detected, or joined, says it
    draft.tell(incident.id, note.kind, note.service, note.text)
    if note.acted and incident.acted_at is None:
        draft.open[incident.id] = replace(draft.open[incident.id], acted_at=draft.now.wall)
    if note.evidence is not None:
        draft.open[incident.id] = draft.open[incident.id].with_evidence(note.evidence)
    if note.cause is not None and incident.cause.service == note.service:
        draft.name(incident.id, note.cause)


def _told_in(draft: Draft, note: Note) -> int | None:
    """Who is restarted because a member was, is part of the story, and no member."""
    if note.incident is not None or note.service in draft.where:
        return note.incident or draft.where[note.service]
    condition = draft.conditions.get(note.service)
    if condition is None or note.kind not in ("action", "outcome"):
        return None
    return min((draft.where[name] for name in condition.needs if name in draft.where), default=None)


def _follow(draft: Draft, condition: Condition) -> None:
    """Bring the member up to how the service stands now."""
    number = draft.where.get(condition.service)
    member = None if number is None else draft.open[number].member(condition.service)
    if number is None or member is None or member.left_at is not None:
        return
    draft.change(number, condition.service, status=condition.status)
    before = draft.before.conditions.get(condition.service)
    was_well = member.status is Status.RUNNING if before is None else before.stand == "well"
    if condition.stand == "excused":
        draft.dismiss(number, condition.service, f"{condition.sentence}: left to whoever wants it so")
    elif condition.stand == "well" and not was_well:
        draft.tell(number, "recovered", condition.service, f"{condition.service} is well again")


# --- the end ---------------------------------------------------------------------------------------------------------


def _wind_up(draft: Draft, number: int) -> None:
    incident = draft.open[number]
    ails = draft.host_ails(incident.cause.subject)
    members = [each for each in incident.members if each.left_at is None]
    known = [draft.conditions.get(each.service) for each in members]
    if members or incident.cause.subject in (ENGINE, STORM):
        well = not ails and all(each is not None and each.stand == "well" for each in known)
        recovered_at = (incident.recovered_at or draft.now.wall) if well else None
        draft.open[number] = replace(incident, recovered_at=recovered_at)
    if draft.host.engine:
        return  # nobody can see whether anything is stably healthy
    for each in known:
        if each is not None and draft.now.moment >= each.stable_at:
            draft.change(number, each.service, left_at=draft.now.wall)
    left = any(each.left_at is None for each in draft.open[number].members)
    if not (left or ails or _unsettled(draft, incident)):
        draft.close(number, _last_words(draft.open[number]))


def _unsettled(draft: Draft, incident: Incident) -> bool:
    """An engine that has just come back may go again."""
    answering = draft.now.moment - draft.host.answering_since
    return incident.cause.subject == ENGINE and answering < SHORTEST_STABLE_RUN


def _last_words(incident: Incident) -> str:
    if incident.recovered_at is None:
        return "nothing is left to be done"
    return "it came back by itself" if incident.acted_at is None else "everything has been well for long enough"
