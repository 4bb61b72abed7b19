"""To which incident a failure belongs: to one that is open and shares its cause, or to one of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from orchestrator.core.draft import Draft
from orchestrator.core.incidents import ENGINE, STORM, Cause, Condition, Incident, Member
from orchestrator.core.standing import cause_of
from orchestrator.core.storm import WINDOW

SOON: Final = 120.0
"""Seconds within which a failure is put down to another one that need not be behind it."""


def place(draft: Draft, condition: Condition, *, failed: bool) -> None:
    """``failed``: a failure of it was counted in this turn; else it may just be waiting for others, or to settle."""
    home = draft.where.get(condition.service)
    if condition.roots:
        _by_its_roots(draft, condition, home)
    elif home is None:
        _by_itself(draft, condition)
    else:
        _once_more(draft, condition, home, failed=failed)
    if condition.given_up:
        draft.worsen(draft.where[condition.service])


def merge(draft: Draft, one: int, other: int, cause: Cause) -> int:
    """They turned out to be the same: told further as the older of the two, whose number is returned."""
    older, newer = sorted((one, other))
    into, part = draft.open[older], draft.open[newer]
    known = {each.service: each for each in part.members} | {each.service: each for each in into.members}
    draft.close(newer, f"it is part of incident {older}: {cause.sentence}")
    draft.closed[newer] = replace(
        draft.closed[newer],
        merged_into=older,
        members=tuple(replace(each, left_at=each.left_at or draft.now.wall) for each in part.members),
    )
    story = sorted((*into.timeline, *part.timeline), key=lambda entry: entry.at)
    joint = replace(
        into,
        members=tuple(_continued(each, part.member(each.service)) for each in known.values()),
        began_at=_earlier(into.began_at, part.began_at),
        acted_at=_earlier(into.acted_at, part.acted_at),
        recovered_at=None,
        severity="critical" if "critical" in (into.severity, part.severity) else "warning",
        timeline=(),
        omitted=into.omitted + part.omitted,
    ).told(*story)
    for piece in part.evidence:
        joint = joint.with_evidence(piece)
    draft.put(joint)
    draft.tell(older, "joined", "", f"incident {newer} is part of this one: {part.title}")
    draft.name(older, cause)
    return older


def _continued(member: Member, elsewhere: Member | None) -> Member:
    """Who was a member of both is one as long as it is of either."""
    still = elsewhere is not None and elsewhere.left_at is None
    return replace(member, left_at=None) if still else member


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


# --- what is down for something else ---------------------------------------------------------------------------


def _by_its_roots(draft: Draft, condition: Condition, home: int | None) -> None:
    known = sorted({draft.where[key] for key in condition.roots if key in draft.where})
    member = None if home is None else draft.open[home].member(condition.service)
    if home is None or member is None:
        number = known[0] if known else _open_for(draft, condition)
        _attach(draft, number, condition)
    elif home in known:
        _demote(draft, home, condition)
    elif not known:
        _uncover(draft, home, condition)
    elif member.role == "root":
        cause = draft.open[known[0]].cause
        _demote(draft, merge(draft, home, known[0], cause), condition)
    else:
        _attach(draft, known[0], condition)


def _open_for(draft: Draft, condition: Condition) -> int:
    cause = cause_of(condition.roots[0], draft.conditions, draft.host)
    number = draft.start(cause, began_at=_earlier(_began(draft, condition), condition.began_at))
    _admit_roots(draft, number, condition)
    return number


def _began(draft: Draft, condition: Condition) -> float | None:
    """When the first of its roots failed, as far as they did, and it is known."""
    roots = (draft.conditions.get(key) for key in condition.roots)
    known = (each.began_at for each in roots if each is not None and each.stand == "ill")
    return min((each for each in known if each is not None), default=None)


def _admit_roots(draft: Draft, number: int, condition: Condition) -> None:
    for key in condition.roots:
        root = draft.conditions.get(key)
        if root is not None:
            draft.admit(number, root, "root")


def _attach(draft: Draft, number: int, condition: Condition) -> None:
    draft.admit(number, condition, "dependent")
    draft.tell(number, "joined", condition.service, condition.sentence)


def _demote(draft: Draft, number: int, condition: Condition) -> None:
    """It is no cause of this incident, or no longer."""
    draft.admit(number, condition, "dependent")
    if draft.open[number].cause.service == condition.service:
        draft.name(number, cause_of(condition.roots[0], draft.conditions, draft.host))


def _uncover(draft: Draft, number: int, condition: Condition) -> None:
    """What it is down for is news: the cause moves there."""
    began_at = _began(draft, condition)
    _admit_roots(draft, number, condition)
    draft.put(replace(draft.open[number], began_at=_earlier(draft.open[number].began_at, began_at)))
    draft.admit(number, condition, "dependent")
    draft.name(number, cause_of(condition.roots[0], draft.conditions, draft.host))


# --- what fails of itself ----------------------------------------------------------------------------------------


def _by_itself(draft: Draft, condition: Condition) -> None:
    number = _kindred(draft, condition)
    if number is not None:
        _attach(draft, number, condition)
        return
    for number, root in _led_by_dependents(draft, condition):
        draft.admit(number, condition, "root")
        draft.admit(number, draft.conditions[root.service], "dependent")
        draft.put(replace(draft.open[number], began_at=_earlier(draft.open[number].began_at, condition.began_at)))
        draft.name(number, cause_of(condition.service, draft.conditions, draft.host))
        return
    cause = cause_of(condition.service, draft.conditions, draft.host)
    number = draft.start(cause, began_at=condition.began_at)
    draft.admit(number, condition, "root")


def _kindred(draft: Draft, condition: Condition) -> int | None:
    """An open incident that is behind this failure, or probably is."""
    if condition.unwatched and ENGINE in draft.where:
        return draft.where[ENGINE]
    if STORM in draft.where and (draft.host.storm or _rages_still(draft.open[draft.where[STORM]], draft.now.wall)):
        return draft.where[STORM]
    needed = {draft.where[name] for name in condition.needs if name in draft.where}
    wanted = {draft.where[name] for name in condition.wants if _lately(draft, name)}
    return min(needed or wanted, default=None)


def _rages_still(storm: Incident, wall: float) -> bool:
    """Restarts may be resumed while the last of those that failed together are only being seen to."""
    return wall - max((each.joined_at for each in storm.members), default=-math.inf) <= WINDOW


def _lately(draft: Draft, name: str) -> bool:
    incident = draft.open.get(draft.where.get(name, 0))
    member = None if incident is None else incident.member(name)
    return member is not None and draft.now.wall - member.joined_at <= SOON


def _led_by_dependents(draft: Draft, condition: Condition) -> Iterator[tuple[int, Member]]:
    """Incidents named for one that needs this service, and failed a little earlier: so it is with what is asked for its
    health more often than what it depends on."""
    for number, incident in draft.open.items():
        for root in _roots(incident):
            needing = draft.conditions.get(root.service)
            if needing is None or needing.stand == "well" or condition.service not in needing.needs:
                continue
            if draft.now.wall - root.joined_at <= SOON:
                yield number, root


def _roots(incident: Incident) -> Iterator[Member]:
    return (each for each in incident.members if each.role == "root" and each.left_at is None)


def _once_more(draft: Draft, condition: Condition, home: int, *, failed: bool) -> None:
    """A member fails, again or still."""
    incident = draft.open[home]
    member, before = incident.member(condition.service), draft.before.conditions.get(condition.service)
    if member is None or member.left_at is not None:
        draft.admit(home, condition, "dependent" if member is None else member.role)
    if before is not None and before.stand != "ill" and not condition.given_up:
        draft.tell(home, "detected", condition.service, condition.sentence)
    if incident.cause.service == condition.service:
        _sharpen(draft, home, condition)
    elif condition.given_up or (failed and _is_well(draft, incident.cause.service)):
        draft.admit(home, condition, "root")
        draft.name(home, cause_of(condition.service, draft.conditions, draft.host))


def _sharpen(draft: Draft, number: int, condition: Condition) -> None:
    """What was only seen of its check may be told by the engine now, unless that is our own doing."""
    incident = draft.open[number]
    surer = incident.cause.confidence != "certain" and condition.certain and incident.acted_at is None
    if condition.given_up or (surer and not incident.cause.rule):
        cause = cause_of(condition.service, draft.conditions, draft.host)
        draft.name(number, replace(cause, rule=incident.cause.rule, remedy=incident.cause.remedy))


def _is_well(draft: Draft, service: str) -> bool:
    """Whether what it is named for is no more what keeps it open; what is the host's stays its cause."""
    cause = draft.conditions.get(service)
    return cause is not None and cause.stand == "well"
