"""What every store writes and reads alike: names, numbers, and documents as JSON text."""

from __future__ import annotations

import json
from typing import Final

from orchestrator.ports import Document

RETAINED_INCIDENTS: Final = 1000
"""Closed ones; an incident is some ten kilobytes, evidence a multiple of it."""
RETAINED_DAYS: Final = 90
"""After its last change, a closed incident."""

_LARGEST_INTEGER: Final = 2**63 - 1


def plain(name: str) -> str:
    """A label can carry half a surrogate pair, which is no text to a store; it must not hold up the others."""
    return name.encode("utf-8", "backslashreplace").decode()


def bounded(number: int) -> int:
    return max(-_LARGEST_INTEGER, min(number, _LARGEST_INTEGER))


def encoded(document: Document) -> str:
    return json.dumps(document, separators=(",", ":"))


def concerns(summary: Document, service: str | None) -> bool:
    """Whether the incident has this service among its members; every one has ``None``."""
    members = summary.get("members")
    found = members if isinstance(members, list) else []
    return service is None or any(isinstance(each, dict) and each.get("service") == service for each in found)


def decoded(text: object) -> Document | None:
    """``None`` for what somebody's hand, or a failing disk, has left there."""
    if not isinstance(text, str):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
