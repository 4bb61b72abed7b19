"""One message for people, as every channel gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How bad the news is."""

    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Notification:
    key: str
    """The same for every attempt to deliver this message, and for no other one."""
    tone: Tone
    subject: str
    """One line."""
    text: str
    """Plain."""
    markdown: str
    """The same."""
    document: Mapping[str, object]
    """The same, a JSON object for machines."""
