"""Decisions with all that went into them, as lines of JSON: what ``replay`` reads and ``explain`` tells from.

Three kinds of line: ``{"recording": 1, ...}`` opens a file, and a process; ``{"policy": DIGEST, "spec": {...}}`` comes
before the first decision that was taken by this specification; ``{"service": NAME, "policy": DIGEST, ...}`` is one
decision. ``{"lost": N}`` stands where so many could not be written. Each line can be read without those before it,
but for the specification.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from operator import attrgetter
from typing import Final, TypeVar

from orchestrator.core.codec import Json, Unreadable, decode, encode, field_forms
from orchestrator.core.messages import Decision, Facts
from orchestrator.core.model import Instant, ServiceSpec, ServiceState

Part = TypeVar("Part")

VERSION: Final = 1
"""Of the lines. Another number is another form; so is another default of a field, because defaults are left out."""

_DIGITS: Final = 12
_STATE: Final = field_forms(ServiceState)
_told: Final = attrgetter(*(each.name for each in fields(ServiceState) if each.name != "probe_seen"))


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One call of ``decide``: what it was given, and what it answered."""

    spec: ServiceSpec
    before: ServiceState
    facts: Facts
    now: Instant
    decision: Decision

    @property
    def service(self) -> str:
        return self.spec.name


def changes(before: ServiceState, decision: Decision) -> bool:
    """Whether a decision is worth a line: it is not when it found everything as it was."""
    if decision.actions or decision.events or decision.reply is not None or decision.due:
        return True
    return before is not decision.state and not alike(before, decision.state)


def alike(one: ServiceState, other: ServiceState) -> bool:
    """The same but for which answer of the check was taken in last."""
    return bool(_told(one) == _told(other))


def digest(spec: ServiceSpec) -> str:
    """The same for equal specifications, whoever computes it."""
    return sha256(_line(encode(ServiceSpec, spec)).encode()).hexdigest()[:_DIGITS]


# --- writing -------------------------------------------------------------------------------------------------


class Writer:
    """The lines of one file, in order; each ends with a line feed."""

    def __init__(self) -> None:
        self._digests: dict[ServiceSpec, str] = {}

    def head(self, version: str, now: Instant) -> str:
        """``version`` is the orchestrator's own."""
        return _line({"recording": VERSION, "orchestrator": version, "now": encode(Instant, now)})

    def lines(self, record: DecisionRecord) -> str:
        """One decision, after its specification where that is new here."""
        told = ""
        known = self._digests.get(record.spec)
        if known is None:
            known = self._digests[record.spec] = digest(record.spec)
            told = _line({"policy": known, "spec": encode(ServiceSpec, record.spec)})
        return told + _line(
            {
                "service": record.service,
                "policy": known,
                "now": encode(Instant, record.now),
                "state": encode(ServiceState, record.before),
                "facts": encode(Facts, record.facts),
                "decision": _decision_document(record.before, record.decision),
            }
        )

    @staticmethod
    def lost(number: int) -> str:
        return _line({"lost": number})


def _decision_document(before: ServiceState, decision: Decision) -> Json:
    """Of the next state only what is new."""
    values = ((name, getattr(before, name), getattr(decision.state, name)) for name in _STATE)
    state = {name: _STATE[name].write(new) for name, old, new in values if new is not old and new != old}
    rest = encode(Decision, replace(decision, state=_NEVER_SEEN))
    return {**rest, "state": state}


_NEVER_SEEN: Final = ServiceState()


def _line(document: Json) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


# --- reading -------------------------------------------------------------------------------------------------


class BadLine(ValueError):
    """A line that is none of ours, or damaged; ``number`` counts from 1."""

    def __init__(self, number: int, fact: str) -> None:
        super().__init__(f"line {number}: {fact}")
        self.number = number


@dataclass(slots=True)
class Recording:
    """The decisions of a file, read as they are asked for. Raises :class:`BadLine`."""

    written: Iterable[str]
    """Lines with their ends. A last one without any was being written when its process died: it is left out."""
    lost: int = 0
    """Decisions that could not be written, as far as it was read."""
    cut_short: bool = False

    def __iter__(self) -> Iterator[DecisionRecord]:
        specs: dict[str, ServiceSpec] = {}
        self.lost = number = 0
        for number, line in enumerate(self.written, start=1):
            if not line.endswith("\n"):
                self.cut_short = True
                break
            document = _parsed(number, line)
            try:
                record = self._take(document, specs, first=number == 1)
            except Unreadable as unreadable:
                raise BadLine(number, str(unreadable)) from None
            if record is not None:
                yield record
        if number == 0:
            raise BadLine(1, "it is empty")

    def _take(self, document: dict[str, Json], specs: dict[str, ServiceSpec], *, first: bool) -> DecisionRecord | None:
        if first and "recording" not in document:
            raise Unreadable("no recording of decisions begins like this")
        match document:
            case {"recording": version} if version != VERSION:
                raise Unreadable(f"its form is {version!r}, and this orchestrator reads {VERSION}")
            case {"recording": _}:
                pass
            case {"lost": int(number)}:
                self.lost += number
            case {"policy": str(policy), "spec": spec}:
                specs[policy] = _part("spec", ServiceSpec, spec)
            case {"service": _, "policy": policy}:
                if policy not in specs:
                    raise Unreadable(f"policy {policy!r} was not told before")
                return _record(document, specs[policy])
            case _:
                raise Unreadable("it is no line of a recording")
        return None


def _parsed(number: int, line: str) -> dict[str, Json]:
    try:
        document = json.loads(line)
    except ValueError:
        raise BadLine(number, "it is no JSON") from None
    if not isinstance(document, dict):
        raise BadLine(number, "it is no JSON object")
    return document


def _record(document: dict[str, Json], spec: ServiceSpec) -> DecisionRecord:
    before = _part("state", ServiceState, document.get("state"))
    return DecisionRecord(
        spec=spec,
        before=before,
        facts=_part("facts", Facts, document.get("facts")),
        now=_part("now", Instant, document.get("now")),
        decision=_decision(document.get("decision"), before),
    )


def _part(name: str, kind: type[Part], document: Json) -> Part:
    try:
        return decode(kind, document)
    except Unreadable as unreadable:
        raise Unreadable(unreadable.fact, (name, *unreadable.path)) from None


def _decision(document: Json, before: ServiceState) -> Decision:
    if not isinstance(document, dict) or not isinstance(document.get("state"), dict):
        raise Unreadable("no decision is in it")
    changed, unknown = document["state"], document["state"].keys() - _STATE.keys()
    if unknown:
        raise Unreadable(f"unknown: {', '.join(sorted(unknown))}", ("decision", "state"))
    known = {**encode(ServiceState, before), **changed}
    return replace(
        _part("decision", Decision, {**document, "state": {}}), state=_part("decision.state", ServiceState, known)
    )
