"""An incident as it is kept and served, which is the same; and read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast, get_args

from orchestrator.core.incidents import Cause, Confidence, Entry, EntryKind, Incident, Member
from orchestrator.core.model import Status
from orchestrator.ports import Document
from orchestrator.runtime.views import timestamp


def summary_document(incident: Incident) -> Document:
    return {
        "id": incident.id,
        "status": incident.status,
        "severity": incident.severity,
        "title": incident.title,
        "cause": _cause_document(incident.cause),
        "members": [
            {
                "service": each.service,
                "role": each.role,
                "status": each.status.value,
                "joined_at": timestamp(each.joined_at),
                "left_at": _time(each.left_at),
            }
            for each in incident.members
        ],
        "began_at": _time(incident.began_at),
        "opened_at": timestamp(incident.opened_at),
        "acted_at": _time(incident.acted_at),
        "recovered_at": _time(incident.recovered_at),
        "closed_at": _time(incident.closed_at),
        "merged_into": incident.merged_into,
        "seconds_to_detect": _rounded(incident.seconds_to_detect),
        "seconds_to_act": _rounded(incident.seconds_to_act),
        "seconds_to_recover": _rounded(incident.seconds_to_recover),
    }


def details_document(incident: Incident) -> Document:
    """What the whole incident has besides."""
    return {
        "timeline": [
            {"at": timestamp(each.at), "kind": each.kind, "service": each.service, "text": each.text}
            for each in incident.timeline
        ],
        "omitted": incident.omitted,
        "evidence": [dict(piece) for piece in incident.evidence],
    }


def incident_document(incident: Incident) -> Document:
    return summary_document(incident) | details_document(incident)


def incident_of(document: Mapping[str, object]) -> Incident | None:
    """What was kept, read back; ``None``: it makes no sense. Never raises; what of it cannot be read is left out."""
    number, opened_at = document.get("id"), _wall(document.get("opened_at"))
    if not isinstance(number, int) or isinstance(number, bool) or number < 1 or opened_at is None:
        return None
    merged_into, omitted = document.get("merged_into"), document.get("omitted")
    return Incident(
        id=number,
        cause=_cause(_mapping(document.get("cause"))),
        title=_text(document.get("title")),
        opened_at=opened_at,
        began_at=_wall(document.get("began_at")),
        severity="critical" if document.get("severity") == "critical" else "warning",
        members=tuple(_members(document)),
        acted_at=_wall(document.get("acted_at")),
        recovered_at=_wall(document.get("recovered_at")),
        closed_at=_wall(document.get("closed_at")),
        merged_into=merged_into if isinstance(merged_into, int) else None,
        timeline=tuple(_timeline(document)),
        omitted=omitted if isinstance(omitted, int) else 0,
        evidence=tuple(_mappings(document.get("evidence"))),
    )


def _cause_document(cause: Cause) -> Document:
    return {
        "service": cause.service,
        "subject": cause.subject,
        "sentence": cause.sentence,
        "confidence": cause.confidence,
        "rule": cause.rule,
        "remedy": cause.remedy,
    }


def _cause(document: Mapping[str, object]) -> Cause:
    confidence = document.get("confidence")
    return Cause(
        sentence=_text(document.get("sentence")),
        service=_text(document.get("service")),
        subject=_text(document.get("subject")),
        confidence=cast("Confidence", confidence) if confidence in get_args(Confidence) else "possible",
        rule=_text(document.get("rule")),
        remedy=_text(document.get("remedy")),
    )


def _members(document: Mapping[str, object]) -> Iterator[Member]:
    statuses = {status.value: status for status in Status}
    for each in _mappings(document.get("members")):
        service, joined_at = _text(each.get("service")), _wall(each.get("joined_at"))
        if service and joined_at is not None:
            yield Member(
                service=service,
                role="root" if each.get("role") == "root" else "dependent",
                status=statuses.get(_text(each.get("status")), Status.NOT_FOUND),
                joined_at=joined_at,
                left_at=_wall(each.get("left_at")),
            )


def _timeline(document: Mapping[str, object]) -> Iterator[Entry]:
    for each in _mappings(document.get("timeline")):
        at, kind = _wall(each.get("at")), each.get("kind")
        if at is not None and kind in get_args(EntryKind):
            yield Entry(at, cast("EntryKind", kind), _text(each.get("service")), _text(each.get("text")))


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _wall(value: object) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _time(wall: float | None) -> str | None:
    return None if wall is None else timestamp(wall)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
