"""Incidents in the words of a message: what a person reads who has just been woken.

First the cause, then one line of evidence, who is affected, what was done, whether it worked, and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orchestrator.core.incidents import EntryKind, Incident
from orchestrator.core.model import Instant
from orchestrator.core.notices import Dispatch, Kind, Notice
from orchestrator.core.notification import Notification, Tone
from orchestrator.runtime.incident_document import summary_document
from orchestrator.runtime.views import timestamp
from orchestrator.terminal import printable

_LONGEST_SUBJECT: Final = 160
_LONGEST_LINE: Final = 500
"""Characters."""
_MOST_NAMES: Final = 5
_MOST_IN_DIGEST: Final = 20
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>#~|])")

Line = tuple[str, str]
"""A label and what it labels."""


def compose(dispatch: Dispatch, sender: str, now: Instant) -> Notification:
    """One message for all of the dispatch's notices."""
    if len(dispatch.notices) > 1:
        return _digest(dispatch, sender, now)
    notice = dispatch.notices[0]
    return _message(
        _Draft(
            key=dispatch.key,
            tone=_tone(notice),
            kind=notice.kind,
            subject=f"{_headline(notice, now)}{notice.incident.title}",
            lines=tuple(_lines(notice, sender, now)),
            incidents=(notice.incident,),
        ),
        sender,
        now,
    )


def test_message(key: str, channel: str, sender: str, now: Instant) -> Notification:
    """``key``: of this test and no other one."""
    lines = (
        ("Test", f"this is what a message to the channel {channel} looks like; nothing has happened"),
        ("To do", "nothing"),
        ("Sent", f"{_clock(now.wall)} by the orchestrator on {sender}"),
    )
    return _message(_Draft(key, Tone.INFO, "test", "a test message, nothing has happened", lines), sender, now)


@dataclass(frozen=True, slots=True)
class _Draft:
    key: str
    tone: Tone
    kind: str
    subject: str
    lines: Sequence[Line]
    incidents: Sequence[Incident] = ()


def _message(draft: _Draft, sender: str, now: Instant) -> Notification:
    subject = _bounded(f"[{sender}] {draft.subject}", _LONGEST_SUBJECT)
    lines = [(label, _bounded(words, _LONGEST_LINE)) for label, words in draft.lines]
    width = max(len(label) for label, _ in lines) + 1
    text = "\n".join(f"{label + ':':{width}} {words}" for label, words in lines)
    markdown = "\n".join(f"- **{label}**: {_MARKUP.sub(_escaped, words)}" for label, words in lines)
    document = {
        "type": "notification",
        "key": draft.key,
        "kind": draft.kind,
        "sender": sender,
        "subject": subject,
        "text": text,
        "markdown": markdown,
        "incidents": [summary_document(each) for each in draft.incidents],
        "timestamp": timestamp(now.wall),
    }
    return Notification(draft.key, draft.tone, subject, text, markdown, document)


# --- one incident --------------------------------------------------------------------------------------------


def _headline(notice: Notice, now: Instant) -> str:
    incident = notice.incident
    critical = "critical: " if incident.severity == "critical" else ""
    match notice.kind:
        case Kind.OPENED:
            return critical
        case Kind.UPDATED:
            return critical or "the cause is another: "
        case Kind.REMINDER:
            return f"{critical}still open after {_span(now.wall - incident.opened_at)}: "
        case Kind.RESOLVED:
            return f"resolved after {_span((incident.closed_at or now.wall) - incident.opened_at)}: "


def _tone(notice: Notice) -> Tone:
    if notice.kind is Kind.RESOLVED:
        return Tone.GOOD
    return Tone.BAD if notice.incident.severity == "critical" else Tone.WARNING


