"""What ``orchestrator ps`` shows, as rows of words; how they are drawn is for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.cli.client import Document
from orchestrator.cli.words import CATEGORIES, age, countdown, span
from orchestrator.terminal import printable

HEADINGS: Final = ("SERVICE", "STATUS", "AGE", "RESTARTS", "NEXT", "REASON")


def cells(service: Document, now: str) -> tuple[str, ...]:
    """One service in the order of :data:`HEADINGS`."""
    uptime = service["uptime_seconds"]
    return (
        printable(service["name"]),
        status(service),
        "" if uptime is None else span(uptime),
        str(service["restart_count"]),
        countdown(service["retry_at"] or service["held_until"], now),
        printable(_reason(service, now)),
    )


def status(service: Document) -> str:
    """What cannot be seen is unknown, whatever it was; at rest is what a person wanted and does not end by itself."""
    return service["status"] if service["observed"] or service["at_rest"] else "unknown"


def plain_lines(document: Document) -> list[str]:
    """Aligned columns without colour or wrapping; an empty cell is ``-``, so that columns can be counted on."""
    rows = [HEADINGS, *(cells(one, document["timestamp"]) for one in in_order(document["services"]))]
    filled = [[cell or "-" for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in filled) for column in range(len(HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in filled]


def in_order(services: Sequence[Document]) -> list[Document]:
    return sorted(services, key=lambda one: (CATEGORIES.index(one["category"]), one["name"]))


def summary(document: Document) -> str:
    """``14 services: 12 healthy, 1 unhealthy, 1 starting``, over all categories."""
    tallies = document["by_category"].values()
    total, healthy, unhealthy, unknown = (
        sum(one[key] for one in tallies) for key in ("total", "healthy", "unhealthy", "unknown")
    )
    if total == 0:
        return "No services: no container matches. `orchestrator check` tells what is looked for."
    parts = [f"{healthy} healthy"]
    if unhealthy:
        parts.append(f"{unhealthy} unhealthy")
    if unknown:
        parts.append(f"{unknown} unknown")
    if total - healthy - unhealthy - unknown:
        parts.append(f"{total - healthy - unhealthy - unknown} starting or at rest")
    return f"{total} {'service' if total == 1 else 'services'}: {', '.join(parts)}"


def last_known(service: Document, now: str) -> str:
    if service["last_seen_at"] is None:
        return f"not seen yet; {service['status']} is what is remembered"
    return f"{service['status']} when seen last, {age(service['last_seen_at'], now)} ago"


def _reason(service: Document, now: str) -> str:
    parts = [] if status(service) != "unknown" else [last_known(service, now)]
    parts += [service["reason"]] if service["reason"] else []
    if not parts and service["waiting_on"]:
        parts.append(f"waits for {', '.join(service['waiting_on'])}")
    if service["held"] and "held" not in service["reason"]:
        parts.append(f"held {service['held']}")
    parts.extend(f"problem: {one}" for one in service["problems"])
    return "; ".join(parts)
