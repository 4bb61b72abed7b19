"""The file that state travels in: JSON lines, a header first, that says how many follow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orchestrator.ports import Document, EventRecord, IncidentRecord

FORMAT: Final = "container-orchestrator-state"
VERSION: Final = 2
"""Of version 1 there were neither incidents nor histories."""


class UnusableFile(Exception):
    """It is no such file, or not a whole one; says why, and in which line."""


@dataclass(frozen=True, slots=True)
class State:
    services: Mapping[str, Document]
    events: Sequence[EventRecord]
    """Oldest first."""
    incidents: Sequence[IncidentRecord] = ()
    """Oldest first."""
    histories: Mapping[str, Document] = field(default_factory=dict)


def lines_of(state: State) -> Iterator[str]:
    """Without line ends."""
    yield _json({"format": FORMAT, "version": VERSION, **_counted(state)})
    for name, document in sorted(state.services.items()):
        yield _json({"service": name, "state": document})
    for event in state.events:
        yield _json({"event": event.document, "of": event.service})
    for incident in state.incidents:
        yield _json({"incident": incident.summary, "details": incident.details})
    for name, document in sorted(state.histories.items()):
        yield _json({"history": document, "of": name})


def read_lines(lines: Sequence[str]) -> State:
    """Everything or nothing: raises :class:`UnusableFile` for whatever is not as :func:`lines_of` wrote it."""
    if not lines:
        raise UnusableFile("it is empty")
    header = _object(lines[0], 1)
    if header.get("format") != FORMAT:
        raise UnusableFile("its first line is not that of an export; make one with `orchestrator state export FILE`")
    if header.get("version") not in (1, VERSION):
        raise UnusableFile(f"it has version {header.get('version')!r}; this orchestrator reads version {VERSION}")
    services: dict[str, Document] = {}
    events: list[EventRecord] = []
    incidents: list[IncidentRecord] = []
    histories: dict[str, Document] = {}
    for number, line in enumerate(lines[1:], 2):
        entry = _object(line, number)
        match entry:
            case {"service": str(name), "state": dict(document)}:
                services[name] = document
            case {"of": str(name), "event": {"sequence": int(sequence), **_others} as document}:
                if events and sequence <= events[-1].sequence:
                    raise UnusableFile(f"line {number}: event {sequence} comes after event {events[-1].sequence}")
                events.append(EventRecord(sequence, name, document))
            case {"incident": {"id": int(id_), **_others} as summary, "details": dict(details)}:
                incidents.append(IncidentRecord(id_, summary, details))
            case {"of": str(name), "history": dict(document)}:
                histories[name] = document
            case _:
                raise UnusableFile(f"line {number} is neither a service nor an event, an incident or a history")
    state = State(services, events, incidents, histories)
    for kind, held in _counted(state).items():
        promised = header.get(kind, 0)
        if held != promised:
            raise UnusableFile(f"it holds {held} {kind}, and its header promises {promised}: it was cut off or changed")
    return state


def _counted(state: State) -> dict[str, int]:
    return {
        "services": len(state.services),
        "events": len(state.events),
        "incidents": len(state.incidents),
        "histories": len(state.histories),
    }


def _json(entry: Mapping[str, object]) -> str:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        raise UnusableFile(f"line {number} is no JSON") from None
    if not isinstance(entry, dict):
        raise UnusableFile(f"line {number} is no JSON object")
    return entry