def _lines(notice: Notice, sender: str, now: Instant) -> Iterator[Line]:
    incident, cause = notice.incident, notice.incident.cause
    sure = "" if cause.confidence == "certain" else f" ({cause.confidence})"
    yield "Cause", f"{cause.sentence or incident.title}{sure}"
    evidence = _newest(incident, "evidence")
    if evidence:
        yield "Evidence", evidence
    dependents = sorted(each.service for each in incident.members if each.role == "dependent")
    if dependents:
        yield "Affected", _named(dependents)
    yield "Done", _done(incident)
    yield "Result", _result(incident)
    if notice.kind is not Kind.RESOLVED:
        yield "To do", cause.remedy or _next_step(incident)
    yield "Incident", f"{incident.id} on {sender}, {_when(incident, now)}: orchestrator incidents {incident.id}"


def _newest(incident: Incident, *kinds: EntryKind) -> str:
    return next((each.text for each in reversed(incident.timeline) if each.kind in kinds), "")


def _done(incident: Incident) -> str:
    done = [each for each in incident.timeline if each.kind in ("action", "playbook")]
    if not done:
        return "nothing yet" if incident.closed_at is None else "nothing"
    newest = f"{_clock(done[-1].at)}: {done[-1].text}"
    return f"at {newest}" if len(done) == 1 else f"{len(done)} actions, the last at {newest}"


def _result(incident: Incident) -> str:
    if incident.recovered_at is not None:
        return f"all well since {_clock(incident.recovered_at)}"
    if incident.closed_at is not None:
        return _newest(incident, "closed") or "closed"
    outcome = _newest(incident, "outcome")
    return f"not well; the last outcome: {outcome}" if outcome else "not well"


def _next_step(incident: Incident) -> str:
    service = incident.cause.service
    if not service:
        return "look at the host: orchestrator doctor"
    if incident.severity == "critical":
        return f"it does not heal by itself: see orchestrator explain {service}, orchestrator logs {service}"
    return f"nothing yet, it is being healed: orchestrator explain {service}"


def _when(incident: Incident, now: Instant) -> str:
    opened = datetime.fromtimestamp(incident.opened_at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    if incident.closed_at is None:
        return f"open since {opened} ({_span(now.wall - incident.opened_at)})"
    return f"opened {opened}, closed {_clock(incident.closed_at)}"


# --- several -------------------------------------------------------------------------------------------------


def _digest(dispatch: Dispatch, sender: str, now: Instant) -> Notification:
    over = [each for each in dispatch.notices if each.kind is Kind.RESOLVED]
    ill = sorted(
        (each for each in dispatch.notices if each.kind is not Kind.RESOLVED),
        key=lambda each: (each.incident.severity != "critical", each.incident.id),
    )
    critical = sum(each.incident.severity == "critical" for each in ill)
    tally = [f"{len(ill)} open"] * bool(ill) + [f"{critical} critical"] * bool(critical)
    tally += [f"{len(over)} resolved"] * bool(over)
    everything = [*ill, *over]
    lines = [(str(each.incident.id), f"{_headline(each, now)}{each.incident.title}") for each in everything]
    if len(lines) > _MOST_IN_DIGEST:
        lines[_MOST_IN_DIGEST:] = [("And", f"{len(lines) - _MOST_IN_DIGEST} more")]
    return _message(
        _Draft(
            key=dispatch.key,
            tone=Tone.BAD if critical else Tone.WARNING if ill else Tone.GOOD,
            kind="digest",
            subject=f"{len(everything)} incidents: {', '.join(tally)}",
            lines=[*lines, ("To do", f"on {sender}: orchestrator incidents")],
            incidents=[each.incident for each in everything],
        ),
        sender,
        now,
    )


# --- words ---------------------------------------------------------------------------------------------------


def _named(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{listed} and {more} more" if more > 0 else listed


def _span(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h``, ``5 d``."""
    whole = max(int(seconds), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _clock(wall: float) -> str:
    """By the machine's own clock."""
    return datetime.fromtimestamp(wall).astimezone().strftime("%H:%M:%S")


def _bounded(words: str, most: int) -> str:
    """On one line, with nothing in it that a reader would obey."""
    line = printable(" ".join(words.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[1]}"
