"""Prometheus' own view of what it scrapes: ``GET /api/v1/targets``, asked as a health endpoint is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from urllib.parse import urlsplit

from orchestrator.adapters.probes.http import HttpProbe
from orchestrator.core.model import HttpCheck, Verdict
from orchestrator.ports import ScrapeTarget, Target

LARGEST_ANSWER: Final = 2 * 1024 * 1024
"""Bytes: some two thousand targets."""
LONGEST_ERROR: Final = 500
"""Characters of Prometheus' words on a failed scrape that are kept."""
_ACTIVE_TARGETS: Final = HttpCheck("/api/v1/targets?state=active")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class PrometheusClient:
    """Implements :class:`orchestrator.ports.Prometheus`. Keeps nothing between questions."""

    def __init__(self) -> None:
        self._probe = HttpProbe(LARGEST_ANSWER)

    async def targets(self, target: Target, timeout: float) -> tuple[ScrapeTarget, ...] | str:
        reading = await self._probe.probe(_ACTIVE_TARGETS, target, timeout)
        if reading.verdict is not Verdict.PASS:
            return reading.detail
        data = _object(_object(reading.body).get("data"))
        listed = data.get("activeTargets")
        if not isinstance(listed, list):
            return f"its answer is not that of a Prometheus, or larger than {LARGEST_ANSWER} bytes"
        return tuple(_target(_object(one)) for one in listed)


def _target(document: Mapping[str, object]) -> ScrapeTarget:
    labels = _object(document.get("labels"))
    host, port = _address(str(document.get("scrapeUrl") or ""))
    return ScrapeTarget(
        job=str(labels.get("job") or document.get("scrapePool") or ""),
        instance=str(labels.get("instance") or ""),
        host=host,
        port=port,
        health=_health(document.get("health")),
        last_error=str(document.get("lastError") or "")[:LONGEST_ERROR],
        last_scrape=_wall(str(document.get("lastScrape") or "")),
    )


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _health(word: object) -> Literal["up", "down", "unknown"]:
    match word:
        case "up" | "down":
            return word
        case _:
            return "unknown"


def _address(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", None


def _wall(text: str) -> float | None:
    """Prometheus writes the year 1 for never."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo is not None and at.year > 1970 else None
